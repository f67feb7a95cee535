"""Train a forward model by hand: ``python -m emfm.tasks.forward.train [--config FILE] ...``.

Without a flag it trains what params.yaml says, on the samples that the pipeline made. --data_root may be a packed
store or a folder of solved cases; with --data_root or --train_ids, the channel statistics are computed anew.
On several processes or GPUs: ``torchrun --nproc-per-node N -m emfm.tasks.forward.train ...``.
"""

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from ttt.command import PRECEDENCE, run_command
from ttt.config import UserError, read_yaml, with_values
from ttt.files import write_text
from ttt.pinning import pin_for
from ttt.program import called_as
from ttt.resume_flags import add_resume_flags, start_of, wants_resume
from ttt.runs import claim_next_run, kept_once_begun, newest_run
from ttt.set_flag import add_set_flag, overrides_of
from ttt.trial_flags import (
    add_trial_flags,
    profilers_of,
    refuse_resumed_trial,
    shortened,
    temporary_run_folder,
    tried,
)

EXPERIMENT: Final = "forward"
_OF_CHANNELS: Final = "weighted_mse"
_WITHOUT_CHANNELS: Final = "relative_l2"
"""A loss that weighs no channels, and the one that stands in for it where they are to be weighed."""
_VALUES: Final = {
    "data_root": ("data.data_root", str, "DIR", "a packed store, or a folder of solved cases"),
    "train_ids": ("data.train_ids", str, "FILE", "IDs of the training samples, one a line"),
    "val_ids": ("data.val_ids", str, "FILE", "IDs of the validation samples, one a line"),
    "epochs": ("train.epochs", int, "N", "passes over the training samples"),
    "batch_size": ("train.batch_size", int, "N", "samples in one batch"),
    "lr": ("optim.lr", float, "X", "learning rate, also of a resumed training"),
    "seed": ("seed", int, "N", "of the first weights and of the order of the samples"),
    "norm_max_batches": ("loss.norm_max_batches", int, "N", "batches that channel mean and std are computed from"),
    "norm_eps": ("loss.norm_eps", float, "X", "floor of a std, relative to the largest std of its quantity"),
    "eh_loss_e_weight": ("loss.e_weight", float, "X", "weight of the electric channels' error"),
    "eh_loss_h_weight": ("loss.h_weight", float, "X", "weight of the magnetic channels' error"),
    "auto_weight_max_batches": (
        "loss.auto_weight_max_batches",
        int,
        "N",
        "batches that automatic channel weights are computed from",
    ),
    "e_weight_multiplier": ("loss.e_weight_multiplier", float, "X", "factor on the automatic weights of E"),
    "h_weight_multiplier": ("loss.h_weight_multiplier", float, "X", "factor on the automatic weights of H"),
}
_SWITCHES: Final = {
    "normalize_y": ("loss.normalize_y", "measure the error of the normalised field, not of V/m and A/m"),
    "balance_eh_loss": ("loss.balance_eh_loss", "average E and H channels apart, then weigh them"),
    "auto_channel_weight": (
        "loss.auto_channel_weight",
        "older alternative: weigh each channel by 1 / its mean square; switches the two above off, and takes "
        f"loss.name: {_OF_CHANNELS} in the place of {_WITHOUT_CHANNELS}",
    ),
}


def main(arguments: list[str] | None = None) -> int:
    """Run the command; the exit status."""
    parser = argparse.ArgumentParser(
        prog=called_as("emfm.tasks.forward.train"),
        description=__doc__,
        epilog=PRECEDENCE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--config", type=Path, default=Path("params.yaml"), metavar="FILE", help="the configuration (%(default)s)"
    )
    parser.add_argument(
        "--run_dir", type=Path, metavar="DIR", help=f"default: ckpt.run_dir, else runs/{EXPERIMENT}/<number>"
    )
    for flag, (key, kind, metavar, text) in _VALUES.items():
        parser.add_argument(f"--{flag}", type=kind, metavar=metavar, help=f"{key}: {text}")
    for flag, (key, text) in _SWITCHES.items():
        parser.add_argument(f"--{flag}", action="store_true", default=None, help=f"{key}: {text}")
    add_set_flag(parser)
    add_trial_flags(parser)
    add_resume_flags(parser)
    return run_command(_train, parser.parse_args(arguments))


