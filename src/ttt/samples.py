"""Read samples for inference from .npy, .npz and .csv files, and refuse what is not samples."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import IO, Final

import numpy as np
from numpy.typing import NDArray

from ttt.config import UserError
from ttt.files import DAMAGED

SUFFIXES: Final = (".csv", ".npy", ".npz")


@dataclass(frozen=True)
class InputSamples:
    """The samples of one file."""

    path: Path
    x: NDArray[np.float32]
    """``(n, *shape)``."""
    is_single: bool
    """The file holds one sample, without an axis that counts samples."""


def read_samples(path: Path, shape: Sequence[int]) -> InputSamples:
    """The samples of ``shape`` in a file: one of them, or any number along a first axis.

    .npz: its array ``x``. .csv: a row a sample, its values in C order; a first line of names is skipped.
    Raises UserError naming the file and what is wrong with it.
    """
    try:
        array = _read_csv(path, shape) if path.suffix.lower() == ".csv" else _read_numpy(path, shape)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from error
    if array.dtype.kind not in "fiu":
        raise UserError(f"{path}: holds values of type {array.dtype}; needs real numbers")
    is_single = _check_shape(path, array.shape, shape)
    if not np.isfinite(array).all():
        where = [int(index) for index in np.argwhere(~np.isfinite(array))[0]]
        raise UserError(f"{path}: holds NaN or Inf, first at index {where}")
    return InputSamples(path, array.reshape(-1, *shape).astype(np.float32), is_single)


def find_inputs(folder: Path) -> list[Path]:
    """The input files in a folder, sorted; raises UserError where there are none, or two share a name."""
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    if not paths:
        raise UserError(f"{folder}: holds no {', '.join(SUFFIXES)} file")
    for one, other in pairwise(sorted(paths, key=lambda path: path.stem)):
        if one.stem == other.stem:
            raise UserError(f"{folder}: {one.name} and {other.name} would give the same output; rename one")
    return paths


def _read_numpy(path: Path, shape: Sequence[int]) -> NDArray[np.generic]:
    try:
        with path.open("rb") as file:
            with np.errstate(over="raise"):  # a size that no integer holds
                content = np.load(path if _is_npy(file) else file, mmap_mode="r", allow_pickle=False)
            if isinstance(content, np.ndarray):
                return content
            if "x" not in content.files:
                raise UserError(f"{path}: has no array 'x', but {', '.join(content.files) or 'nothing'}")
            with content.zip.open("x.npy") as member:
                _check_shape(path, _header_shape(member), shape)
            return np.asarray(content["x"])
    except (UserError, OSError):
        raise
    except MemoryError as error:
        raise UserError(f"{path}: claims more numbers than there is memory for; give fewer samples a file") from error
    except DAMAGED as error:
        raise UserError(f"{path}: is damaged or no numpy file of plain numbers ({error})") from error


def _check_shape(path: Path, found: tuple[int, ...], shape: Sequence[int]) -> bool:
    """Whether an array is one sample; raises UserError where it is neither one nor several."""
    if list(found) == list(shape):
        return True
    if list(found[1:]) == list(shape) and found[0]:
        return False
    wanted = ", ".join(str(size) for size in shape)
    raise UserError(f"{path}: has the shape {found}; needs ({wanted}) or (n, {wanted})")


def _is_npy(file: IO[bytes]) -> bool:
    found = file.read(len(np.lib.format.MAGIC_PREFIX)) == np.lib.format.MAGIC_PREFIX
    file.seek(0)
    return found


def _header_shape(member: IO[bytes]) -> tuple[int, ...]:
    """The shape that an array's header claims, read without the array."""
    major, _ = np.lib.format.read_magic(member)
    read = np.lib.format.read_array_header_1_0 if major == 1 else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(member)
    if dtype.hasobject:
        raise ValueError("it holds a pickle, which is never loaded")
    return shape


def _read_csv(path: Path, shape: Sequence[int]) -> NDArray[np.float64]:
    width = int(np.prod(shape))
    rows = []
    try:
        lines = list(csv.reader(path.read_text(encoding="utf-8").splitlines()))
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path}: is no CSV text ({error})") from error
    for number, cells in enumerate(lines, start=1):
        try:
            values = [float(cell) for cell in cells]
        except ValueError as error:
            if number == 1:
                continue
            raise UserError(f"{path}: row {number}: {error}") from error
        if len(values) != width:
            raise UserError(f"{path}: row {number}: has {len(values)} values; needs {width}")
        rows.append(values)
    return np.array(rows, np.float64).reshape(-1, *shape)
