"""The ledger of looks at test_final: one line for every model that was ever evaluated on it.

A line is kept in two places: in a tracked file, which travels with git, and in git's common folder, which
all work trees and DVC's temporary experiment folders share. Each look merges both. A model is known by the
hash of its checkpoint and of the test set, so the same model evaluated again is the same look.
"""

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from filelock import FileLock

from emfm.core.errors import DataError
from ttt.files import write_text
from ttt.git import git

_SHARED_NAME = "emfm-test-final-ledger.jsonl"


@dataclass(frozen=True)
class Look:
    """One evaluation of one model on test_final."""

    when: str
    """UTC, ISO 8601."""
    revision: str
    """The commit that was checked out, with ``-dirty`` where tracked files differed from it."""
    stage: str
    model_sha256: str
    test_set_sha256: str
    figures: dict[str, float]

    @property
    def key(self) -> tuple[str, str]:
        """What makes two looks the same."""
        return self.model_sha256, self.test_set_sha256

    @classmethod
    def now(cls, stage: str, model_sha256: str, test_set_sha256: str, figures: dict[str, float]) -> Self:
        """A look at this moment, at the commit that is checked out."""
        when = datetime.now(UTC).isoformat(timespec="seconds")
        return cls(when, _revision(), stage, model_sha256, test_set_sha256, figures)


def read_ledger(path: Path) -> list[Look]:
    """The looks in a ledger file (none where there is no file); raises DataError naming a damaged line."""
    looks = []
    try:
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: is no text ({error}); restore the file from git") from error
    for number, line in enumerate(lines, start=1):
        try:
            looks.append(_parsed(line))
        except (TypeError, ValueError, RecursionError) as error:
            raise DataError(f"{path}: line {number} is no look ({error}); restore the file from git") from error
    return looks


def looks_at(looks: Iterable[Look], test_set_sha256: str) -> list[Look]:
    """Those of ``looks`` that were at one test set; a ledger also holds the looks at sets that were split before."""
    return [look for look in looks if look.test_set_sha256 == test_set_sha256]


def _parsed(line: str) -> Look:
    look = Look(**json.loads(line))
    texts = {name: value for name, value in asdict(look).items() if name != "figures"}
    for name, value in texts.items():
        if not isinstance(value, str):
            raise TypeError(f"{name} is no text")
    if not isinstance(look.figures, dict):
        raise TypeError("figures is no mapping")
    return look


def record_looks(tracked: Path, looks: Iterable[Look]) -> list[Look]:
    """Add ``looks`` to both ledgers, merge them, and return all looks, oldest first.

    Raises DataError for a damaged ledger, before anything is written.
    """
    shared = _shared_ledger()
    with FileLock(f"{shared}.lock"):
        merged: dict[tuple[str, str], Look] = {}
        for look in [*read_ledger(tracked), *read_ledger(shared), *looks]:
            known = merged.get(look.key)
            merged[look.key] = look if known is None or look.when < known.when else known
        ordered = sorted(merged.values(), key=lambda look: (look.when, look.stage, look.key))
        text = "".join(json.dumps(asdict(look)) + "\n" for look in ordered)
        for path in (shared, tracked):
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                write_text(path, text)
    return ordered


def _shared_ledger() -> Path:
    root = os.environ.get("DVC_ROOT", ".")
    common = git("-C", root, "rev-parse", "--path-format=absolute", "--git-common-dir").strip()
    return Path(common) / _SHARED_NAME


def _revision() -> str:
    return git("describe", "--always", "--abbrev=40", "--dirty", "--exclude=*").strip()
