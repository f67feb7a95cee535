"""Reference cases: structures solved by an independent program, in one file beside the code."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emfm.core.channels import SOURCE_CHANNELS, TARGET_CHANNELS
from emfm.core.errors import DataError
from emfm.core.grid import Geometry, Grid
from ttt.files import DAMAGED

_REMEDY = "restore the file from git"
_LENGTH_TOLERANCE = 1e-9


@dataclass(frozen=True)
class ReferenceCases:
    """Solved cases, to evaluate a predictor on."""

    geometry: Geometry
    ids: tuple[str, ...]
    source_h: NDArray[np.float32]
    """``(n, 4, ny, nx)``, A/m."""
    target: NDArray[np.float64]
    """``(n, 12, ny, nx)``, V/m and A/m."""

    def __len__(self) -> int:
        return len(self.ids)

    def batches(self, size: int) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float64]]]:
        """Source H and target of ``size`` cases at a time."""
        for start in range(0, len(self), size):
            yield self.source_h[start : start + size], self.target[start : start + size]


def read_reference_cases(path: Path) -> ReferenceCases:
    """The cases in an npz file with the arrays of the contract's section 10.

    Raises DataError where it is missing, damaged, or not of the channels and axes that it names.
    """
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            channels = (*file["source_channels"].tolist(), *file["target_channels"].tolist())
            geometry = Geometry(
                float(file["frequency"]),
                _square_grid(file["source_axis"], float(file["source_z"])),
                _square_grid(file["target_axis"], float(file["target_z"])),
            )
            kinds = file["kinds"].tolist()
            source_h, target = file["source_H"], file["target"]
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; {_REMEDY}") from None
    except DAMAGED as error:
        raise DataError(f"{path}: cannot be read as reference cases ({error}); {_REMEDY}") from error
    if channels != (*SOURCE_CHANNELS, *TARGET_CHANNELS):
        raise DataError(f"{path}: its channels are not {', '.join((*SOURCE_CHANNELS, *TARGET_CHANNELS))}; {_REMEDY}")
    for name, array, count, grid in (
        ("source_H", source_h, len(SOURCE_CHANNELS), geometry.source),
        ("target", target, len(TARGET_CHANNELS), geometry.target),
    ):
        shape = (len(kinds), count, *grid.shape)
        if array.shape != shape or not np.isfinite(array).all():
            raise DataError(f"{path}: {name} must hold {shape} finite numbers, found {array.shape}; {_REMEDY}")
    ids = tuple(f"{number:02d}_{kind}" for number, kind in enumerate(kinds, start=1))
    return ReferenceCases(geometry, ids, source_h.astype(np.float32), target.astype(np.float64))


def _square_grid(axis: NDArray[Any], z: float) -> Grid:
    """The plane whose x and y are both ``axis``; raises ValueError where its steps are not even."""
    steps = np.diff(axis)
    if axis.ndim != 1 or len(axis) < 2 or np.ptp(steps) > _LENGTH_TOLERANCE:
        raise ValueError("an axis is not in even steps")
    first, pitch = float(axis[0]), float((axis[-1] - axis[0]) / (len(axis) - 1))
    return Grid(first, first, pitch, pitch, len(axis), len(axis), z)
