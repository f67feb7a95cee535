"""Arrays in npy and npz files, read without unpickling and without unpacking more than the array needs."""

import math
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
from numpy.typing import NDArray

from emfm.acquire.readers.folders import checked_file
from emfm.acquire.readers.frequency import check_frequency, frequency_units
from emfm.acquire.readers.planes import to_float32
from emfm.core.errors import DataError
from ttt.files import DAMAGED

_SUFFIX: Final = ".npy"
_PLAIN_VERSION: Final = (1, 0)
"""numpy writes arrays of numbers in this version of its format; its header has 64 KiB at most."""


def read_npy(path: Path, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """The array in a npy file, which must have this shape; raises DataError where it cannot be used."""
    checked_file(path)
    with path.open("rb") as stream:
        return _read_stream(stream, shape, str(path))


def array_names(path: Path, root: Path | None = None) -> list[str]:
    """The names of the arrays in a npz file; raises DataError where it is none, or leads out of ``root``."""
    checked_file(path, root)
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.namelist()
    except DAMAGED as error:
        raise _damaged(path, error) from error
    return [name.removesuffix(_SUFFIX) for name in members if name.endswith(_SUFFIX)]


def read_npz(
    path: Path,
    names: Sequence[str],
    shapes: Sequence[tuple[int, ...]],
    root: Path | None = None,
    frequency: float | None = None,
) -> list[NDArray[np.float32]]:
    """The arrays ``names`` of a npz file, which must have these shapes; it may hold others.

    Raises DataError where the file is missing, damaged or leads out of ``root``, or where an array is
    missing, given twice, of another shape, not of floating-point numbers, or not finite; also where an array with
    the name of a frequency (see `emfm.acquire.readers.frequency`) holds another one than ``frequency``, Hz.
    """
    present = array_names(path, root)
    for name in names:
        if present.count(name) != 1:
            found = f"has {present.count(name)} arrays {name!r}" if name in present else f"has no array {name!r}"
            raise DataError(
                f"{path}: {found} (it has {', '.join(present) or 'none'}); save it with numpy.savez(path, "
                f"{', '.join(f'{needed}=...' for needed in names)})"
            )
    arrays = []
    try:
        with zipfile.ZipFile(path) as archive:
            if frequency is not None:
                _check_frequency(path, archive, present, frequency)
            for name, shape in zip(names, shapes, strict=True):
                with archive.open(name + _SUFFIX) as stream:
                    arrays.append(_read_stream(stream, shape, f"{path}: array {name}"))
    except DataError:
        raise
    except DAMAGED as error:
        raise _damaged(path, error) from error
    return arrays


def _check_frequency(path: Path, archive: zipfile.ZipFile, names: Sequence[str], wanted: float) -> None:
    """Raise DataError where an array with the name of a frequency is not a single number, or another frequency."""
    for name in names:
        units = frequency_units(name)
        if units:
            with archive.open(name + _SUFFIX) as stream:
                stated = _read_number(stream, f"{path}: array {name}")
            check_frequency(path, f"its array {name!r}", stated, units, wanted)


def _read_number(stream: IO[bytes], where: str) -> float:
    """The only number of an array."""
    shape, _, dtype = _read_header(stream, where)
    if dtype.kind not in "fiu" or math.prod(shape) != 1:
        raise DataError(f"{where}: must be one number, the frequency; found {dtype} of the shape {shape}")
    content = stream.read(dtype.itemsize)
    if len(content) != dtype.itemsize:
        raise DataError(f"{where}: holds fewer numbers than its header says; save it again")
    return float(np.frombuffer(content, dtype)[0])


def _read_header(stream: IO[bytes], where: str) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, whether the first axis varies fastest, and type of an array in numpy's own format."""
    try:
        version = np.lib.format.read_magic(stream)
        if version != _PLAIN_VERSION:
            raise ValueError(f"version {version} of the format is not for arrays of numbers")
        return np.lib.format.read_array_header_1_0(stream)
    except DAMAGED as error:
        raise DataError(f"{where}: is not an array of numbers ({error}); save it with numpy") from error


def _read_stream(stream: IO[bytes], shape: tuple[int, ...], where: str) -> NDArray[np.float32]:
    """An array in numpy's own format; its header is checked before any more of it is unpacked."""
    found, fortran_order, dtype = _read_header(stream, where)
    if dtype.hasobject:
        raise DataError(f"{where}: holds a pickle, which is never loaded; save a plain array of numbers")
    if dtype.kind != "f":
        raise DataError(f"{where}: holds {dtype}; save real channels as float32 or float64")
    if found != shape:
        raise DataError(f"{where}: must have the shape {shape} (channel, y, x), found {found}; save it so")
    expected = math.prod(shape) * dtype.itemsize
    content = stream.read(expected)
    if len(content) != expected or stream.read(1):
        raise DataError(f"{where}: holds more or fewer numbers than its header says; save it again")
    array = np.frombuffer(content, dtype).reshape(shape, order="F" if fortran_order else "C")
    return _finite(to_float32(array), where)


def _finite(array: NDArray[np.float32], where: str) -> NDArray[np.float32]:
    bad = ~np.isfinite(array)
    if bad.any():
        place = ", ".join(str(index) for index in np.argwhere(bad)[0])
        raise DataError(
            f"{where}: the number at [channel, y, x] = [{place}] is NaN, Inf or too large for float32; "
            "solve the case again, or remove it"
        )
    return array


def _damaged(path: Path, error: Exception) -> DataError:
    return DataError(f"{path}: is not a npz file, or is damaged ({error}); save it again with numpy.savez")
