"""``--fast_dev_run`` and ``--profile``: the same, with the same meaning, on every command that trains."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from ttt.config import UserError
from ttt.resume_flags import wants_resume

if TYPE_CHECKING:
    from ttt.engine.logger import Logger
    from ttt.engine.task import Task
    from ttt.settings import TrainingConfig


def add_trial_flags(parser: argparse.ArgumentParser) -> None:
    """Add ``--fast_dev_run`` and ``--profile``."""
    group = parser.add_argument_group("trying a training")
    group.add_argument(
        "--fast_dev_run",
        action="store_true",
        help="train one optimizer step and validate one batch, by all that a training goes through, in a temporary "
        "folder: no run is made, nothing is kept",
    )
    group.add_argument(
        "--profile",
        action="store_true",
        help="measure some steps with torch's profiler: a table of what took how long on standard output, and "
        "artifacts/profile_trace.json in the run folder for ui.perfetto.dev; the training's result is the same",
    )


def refuse_resumed_trial(args: argparse.Namespace) -> None:
    """Raise UserError where a run is to be resumed by ``--fast_dev_run``."""
    if args.fast_dev_run and wants_resume(args):
        raise UserError("--fast_dev_run: begins anew and keeps nothing; leave the --resume flags out")


@contextmanager
def temporary_run_folder() -> Iterator[Path]:
    """A run folder that is gone afterwards."""
    with TemporaryDirectory(prefix="fast_dev_run-") as folder:
        yield Path(folder)


def shortened(task: "Task", config: "TrainingConfig") -> tuple["Task", "TrainingConfig"]:
    """One epoch of one optimizer step, and one batch of validation; nobody is alarmed."""
    from ttt.engine.head import head_of

    train = config.train
    few = replace(
        task,
        train=head_of(task.train, train.batch_size * train.accumulate),
        val=head_of(task.val, train.eval_batch_size),
    )
    once = replace(
        config,
        train=train.model_copy(update={"epochs": 1}),
        alerts=config.alerts.model_copy(update={"command": None}),
    )
    return few, once


def tried(task: "Task") -> str:
    """What is said at the end of ``--fast_dev_run``."""
    return (
        f"fast_dev_run: one optimizer step on {len(task.train)} samples, one validation on {len(task.val)} and all "
        "around them went through. This was no training: no run was made, and nothing is kept"
    )


def profilers_of(args: argparse.Namespace) -> "list[Logger]":
    """Who measures the training, where ``--profile`` asks for it."""
    from ttt.watch.profiling import Profiler

    return [Profiler()] if args.profile else []
