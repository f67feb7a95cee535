"""A command runs the code of the folder in which it is started, not that of another clone.

An editable installation imports the clone that it was made from, also in a second clone, in a git work tree and in the
copy of the repository in which a worker of DVC's queue runs an experiment. What came out there would be recorded with
the hash of code that did not run.
"""

import os
import sys
from pathlib import Path
from typing import Final

from ttt.config import UserError

_SOURCES: Final = "src"
_RESTARTED_FOR: Final = "TTT_RESTARTED_FOR"


def go_on_with_code_here() -> None:
    """Start ``python -m PACKAGE...`` anew from ``src/PACKAGE`` of the working folder where it came from elsewhere.

    Processes that the command starts inherit the path. To be called before any work; a program that was not started
    by ``-m``, or in a folder without such a package, is left alone. Raises UserError where the path has no effect.
    """
    spec = sys.modules["__main__"].__spec__
    package = "" if spec is None else spec.name.partition(".")[0]
    here = Path(_SOURCES).resolve()
    if not package or not (here / package / "__init__.py").exists():
        return
    loaded = Path(str(sys.modules[package].__file__)).resolve().parent
    if loaded == here / package:
        return
    if os.environ.get(_RESTARTED_FOR) == str(here):
        raise UserError(
            f"{package} is imported from {loaded.parent}, not from this folder's {here}, though PYTHONPATH names it; "
            "start python without -I and -E, or install this folder with `pip install -e .`"
        )
    sys.stderr.write(f"{package} is installed from {loaded.parent}; going on with the code of this folder, {here}\n")
    sys.stderr.flush()
    path = os.pathsep.join(filter(None, [str(here), os.environ.get("PYTHONPATH")]))
    environment = os.environ | {"PYTHONPATH": path, _RESTARTED_FOR: str(here)}
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment)
