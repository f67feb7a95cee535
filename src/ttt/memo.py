"""Remembered results of long computations: tables of numbers, in files named by all that a result depends on."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ttt.files import write_bytes

Array = NDArray[Any]


class Memo:
    """Arrays ``(n, m)`` by key; in ``folder``, or without one only as long as the object lives.

    The folder may be removed at any time: what is missing is computed again.
    """

    def __init__(self, folder: Path | None = None, before: Callable[[], None] | None = None) -> None:
        """``before`` is called before each computation, and may raise to stop it."""
        self._folder, self._before = folder, before
        self._held: dict[str, Array] = {}

    def interruptible(self, before: Callable[[], None]) -> "Memo":
        """The same folder with another ``before``."""
        return Memo(self._folder, before)

    def shared(self, first: Callable[[Callable[[], Array]], Array]) -> "Memo":
        """The same memo for processes that compute together; ``first`` has one of them work for all."""
        return _Shared(self, first)

    def array(self, identity: str, compute: Callable[[], Array], dtype: DTypeLike = np.float32) -> Array:
        """What was remembered under ``identity``, or what ``compute`` returns, which is remembered from now on.

        ``identity`` must name everything that decides the result, ``dtype`` included. A damaged file is replaced.
        """
        key = hashlib.sha256(identity.encode()).hexdigest()
        if self._folder is None:
            if key not in self._held:
                self._held[key] = self._computed(compute, dtype)
            return self._held[key]
        path = self._folder / f"{key}.array"
        found = _read(path, dtype)
        if found is None:
            found = self._computed(compute, dtype)
            write_bytes(path, _to_bytes(found))
        return found

    def _computed(self, compute: Callable[[], Array], dtype: DTypeLike) -> Array:
        if self._before is not None:
            self._before()
        return np.ascontiguousarray(compute(), dtype)


class _Shared(Memo):
    def __init__(self, memo: Memo, first: Callable[[Callable[[], Array]], Array]) -> None:
        super().__init__()
        self._memo, self._first = memo, first

    def array(self, identity: str, compute: Callable[[], Array], dtype: DTypeLike = np.float32) -> Array:
        """See `Memo.array`."""
        return self._first(lambda: self._memo.array(identity, compute, dtype))


def _read(path: Path, dtype: DTypeLike) -> Array | None:
    """The array in a file whose checksum is right; None for a missing or damaged one."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    checksum, data = content[:32], content[32:]
    if hashlib.sha256(data).digest() != checksum:
        return None
    try:
        rows, columns = np.frombuffer(data[:16], np.int64)
        return np.frombuffer(data[16:], dtype).reshape(rows, columns).copy()
    except ValueError:
        return None


def _to_bytes(array: Array) -> bytes:
    data = np.array(array.shape, np.int64).tobytes() + array.tobytes()
    return hashlib.sha256(data).digest() + data
