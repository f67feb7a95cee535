"""Read samples for inference from .npy, .npz and .csv files, and refuse what is not samples."""

import csv
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ttt.config import UserError

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
        array = _read_csv(path, shape) if path.suffix.lower() == ".csv" else _read_numpy(path)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from error
    if array.dtype.kind not in "fiu":
        raise UserError(f"{path}: holds values of type {array.dtype}; needs real numbers")
    if list(array.shape) == list(shape):
        is_single = True
    elif list(array.shape[1:]) == list(shape) and len(array):
        is_single = False
    else:
        wanted = ", ".join(str(size) for size in shape)
        raise UserError(f"{path}: has the shape {array.shape}; needs ({wanted}) or (n, {wanted})")
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


def _read_numpy(path: Path) -> NDArray[np.generic]:
    try:
        with path.open("rb") as file:
            content = np.load(file, allow_pickle=False)
            if isinstance(content, np.ndarray):
                return content
            if "x" not in content.files:
                raise UserError(f"{path}: has no array 'x', but {', '.join(content.files) or 'nothing'}")
            return np.asarray(content["x"])
    except UserError:
        raise
    except (ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise UserError(f"{path}: is damaged or no numpy file of plain numbers ({error})") from error


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
