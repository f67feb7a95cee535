"""Evaluate a checkpoint on validation samples: ``python -m ttt.eval --config FILE --ckpt PATH``."""

import argparse
import json
import sys
from pathlib import Path

from ttt.command import PRECEDENCE, run_command
from ttt.config import UserError
from ttt.files import sha256_file, write_text
from ttt.pinning import pin_for
from ttt.program import called_as
from ttt.set_flag import add_set_flag, overrides_of


def main(arguments: list[str] | None = None) -> int:
    """Run the command; the exit status."""
    parser = argparse.ArgumentParser(prog=called_as("ttt.eval"), description=__doc__, epilog=PRECEDENCE)
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="the configuration, YAML")
    parser.add_argument("--ckpt", type=Path, required=True, metavar="PATH", help="the checkpoint to evaluate")
    parser.add_argument("--out_json", type=Path, metavar="FILE", help="the figures, also printed")
    add_set_flag(parser)
    return run_command(_evaluate, parser.parse_args(arguments))


def _evaluate(args: argparse.Namespace) -> None:
    given = overrides_of(args)
    pin_for(args.config, given)
    from ttt.config import changes
    from ttt.engine.checkpoint import data_spec, load_model
    from ttt.engine.evaluate import evaluate, resolve_device
    from ttt.engine.plain_samples import as_batches
    from ttt.parts import DATASETS, LOSSES, build_metrics
    from ttt.settings import load_config

    config = load_config(args.config, given)
    model, checkpoint = load_model(args.ckpt)
    data = DATASETS.build(config.data, config=config)
    if different := changes(checkpoint.spec, data.spec.model_dump(mode="json"), "data"):
        listed = "\n  ".join(f"{key}: {then} in the checkpoint, {now} now" for key, then, now in different)
        raise UserError(f"{args.ckpt}: its model was made for other data:\n  {listed}")
    spec = data_spec(checkpoint, args.ckpt)
    batch_size = config.train.batch_size
    val = as_batches(data.val)
    loss = LOSSES.build(config.loss, model=model, spec=spec, train=as_batches(data.train), batch_size=batch_size)
    device = resolve_device(config.device)
    model.to(device)
    loss.to(device)
    metrics = build_metrics(config.metrics.names, spec)
    figures = evaluate(model, val, metrics, config.train.eval_batch_size, device, loss)
    facts = {
        "set": "val",
        "num_samples": len(val),
        "model": checkpoint.config["model"]["name"],
        "checkpoint_sha256": sha256_file(args.ckpt),
        "checkpoint_epoch": checkpoint.place.epoch,
    }
    text = json.dumps(facts | {f"val_{name}": value for name, value in figures.items()}, indent=2) + "\n"
    if args.out_json is not None:
        write_text(args.out_json, text)
    sys.stdout.write(text)


if __name__ == "__main__":
    sys.exit(main())