def overrides(args: argparse.Namespace) -> dict[str, Any]:
    """The values of the configuration that the command line replaces, by dotted key."""
    given = {key: getattr(args, flag) for flag, (key, *_) in _VALUES.items() if getattr(args, flag) is not None}
    given |= {key: True for flag, (key, _) in _SWITCHES.items() if getattr(args, flag)}
    implied: dict[str, Any] = {}
    if args.auto_channel_weight and not (args.normalize_y or args.balance_eh_loss):
        implied |= {"loss.normalize_y": False, "loss.balance_eh_loss": False}
    given = overrides_of(args, given)
    if args.auto_channel_weight and _loss_in(args.config, given) == _WITHOUT_CHANNELS:
        implied["loss.name"] = _OF_CHANNELS
    if any(value is not None for value in (args.data_root, args.train_ids, args.norm_max_batches, args.norm_eps)):
        implied["data.norm_stats"] = None
    return given | implied


def _loss_in(config: Path, given: dict[str, Any]) -> object:
    """``loss.name`` of a configuration; None where it has none, which is said when it is loaded."""
    loss = with_values(read_yaml(config), given).get("loss")
    return loss.get("name") if isinstance(loss, dict) else None


def _train(args: argparse.Namespace) -> None:
    refuse_resumed_trial(args)
    given = overrides(args)
    pin_for(args.config, given)
    from emfm.tasks.forward.cases import packed
    from emfm.training.dataset import field_spec
    from ttt.engine.assemble import assemble
    from ttt.engine.loop import fit
    from ttt.engine.ranks import joined_ranks
    from ttt.engine.run_folder import RunFolder
    from ttt.log import LOG
    from ttt.loggers.chosen import loggers_of
    from ttt.settings import load_config
    from ttt.watch.progress import log_to_stderr

    with joined_ranks() as ranks:
        log_to_stderr(quiet=not ranks.is_first)
        config = load_config(args.config, given)
        with ranks.holding(_run_folder(args, config.ckpt.run_dir)) as folder:
            artifacts = RunFolder(folder).artifacts
            unpacked = config
            config = ranks.first(lambda: packed(unpacked, artifacts / "store"))
            task = assemble(config)
            statistics = field_spec(task).norm.to_json()
            if args.fast_dev_run:
                task, config = shortened(task, config)
            else:
                LOG.info("run folder: %s", folder)
            outcome = fit(
                task,
                config,
                folder,
                start_of(args),
                accepted=lambda: write_text(artifacts / "y_norm_stats.json", statistics),
                loggers=[*loggers_of(config, folder), *profilers_of(args)],
            )
        if args.fast_dev_run:
            LOG.info(tried(task))
            return
        score, epoch = outcome.best_score, outcome.best_epoch
        LOG.info("best %s %.6g in epoch %d: %s", config.ckpt.monitor, score, epoch, outcome.best)


@contextmanager
def _run_folder(args: argparse.Namespace, configured: str | None) -> Iterator[Path]:
    """The run's folder; raises UserError where a training is to go on and there is nothing to go on from.

    A new one is gone again where the training is refused, and always after a trial.
    """
    if args.fast_dev_run:
        with temporary_run_folder() as folder:
            yield folder
        return
    claimed = False
    if args.run_dir is not None or configured is not None:
        folder = args.run_dir or Path(str(configured))
    else:
        claimed = not wants_resume(args)
        folder = claim_next_run(EXPERIMENT) if claimed else newest_run(EXPERIMENT)
    wanted = folder / ("best.pth" if args.resume_best else "last.pth")
    if wants_resume(args) and not wanted.exists():
        raise UserError(f"--resume: there is no {wanted}; name another --run_dir, or start without --resume")
    with kept_once_begun(folder, claimed):
        yield folder


if __name__ == "__main__":
    sys.exit(main())
