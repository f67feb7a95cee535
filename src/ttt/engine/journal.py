"""``metrics.jsonl``: what happened in a training, one JSON object a line, never a step twice.

A line's ``kind`` is ``step``, ``epoch``, ``alert`` or ``resume``. No line holds a time or a path, so a
training that is repeated, or killed and resumed, writes the same bytes.
"""

import codecs
import hashlib
import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from ttt.engine.errors import saving

_NO_CHARACTER: Final = "\ufffd"
"""What Python decodes bytes to that are no text; JSON of ours is ASCII."""


class Journal:
    """The open file, to which lines are added; what lies beyond ``size`` bytes is cut off first."""

    def __init__(self, path: Path, size: int) -> None:
        """Open ``path``, made where there is none. A file shorter than ``size`` is left as it is."""
        self.path = path
        self._file = path.open("ab", buffering=0)
        if self.size > size:
            self._file.truncate(size)
            self._file.seek(0, os.SEEK_END)
        self._digest = hashlib.sha256(path.read_bytes())

    @property
    def size(self) -> int:
        """Bytes written so far."""
        return os.fstat(self._file.fileno()).st_size

    @property
    def sha256(self) -> str:
        """Hash of the bytes written so far."""
        return self._digest.hexdigest()

    def write(self, kind: str, record: Mapping[str, Any]) -> None:
        """Add a line; a figure that is NaN or infinite is null in it. Raises SaveError on a full disk."""
        line = {"kind": kind} | {key: _finite(value) for key, value in record.items()}
        rest = json.dumps(line, allow_nan=False).encode() + b"\n"
        with saving(self.path):
            while rest:
                written = self._file.write(rest)
                self._digest.update(rest[:written])
                rest = rest[written:]

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
    sha256 = ""

    def write(self, kind: str, record: Mapping[str, Any]) -> None:
        """Nothing."""

    def sync(self) -> None:
        """Nothing."""


def read_records(path: Path) -> list[dict[str, Any]]:
    """The lines of a journal; an unfinished last one, which a crash may leave, is left out.

    Raises ValueError naming a damaged line, and OSError where there is no such file.
    """
    records = []
    *whole, unfinished = lines_of(path.read_bytes())
    for number, line in enumerate([*whole, *([unfinished] if unfinished else [])], start=1):
        try:
            record = value_in(line)
        except ValueError as error:
            if number > len(whole):
                break
            raise ValueError(f"{path}: line {number} is no JSON object ({error})") from error
        if not isinstance(record, dict) or "kind" not in record:
            raise ValueError(f"{path}: line {number} is no record of a training: it has no 'kind'")
        records.append(record)
    return records


def lines_of(content: bytes) -> list[str]:
    """The lines of a journal and, last, what follows its last line end; however another program wrote it.

    Line ends may be those of any system, and the text UTF-8 or, with the mark at its start, UTF-16.
    """
    is_utf16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    text = content.decode("utf-16" if is_utf16 else "utf-8-sig", errors="replace")
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def value_in(line: str) -> Any:
    """The JSON value in a line; raises ValueError where there is none."""
    if _NO_CHARACTER in line:
        raise ValueError("it holds bytes that are no text")
    try:
        return json.loads(line)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def epoch_records(path: Path) -> list[dict[str, Any]]:
    """One mapping an epoch: its number, steps so far, learning rate, losses and figures."""
    return [
        {key: value for key, value in record.items() if key != "kind"}
        for record in read_records(path)
        if record["kind"] == "epoch"
    ]


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
