"""npz cases: ``<root>/<id>.npz`` with the arrays ``x`` (4, ny, nx) and ``y`` (12, ny, nx)."""

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from emfm.data.readers.base import READERS, Fields, NoParams, inside, natural_key, to_float32
from emfm.data.sample import DataError, checked_id
from emfm.physics.channels import SOURCE_CHANNELS, TARGET_CHANNELS
from emfm.physics.grid import Geometry

_HEADER_BYTES: Final = 4096
_LARGEST_ITEM: Final = 16


@READERS.register("npz_cases", params=NoParams)
class NpzCases:
    """One npz file a case."""

    def __init__(self, params: None = None) -> None:
        pass

    def cases(self, root: Path) -> Mapping[str, Path]:
        """See `emfm.data.readers.base.CaseReader`."""
        found = {}
        for path in sorted(root.glob("*.npz"), key=lambda path: natural_key(path.stem)):
            inside(path, root)
            found[checked_id(path.stem, str(path))] = path
        return found

    def files(self, case: Path) -> list[Path]:
        """See `emfm.data.readers.base.CaseReader`."""
        return [case]

    def read(self, case: Path, geometry: Geometry) -> Fields:
        """See `emfm.data.readers.base.CaseReader`."""
        source = read_member(case, "x", (len(SOURCE_CHANNELS), *geometry.source.shape))
        target = read_member(case, "y", (len(TARGET_CHANNELS), *geometry.target.shape))
        return source, target


def read_member(path: Path, name: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """The array ``name`` of an npz file, of exactly this shape.

    Raises DataError for a missing or damaged file or array, another shape, a pickle, a value that is not
    finite, or a member that would unpack to more than the array can need.
    """
    where = f"{path}: array {name}"
    try:
        with zipfile.ZipFile(path) as archive:
            member = f"{name}.npy"
            if member not in archive.namelist():
                known = ", ".join(entry.removesuffix(".npy") for entry in archive.namelist())
                raise DataError(f"{path}: has no array {name} (it has {known}); save it with numpy.savez(x=..., y=...)")
            most = int(np.prod(shape)) * _LARGEST_ITEM + _HEADER_BYTES
            if archive.getinfo(member).file_size > most:
                raise DataError(f"{where}: unpacks to more than the {most} bytes that {shape} can need; it was not read")
        with np.load(path, allow_pickle=False) as arrays:
            array = arrays[name]
    except FileNotFoundError:
        raise DataError(f"{path}: missing; export the case again") from None
    except DataError:
        raise
    except Exception as error:  # zipfile, zlib and numpy raise many kinds for a damaged file
        raise DataError(f"{where}: cannot be read without unpickling ({error}); save plain arrays") from error
    return checked_array(array, shape, where)


def checked_array(array: NDArray[Any], shape: tuple[int, ...], where: str) -> NDArray[np.float32]:
    """``array`` as float32 if it has this shape and holds real, finite numbers; raises DataError if not."""
    if array.shape != shape:
        raise DataError(f"{where}: must have the shape {shape}, found {array.shape}; check the section data")
    if array.dtype.kind not in "fiu":
        raise DataError(f"{where}: must hold real numbers, found {array.dtype}; save real and imaginary channels")
    return to_float32(array, where)
