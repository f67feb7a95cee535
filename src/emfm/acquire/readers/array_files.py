"""Fields in npy and npz files, read without unpacking more than the fields need."""

import math
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from emfm.acquire.readers.base import WantedPlane
from emfm.acquire.readers.folders import checked_file
from emfm.acquire.readers.frequency import check_frequency, frequency_units
from emfm.acquire.readers.planes import to_float32
from emfm.core.errors import DataError
from ttt.arrays import SUFFIX, StoredArray, array_names
from ttt.files import DAMAGED


def read_npy_plane(path: Path, wanted: WantedPlane) -> NDArray[np.float32]:
    """The field in a npy file, ``(channels, ny, nx)``; raises DataError where it cannot be used."""
    checked_file(path, wanted.root)
    with path.open("rb") as stream:
        return _field(stream, wanted.shape, str(path))


def read_npz_plane(path: Path, wanted: WantedPlane) -> NDArray[np.float32]:
    """The only field in a npz file, or of several the array ``x``, ``(channels, ny, nx)``; see `read_npz`."""
    with _archive(path, wanted.root) as archive:
        fields = [name for name in array_names(archive) if not frequency_units(name)]
        name = fields[0] if len(fields) == 1 else "x"
        return _fields(path, archive, {name: wanted.shape}, wanted.frequency)[0]


def read_npz(
    path: Path, shapes: Mapping[str, tuple[int, ...]], frequency: float, root: Path
) -> list[NDArray[np.float32]]:
    """The arrays of a npz file that must have these ``shapes`` by name; it may hold others.

    Raises DataError where the file is missing, damaged or leads out of ``root``, or where an array is
    missing, given twice, of another shape, not of floating-point numbers, or not finite; also where an array with
    the name of a frequency (see `emfm.acquire.readers.frequency`) holds another one than ``frequency``, Hz.
    """
    with _archive(path, root) as archive:
        return _fields(path, archive, shapes, frequency)


@contextmanager
def _archive(path: Path, root: Path | None) -> Iterator[zipfile.ZipFile]:
    """A npz file; raises DataError where it is missing, leads out of ``root``, or turns out damaged."""
    checked_file(path, root)
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except DataError:
        raise
    except DAMAGED as error:
        raise DataError(
            f"{path}: is not a npz file, or is damaged ({error}); save it again with numpy.savez"
        ) from error


def _fields(
    path: Path, archive: zipfile.ZipFile, shapes: Mapping[str, tuple[int, ...]], frequency: float
) -> list[NDArray[np.float32]]:
    """The arrays of `read_npz`."""
    present = array_names(archive)
    for name in shapes:
        if present.count(name) != 1:
            found = f"has {present.count(name)} arrays {name!r}" if name in present else f"has no array {name!r}"
            raise DataError(
                f"{path}: {found} (it has {', '.join(present) or 'none'}); save it with numpy.savez(path, "
                f"{', '.join(f'{needed}=...' for needed in shapes)})"
            )
    for name in present:
        if units := frequency_units(name):
            with archive.open(name + SUFFIX) as stream:
                stated = _number(stream, f"{path}: array {name}")
            check_frequency(path, f"its array {name!r}", stated, units, frequency)
    fields = []
    for name, shape in shapes.items():
        with archive.open(name + SUFFIX) as stream:
            fields.append(_field(stream, shape, f"{path}: array {name}"))
    return fields


def _number(stream: IO[bytes], where: str) -> float:
    """The only number of an array."""
    stored = _stored(stream, where)
    if stored.dtype.kind not in "fiu" or math.prod(stored.shape) != 1:
        raise DataError(f"{where}: must be one number, the frequency; found {stored.dtype} of the shape {stored.shape}")
    return float(_numbers(stored, where).item())


def _field(stream: IO[bytes], shape: tuple[int, ...], where: str) -> NDArray[np.float32]:
    """An array of real channels; its header is checked before any more of it is unpacked."""
    stored = _stored(stream, where)
    if stored.dtype.hasobject:
        raise DataError(f"{where}: holds a pickle, which is never loaded; save a plain array of numbers")
    if stored.dtype.kind != "f":
        raise DataError(f"{where}: holds {stored.dtype}; save real channels as float32 or float64")
    if stored.shape != shape:
        raise DataError(f"{where}: must have the shape {shape} (channel, y, x), found {stored.shape}; save it so")
    field = to_float32(_numbers(stored, where))
    bad = ~np.isfinite(field)
    if bad.any():
        place = ", ".join(str(index) for index in np.argwhere(bad)[0])
        raise DataError(
            f"{where}: the number at [channel, y, x] = [{place}] is NaN, Inf or too large for float32; "
            "solve the case again, or remove it"
        )
    return field


def _stored(stream: IO[bytes], where: str) -> StoredArray:
    try:
        return StoredArray.open(stream)
    except DAMAGED as error:
        raise DataError(f"{where}: is not an array of numbers ({error}); save it with numpy") from error


def _numbers(stored: StoredArray, where: str) -> NDArray[Any]:
    try:
        return stored.read()
    except ValueError as error:
        raise DataError(f"{where}: {error}; save it again") from error
