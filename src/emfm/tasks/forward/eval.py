"""Evaluate a forward model on validation samples: ``python -m emfm.tasks.forward.eval --config FILE --ckpt PATH``.

Prints the project's figures: val_mse, the RMSE of each channel, its means over E and H, relative L2 errors,
errors of strength in dB, and the residual of Maxwell's equations.
"""

import argparse
import json
import sys
from pathlib import Path

from ttt.command import PRECEDENCE, run_command
from ttt.files import write_text
from ttt.pinning import pin_for
from ttt.program import called_as
from ttt.set_flag import add_set_flag, overrides_of


def main(arguments: list[str] | None = None) -> int:
    """Run the command; the exit status."""
    parser = argparse.ArgumentParser(
        prog=called_as("emfm.tasks.forward.eval"),
        description=__doc__,
        epilog=PRECEDENCE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="the configuration, YAML")
    parser.add_argument("--ckpt", type=Path, required=True, metavar="PATH", help="the checkpoint to evaluate")
    parser.add_argument("--val_ids", metavar="FILE", help="data.val_ids: IDs of the samples, one a line")
    parser.add_argument("--out_json", type=Path, metavar="FILE", help="the figures, also printed")
    add_set_flag(parser)
    return run_command(_evaluate, parser.parse_args(arguments))


def _evaluate(args: argparse.Namespace) -> None:
    given = overrides_of(args, {} if args.val_ids is None else {"data.val_ids": args.val_ids})
    pin_for(args.config, given)
    from emfm.core.measurement import MeasuredSamples, Measurement, described
    from emfm.core.sample_lists import open_samples
    from emfm.core.store import Store
    from emfm.evaluate.evaluation import refuse_other_geometry, set_metrics
    from emfm.model.trained import TrainedModel
    from emfm.training.params import DataParams
    from ttt.config import ConfigError
    from ttt.engine.evaluate import resolve_device
    from ttt.settings import load_config

    config = load_config(args.config, given)
    if not isinstance(config.data, DataParams):
        raise ConfigError(config.source, ["data.name: a forward model is judged on em_forward"])
    samples = open_samples(Store(Path(config.data.data_root)), Path(config.data.val_ids))
    predict = TrainedModel(args.ckpt, resolve_device(config.device))
    refuse_other_geometry(predict, samples.geometry, config.data.data_root)
    measured = MeasuredSamples(samples, Measurement.of(config.data.measurement, samples.geometry))
    errors = set_metrics(predict, measured, config.train.eval_batch_size, args.ckpt.name)
    facts = {
        "set": Path(config.data.val_ids).name.removesuffix("_ids.txt"),
        "samples": len(samples),
        "scans": described(measured.measurement),
        "model": predict.facts.model,
        "checkpoint_sha256": predict.facts.sha256,
    }
    figures = errors.compute() | {"rmse_per_channel": errors.rmse_per_channel()}
    text = json.dumps(facts | figures, indent=2) + "\n"
    if args.out_json is not None:
        write_text(args.out_json, text)
    sys.stdout.write(text)


if __name__ == "__main__":
    sys.exit(main())
