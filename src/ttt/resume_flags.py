"""The four ``--resume`` flags: the same, with the same meaning, on every command that trains."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ttt.engine.start import Start


def add_resume_flags(parser: argparse.ArgumentParser) -> None:
    """Add ``--resume``, ``--resume_best``, ``--resume_new_lr`` and ``--resume_reset_scheduler``."""
    group = parser.add_argument_group("resuming (each of the last three implies --resume)")
    group.add_argument(
        "--resume",
        action="store_true",
        help="go on from last.pth exactly where the training was, as if it had never stopped",
    )
    group.add_argument(
        "--resume_best",
        action="store_true",
        help="go on from best.pth; what came after it is cut from the log",
    )
    group.add_argument(
        "--resume_new_lr",
        action="store_true",
        help="set the learning rate to optim.lr of the file, or to --lr, which implies this flag; the "
        "optimizer's moments stay, and the rest of the schedule goes on from the new rate in proportion",
    )
    group.add_argument(
        "--resume_reset_scheduler",
        action="store_true",
        help="do not load the schedule's state: build it anew from the configuration, over the epochs that "
        "are left, from the rate last asked for (the new one with --lr or --resume_new_lr)",
    )


def wants_resume(args: argparse.Namespace) -> bool:
    """Whether any of the four flags is given."""
    return bool(args.resume or args.resume_best or args.resume_new_lr or args.resume_reset_scheduler)


def start_of(args: argparse.Namespace, init_weights: Path | None = None) -> "Start":
    """How to start, from the four flags and ``args.lr``; without a flag fresh, from ``init_weights`` if given."""
    from ttt.engine.start import NewRun, Resume  # late: it imports torch, which must be pinned first

    if not wants_resume(args):
        return NewRun(init_weights)
    return Resume(
        source="best" if args.resume_best else "last",
        new_lr=bool(args.resume_new_lr or args.lr is not None),
        reset_scheduler=bool(args.resume_reset_scheduler),
    )
