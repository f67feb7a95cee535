"""Train what a configuration file describes: ``python -m ttt.train --config FILE --exp_name NAME``.

On several processes or GPUs: ``torchrun --nproc-per-node N -m ttt.train ...``, with the same batches for every N.
"""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ttt.command import PRECEDENCE, run_command
from ttt.config import UserError
from ttt.pinning import pin_for
from ttt.program import called_as
from ttt.resume_flags import add_resume_flags, start_of, wants_resume
from ttt.runs import claim_next_run, kept_once_begun, newest_run, run_folder
from ttt.set_flag import add_set_flag, overrides_of
from ttt.trial_flags import (
    add_trial_flags,
    profilers_of,
    refuse_resumed_trial,
    shortened,
    temporary_run_folder,
    tried,
)

if TYPE_CHECKING:
    from ttt.settings import TrainingConfig


def main(arguments: list[str] | None = None) -> int:
    """Run the command; the exit status."""
    parser = argparse.ArgumentParser(prog=called_as("ttt.train"), description=__doc__, epilog=PRECEDENCE)
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="the configuration, YAML")
    parser.add_argument(
        "--exp_name",
        metavar="NAME",
        help="the run is in runs/NAME/<run_id>/; needed unless ckpt.run_dir is set",
    )
    parser.add_argument(
        "--run_id", metavar="ID", help="default: the next free number; with --resume the newest run of NAME"
    )
    parser.add_argument("--epochs", type=int, metavar="N", help="train.epochs: passes over the training samples")
    parser.add_argument("--lr", type=float, metavar="X", help="optim.lr: learning rate, also of a resumed training")
    parser.add_argument("--amp", action="store_true", default=None, help="amp.enabled: 16-bit where it is safe")
    add_set_flag(parser)
    add_trial_flags(parser)
    add_resume_flags(parser)
    return run_command(_train, parser.parse_args(arguments))


def _train(args: argparse.Namespace) -> None:
    refuse_resumed_trial(args)
    given = overrides(args)
    pin_for(args.config, given)
    from ttt.engine.assemble import assemble
    from ttt.engine.loop import fit
    from ttt.engine.ranks import joined_ranks
    from ttt.log import LOG
    from ttt.loggers.chosen import loggers_of
    from ttt.settings import load_config
    from ttt.watch.progress import log_to_stderr

    with joined_ranks() as ranks:
        log_to_stderr(quiet=not ranks.is_first)
        config = load_config(args.config, given)
        if args.fast_dev_run:
            task, config = shortened(assemble(config), config)
            with ranks.holding(temporary_run_folder()) as folder:
                loggers = [*loggers_of(config, folder), *profilers_of(args)]
                fit(task, config, folder, start_of(args), loggers=loggers)
            LOG.info(tried(task))
            return
        known = _known_folder(args, config)
        task = assemble(config)
        new = ranks.first(lambda: known or claim_next_run(args.exp_name))
        with ranks.holding(kept_once_begun(new, claimed=known is None)) as folder:
            LOG.info("run folder: %s", folder)
            loggers = [*loggers_of(config, folder), *profilers_of(args)]
            outcome = fit(task, config, folder, start_of(args), loggers=loggers)
        score, epoch = outcome.best_score, outcome.best_epoch
        LOG.info("best %s %.6g in epoch %d: %s", config.ckpt.monitor, score, epoch, outcome.best)


def overrides(args: argparse.Namespace) -> dict[str, Any]:
    """The values of the configuration that the command line replaces, by dotted key."""
    flags = {"train.epochs": args.epochs, "optim.lr": args.lr, "amp.enabled": args.amp}
    return overrides_of(args, {key: value for key, value in flags.items() if value is not None})


def _known_folder(args: argparse.Namespace, config: "TrainingConfig") -> Path | None:
    """The run's folder where it has a name already; raises UserError where none is given or nothing is in it."""
    resuming = wants_resume(args)
    if args.exp_name is None:
        if config.ckpt.run_dir is None or args.run_id is not None:
            raise UserError("--exp_name: missing; name the experiment, or set ckpt.run_dir in the configuration")
        folder = Path(config.ckpt.run_dir)
    elif args.run_id is not None:
        folder = run_folder(args.exp_name, args.run_id)
    elif resuming:
        folder = newest_run(args.exp_name)
    else:
        return None
    wanted = folder / ("best.pth" if args.resume_best else "last.pth")
    if resuming and not wanted.exists():
        raise UserError(f"--resume: there is no {wanted}; name another run with --run_id, or start without --resume")
    return folder


if __name__ == "__main__":
    sys.exit(main())
