"""``metrics.jsonl``: one JSON object a line, and never a step twice."""

import json
import os
from pathlib import Path
from typing import Any

from ttt.engine.checkpoint import CheckpointError


class Journal:
    """Appends records to a file, flushed to the disk with each epoch."""

    def __init__(self, path: Path, keep_bytes: int) -> None:
        """Open ``path``, cut to its first ``keep_bytes``: what came after the checkpoint will come again.

        Raises CheckpointError where the file is shorter than that.
        """
        size = path.stat().st_size if path.exists() else 0
        if size < keep_bytes:
            raise CheckpointError(
                f"{path}: has {size} bytes, but the checkpoint was saved when it had {keep_bytes}; restore the file"
            )
        self._file = path.open("ab")
        self._file.truncate(keep_bytes)

    def write(self, record: dict[str, Any]) -> None:
        """Append one record."""
        self._file.write((json.dumps(record) + "\n").encode())

    def sync(self) -> int:
        """Make all records survive a crash; the size of the file."""
        self._file.flush()
        os.fsync(self._file.fileno())
        return self._file.tell()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read_records(path: Path, kind: str) -> list[dict[str, Any]]:
    """The records of one kind (``step``, ``epoch`` or ``alert``), without that word; a broken last line is left out."""
    records = []
    lines = path.read_text(encoding="utf-8").split("\n")
    for line in lines[:-1]:
        record = json.loads(line)
        if record.pop("kind") == kind:
            records.append(record)
    return records
