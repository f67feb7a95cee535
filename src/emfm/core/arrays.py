"""Write arrays whole or not at all, with the same bytes for the same values."""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ttt.files import write_bytes

_NO_TIME = (1980, 1, 1, 0, 0, 0)


def write_npy(path: Path, array: NDArray[Any]) -> None:
    """Replace ``path`` atomically by ``array``."""
    write_bytes(path, _npy_bytes(array))


def write_npz(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Replace ``path`` atomically by an uncompressed npz file, without the time that numpy would put into it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, array in arrays.items():
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", _NO_TIME), _npy_bytes(array))
    write_bytes(path, buffer.getvalue())


def _npy_bytes(array: NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()
