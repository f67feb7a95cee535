"""Projects that a whole test run makes once, whichever of its processes needs them first."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

from tiny_project import Project


def made_once(base: Path, name: str, make: Callable[[Path], Project]) -> Project:
    """The project that ``make`` makes in a folder that does not exist yet.

    ``base`` is pytest's temporary folder of this process. pytest-xdist gives each of its processes one inside the
    folder of the whole run, so that the first to come makes the project there and the others wait for it. As all see
    the same folder, nobody may run a command there: copy it.
    """
    run = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder, done = run / name / "project", run / name / "done"
    (run / name).mkdir(exist_ok=True)
    with FileLock(run / name / "lock"):
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)  # of an earlier try, which failed
            make(folder)
            done.touch()
    return Project(folder)
