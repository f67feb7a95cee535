"""Where runs are: ``runs/<exp_name>/<run_id>/``, the newest of them, and the next free number."""

import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from ttt.config import UserError
from ttt.engine.errors import Interrupted, TrainingError

RUNS: Final = Path("runs")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_LOG = "metrics.jsonl"
_BEGUN = {"last.pth", "best.pth", _LOG}
_LOCK = ".lock"


def experiment_folder(exp_name: str) -> Path:
    """The folder of an experiment's runs; raises UserError for a name that is no plain file name."""
    return RUNS / _plain(exp_name, "--exp_name")


def run_folder(exp_name: str, run_id: str) -> Path:
    """The folder of a run that has a name; raises UserError for a name that is no plain file name."""
    return experiment_folder(exp_name) / _plain(run_id, "--run_id")


def claim_next_run(exp_name: str) -> Path:
    """Make the folder of a new run, ``001`` or the next free number; no one else gets the same."""
    experiment = experiment_folder(exp_name)
    experiment.mkdir(parents=True, exist_ok=True)
    number = 1 + max((int(path.name) for path in experiment.iterdir() if path.name.isdecimal()), default=0)
    while True:
        folder = experiment / f"{number:03d}"
        try:
            folder.mkdir()
        except FileExistsError:
            number += 1
        else:
            return folder


@contextmanager
def kept_once_begun(folder: Path, claimed: bool = False) -> Iterator[Path]:
    """The folder of a run, which is removed where the block is refused (UserError, TrainingError) before it trains.

    One that was there before, or holds a file that is not this block's lock, stays, unless it was ``claimed`` for it.
    """
    was_there = folder.exists() and not claimed
    try:
        yield folder
    except Interrupted:
        raise
    except (UserError, TrainingError):
        files = {path.name for path in folder.rglob("*") if path.is_file()}
        if not was_there and ((claimed and not files & _BEGUN) or files <= {_LOCK}):
            shutil.rmtree(folder, ignore_errors=True)
        raise


def newest_run(exp_name: str) -> Path:
    """The experiment's run whose log was written last; raises UserError where there is none."""
    experiment = experiment_folder(exp_name)
    runs = _newest_first(experiment.glob(f"*/{_LOG}"))
    if not runs:
        raise UserError(f"--resume: there is no run in {experiment}; start one without --resume")
    return runs[0]


def newest_runs(root: Path, count: int) -> list[Path]:
    """The ``count`` runs below ``root`` whose logs were written last, oldest first.

    Raises UserError where there are none.
    """
    runs = _newest_first(root.glob(f"**/{_LOG}"))
    if not runs:
        raise UserError(f"--last: there is no run below {root}, that is, no file {_LOG}")
    return runs[:count][::-1]


def _newest_first(logs: Iterable[Path]) -> list[Path]:
    return [log.parent for log in sorted(logs, key=lambda log: (log.stat().st_mtime_ns, log.parts), reverse=True)]


def _plain(name: str, flag: str) -> str:
    if not _NAME.fullmatch(name):
        raise UserError(f"{flag}: found '{name}'; allowed are letters, digits, '_', '-' and '.', no path")
    return name
