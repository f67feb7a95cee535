"""``metrics.jsonl``: what happened in a training, one JSON object a line, never a step twice.

A line's ``kind`` is ``step``, ``epoch``, ``alert`` or ``resume``. No line holds a time or a path, so a
training that is repeated, or killed and resumed, writes the same bytes.
"""

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ttt.engine.errors import saving


class Journal:
    """The open file, to which lines are added; what lies beyond ``size`` bytes is cut off first."""

    def __init__(self, path: Path, size: int) -> None:
        """Open ``path``, made where there is none. A file shorter than ``size`` is left as it is."""
        self.path = path
        self._file = path.open("ab", buffering=0)
        if self.size > size:
            self._file.truncate(size)
            self._file.seek(0, os.SEEK_END)

    @property
    def size(self) -> int:
        """Bytes written so far."""
        return os.fstat(self._file.fileno()).st_size

    def write(self, kind: str, record: Mapping[str, Any]) -> None:
        """Add a line; a figure that is NaN or infinite is null in it. Raises SaveError on a full disk."""
        line = {"kind": kind} | {key: _finite(value) for key, value in record.items()}
        rest = json.dumps(line, allow_nan=False).encode() + b"\n"
        with saving(self.path):
            while rest:
                rest = rest[self._file.write(rest) :]

    def sync(self) -> None:
        """Make what was written survive a power cut."""
        with saving(self.path):
            os.fsync(self._file.fileno())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


class NoJournal:
    """The journal of a process that writes nothing, because another one does."""

    size = 0

    def write(self, kind: str, record: Mapping[str, Any]) -> None:
        """Nothing."""

    def sync(self) -> None:
        """Nothing."""


def read_records(path: Path) -> list[dict[str, Any]]:
    """The lines of a journal; an unfinished last one, which a crash may leave, is left out.

    Raises ValueError naming a damaged line, and OSError where there is no such file.
    """
    records = []
    text = path.read_text(encoding="utf-8")
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            if number == text.count("\n") + 1:
                break
            raise ValueError(f"{path}: line {number} is no JSON object ({error})") from error
        if not isinstance(record, dict) or "kind" not in record:
            raise ValueError(f"{path}: line {number} is no record of a training: it has no 'kind'")
        records.append(record)
    return records


def epoch_records(path: Path) -> list[dict[str, Any]]:
    """One mapping an epoch: its number, steps so far, learning rate, losses and figures."""
    return [
        {key: value for key, value in record.items() if key != "kind"}
        for record in read_records(path)
        if record["kind"] == "epoch"
    ]


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
