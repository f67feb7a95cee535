"""Read samples for inference from .npy, .npz and .csv files, and refuse what is not samples."""

import csv
import math
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import IO, Final

import numpy as np
from numpy.typing import NDArray

from ttt.arrays import SUFFIX, StoredArray, array_names, is_npy
from ttt.config import UserError
from ttt.files import DAMAGED
from ttt.log import LOG
from ttt.text import decoded

SUFFIXES: Final = (".csv", ".npy", ".npz")

_ALMOST_A_NUMBER: Final = re.compile(r"\s*[+-]?[.,]?\d|\s*[+-]?(nan|inf|infinity)\s*$", re.IGNORECASE)
"""A number, also in a spelling that is refused (1.0D+00, 1_000, 1,5): what begins so is no name."""


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

    .npz: its array ``x``. .csv: a row a sample, its values in C order; a first line in which no cell is a number
    holds names and is skipped. Raises UserError naming the file, of a .csv also the row, and what is wrong with it.
    """
    try:
        array = _read_csv(path, shape) if path.suffix.lower() == ".csv" else _read_numpy(path, shape)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from error
    if array.dtype.kind not in "fiu":
        raise UserError(f"{path}: holds values of type {array.dtype}; needs real numbers")
    is_single = _check_shape(path, array.shape, shape)
    with np.errstate(over="ignore"):  # what is too large for float32 is refused
        values = array.astype(np.float32, copy=False)
    for numbers, problem in ((array, "holds NaN or Inf"), (values, "holds a number too large for float32")):
        if not np.isfinite(numbers).all():
            where = [int(index) for index in np.argwhere(~np.isfinite(numbers))[0]]
            raise UserError(f"{path}: {problem}, first at index {where}")
    return InputSamples(path, values.reshape(-1, *shape), is_single)


def find_inputs(folder: Path) -> list[Path]:
    """The input files in a folder, sorted; raises UserError where there are none, or two share a name."""
    known = (path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and path.name[0] != ".")
    paths = sorted(path for path in known if path.is_file())
    if not paths:
        raise UserError(f"{folder}: holds no {', '.join(SUFFIXES)} file")
    for one, other in pairwise(sorted(paths, key=lambda path: path.stem)):
        if one.stem == other.stem:
            raise UserError(f"{folder}: {one.name} and {other.name} would give the same output; rename one")
    return paths


def _read_numpy(path: Path, shape: Sequence[int]) -> NDArray[np.generic]:
    try:
        with path.open("rb") as file:
            if is_npy(file):
                return _read_stored(path, file, shape)
            with zipfile.ZipFile(file) as archive:
                names = array_names(archive)
                if "x" not in names:
                    raise UserError(f"{path}: has no array 'x', but {', '.join(names) or 'nothing'}")
                with archive.open("x" + SUFFIX) as member:
                    return _read_stored(path, member, shape)
    except (UserError, OSError):
        raise
    except MemoryError as error:
        raise UserError(f"{path}: claims more numbers than there is memory for; give fewer samples a file") from error
    except DAMAGED as error:
        raise UserError(f"{path}: is damaged or no numpy file of plain numbers ({error})") from error


def _read_stored(path: Path, stream: IO[bytes], shape: Sequence[int]) -> NDArray[np.generic]:
    """An array, whose shape is checked before it is unpacked."""
    stored = StoredArray.open(stream)
    if not stored.dtype.hasobject:  # else refused as a pickle, whatever its shape
        _check_shape(path, stored.shape, shape)
    return stored.read()


def _check_shape(path: Path, found: tuple[int, ...], shape: Sequence[int]) -> bool:
    """Whether an array is one sample; raises UserError where it is neither one nor several."""
    if list(found) == list(shape):
        return True
    if list(found[1:]) == list(shape) and found[0]:
        return False
    wanted = ", ".join(str(size) for size in shape)
    raise UserError(f"{path}: has the shape {found}; needs ({wanted}) or (n, {wanted})")


def _read_csv(path: Path, shape: Sequence[int]) -> NDArray[np.float64]:
    width = int(np.prod(shape))
    try:
        lines = list(csv.reader(decoded(path.read_bytes()).rstrip().splitlines()))
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path}: is no CSV text ({error})") from error
    first = 1 if lines and _holds_names(lines[0]) else 0
    rows = [_numbers(cells, width, f"{path}: row {number}") for number, cells in enumerate(lines[first:], first + 1)]
    if len(rows) > 1 and width > 1 and rows[0] == list(range(width)):
        LOG.warning("%s: row 1 counts 0, 1, 2, ...; if it names the columns, remove it: it is taken for a sample", path)
    return np.array(rows, np.float64).reshape(-1, *shape)


def _holds_names(cells: Sequence[str]) -> bool:
    """Whether a line is one of names: something stands in it, and no cell is a number or meant to be one."""
    return any(cell.strip() for cell in cells) and not any(map(_ALMOST_A_NUMBER.match, cells))


def _numbers(cells: Sequence[str], width: int, where: str) -> list[float]:
    """The values in a row; raises UserError, which names the cell, where it does not hold so many finite numbers."""
    values = []
    for column, cell in enumerate(cells, start=1):
        try:
            values.append(float(cell.replace("_", "?")))  # 1_000 is a number in Python, and in no file
        except ValueError:
            raise UserError(
                f"{where}: could not convert string to float: {cell[:30]!r} in column {column}; write a number"
            ) from None
    if len(values) != width:
        raise UserError(f"{where}: has {len(values)} values; needs {width}")
    for column, value in enumerate(values, start=1):
        if not math.isfinite(value):
            raise UserError(f"{where}: holds NaN or Inf in column {column}; write a number")
    return values
