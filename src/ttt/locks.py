"""Locks that keep two processes from working on the same files."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

_LAST_BREATH_SECONDS: Final = 2.0
"""So long the workers of a process that was just killed may still hold its lock."""


class BusyError(RuntimeError):
    """Another process works with the files that are needed."""


@contextmanager
def locked(path: Path, busy: str) -> Iterator[None]:
    """Hold the lock file ``path`` in the block; raises BusyError with the sentence ``busy`` where another has it."""
    try:
        with FileLock(path, timeout=_LAST_BREATH_SECONDS):
            yield
    except Timeout:
        raise BusyError(busy) from None
