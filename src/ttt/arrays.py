"""Arrays in npy and npz files: read without unpickling, and written whole or not at all.

Of a stored array its header comes first, so that one of another shape is refused before it is unpacked.
"""

import io
import math
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final, Self

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from ttt.files import write_bytes

SUFFIX: Final = ".npy"
"""Of a file, and of the name of an array in a npz file."""

_PLAIN_VERSION: Final = (1, 0)
"""numpy writes arrays of numbers in this version of its format; its header has 64 KiB at most."""

_NO_TIME: Final = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class StoredArray:
    """An array in numpy's own format, of which only the header is read so far."""

    shape: tuple[int, ...]
    fortran_order: bool
    """Whether the first axis varies fastest."""
    dtype: np.dtype[Any]
    stream: IO[bytes]
    """Stands at the first number."""

    @classmethod
    def open(cls, stream: IO[bytes]) -> Self:
        """Read the header; raises one of `ttt.files.DAMAGED` where there is none of an array of numbers."""
        version = npy.read_magic(stream)
        if version != _PLAIN_VERSION:
            raise ValueError(f"version {version} of the format is not for arrays of numbers")
        return cls(*npy.read_array_header_1_0(stream), stream)

    def read(self) -> NDArray[Any]:
        """The numbers; raises ValueError where they are a pickle, or not as many as the header says."""
        if self.dtype.hasobject:
            raise ValueError("holds a pickle, which is never loaded")
        expected = math.prod(self.shape) * self.dtype.itemsize
        content = self.stream.read(max(expected, 0))  # a number below 0 would read, and unpack, everything
        if len(content) != expected or self.stream.read(1):
            raise ValueError("holds more or fewer numbers than its header says")
        return np.frombuffer(content, self.dtype).reshape(self.shape, order="F" if self.fortran_order else "C")


def is_npy(stream: IO[bytes]) -> bool:
    """Whether a file, which stands at its start, begins as a npy file; it stands there again."""
    start = stream.read(len(npy.MAGIC_PREFIX))
    stream.seek(0)
    return start == npy.MAGIC_PREFIX


def array_names(archive: zipfile.ZipFile) -> list[str]:
    """The names of the arrays in a npz file."""
    return [name.removesuffix(SUFFIX) for name in archive.namelist() if name.endswith(SUFFIX)]


def write_npy(path: Path, array: NDArray[Any]) -> None:
    """Replace ``path`` atomically by ``array``."""
    write_bytes(path, _npy_bytes(array))


def write_npz(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Replace ``path`` atomically by an uncompressed npz file, without the time that numpy would put into it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, array in arrays.items():
            archive.writestr(zipfile.ZipInfo(name + SUFFIX, _NO_TIME), _npy_bytes(array))
    write_bytes(path, buffer.getvalue())


def _npy_bytes(array: NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()
