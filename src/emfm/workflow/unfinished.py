"""Folders in which a stopped stage leaves what it has, outside of DVC's outputs.

DVC removes a stage's outputs before it runs, so unfinished work lives in ``.resume/<stage>-<fingerprint>``
of the repository (``DVC_ROOT`` names it also inside temporary experiment folders). The fingerprint covers
all that the result depends on, the code by the stage's dependencies in ``dvc.yaml``: work is taken up again only where
it leads to the same result.
"""

import hashlib
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from emfm.workflow.dvc_file import ROOT, sources_of
from ttt.files import sha256_files
from ttt.locks import locked


@contextmanager
def resume_folder(stage: str, identity: Sequence[str], *, keep: bool = False) -> Iterator[Path]:
    """The folder for the unfinished work of ``stage``, locked; removed when the block ends without an error.

    With ``keep`` it stays: the work is a part that another process will take up. Raises BusyError where another
    process holds it.
    """
    root = _root()
    root.mkdir(parents=True, exist_ok=True)
    folder = root / f"{stage}-{_fingerprint(identity)}"
    with locked(Path(f"{folder}.lock"), f"another process works on {stage} in {folder}; wait for it or stop it"):
        yield folder
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)


def unfinished(stage: str, identity: Sequence[str]) -> list[str]:
    """The stages whose names begin with ``stage`` that have left work of the same identity."""
    ending = f"-{_fingerprint(identity)}"
    return sorted(path.name.removesuffix(ending) for path in _root().glob(f"{stage}*{ending}") if path.is_dir())


@contextmanager
def kept_folder(name: str) -> Iterator[Path]:
    """A folder for what a stage keeps from run to run, locked; the stage decides itself what of it still holds.

    Raises BusyError where another process holds it.
    """
    folder = _root() / name
    folder.parent.mkdir(parents=True, exist_ok=True)
    with locked(Path(f"{folder}.lock"), f"another process works with {folder}; wait for it or stop it"):
        yield folder


def memo_folder(stage: str, kind: str, *identity: str) -> Path:
    """Where stages of a ``kind`` keep what they compute once: by the code of ``stage`` and one ``identity`` alone."""
    folder = _root() / f"memo-{kind}-{_fingerprint([code_digest(stage), *identity])}"
    for other in set(_root().glob(f"memo-{kind}-*")) - {folder}:
        shutil.rmtree(other, ignore_errors=True)
    return folder


def _fingerprint(identity: Sequence[str]) -> str:
    return hashlib.sha256("\0".join(identity).encode()).hexdigest()[:16]


def _root() -> Path:
    return Path(os.environ.get("DVC_ROOT", ".")) / ".resume"


def code_digest(stage: str) -> str:
    """One hash over the modules that ``dvc.yaml`` names among the dependencies of ``stage``."""
    return sha256_files(sources_of(stage), ROOT)
