"""From points in any order to channels on a grid: the coordinates decide."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from emfm.data.readers.tables import TextTable
from emfm.data.sample import DataError
from emfm.physics.grid import Grid

POSITION_TOLERANCE: Final = 1e-3
"""How far from its grid point a point may lie, in parts of the pitch."""

_MM: Final = 1e-3


@dataclass(frozen=True, eq=False)
class PointTable:
    """Points in any order, with the fields there."""

    text: TextTable
    names: tuple[str, ...]
    """Names of the columns, as the file writes them: x, y, z and the channels."""
    values: NDArray[np.float64]
    """``(n, 3 + channels)``: m, then V/m or A/m."""

    @property
    def xyz(self) -> NDArray[np.float64]:
        """``(n, 3)``, m."""
        return self.values[:, :3]


def field_on_grid(table: PointTable, grid: Grid) -> NDArray[np.float32]:
    """The channels of ``table`` as ``(channels, ny, nx)``.

    Raises DataError, naming the line or the coordinates, for a value that is not finite, a point off the
    grid or off its plane, a point given twice, and a point that is missing.
    """
    _refuse_values(~np.isfinite(table.values), table, "is not finite; solve or export the case again")
    place = _places(table, grid)
    counts = np.bincount(place, minlength=grid.ny * grid.nx)
    if counts.max(initial=0) > 1:
        twice = int(counts.argmax())
        one, other = (table.text.line(row) for row in np.flatnonzero(place == twice)[:2])
        raise DataError(
            f"{table.text.path}: lines {one} and {other} give the same point, "
            f"{_point(*grid.points()[twice])}; keep one of them"
        )
    missing = np.flatnonzero(counts == 0)
    if missing.size:
        raise DataError(
            f"{table.text.path}: has no line for {missing.size} of the {counts.size} points, the first at "
            f"{_point(*grid.points()[missing[0]])}; export the whole plane, {_described(grid)}"
        )
    rounded = to_float32(table.values)
    _refuse_values(~np.isfinite(rounded), table, "is too large for float32; check its unit")
    fields = np.empty((rounded.shape[1] - 3, grid.ny * grid.nx), np.float32)
    fields[:, place] = rounded[:, 3:].T
    return fields.reshape(-1, *grid.shape)


def to_float32(values: NDArray[Any]) -> NDArray[np.float32]:
    """``values`` rounded to float32, Inf where they are too large."""
    with np.errstate(over="ignore"):
        return values.astype(np.float32)


def _places(table: PointTable, grid: Grid) -> NDArray[np.int64]:
    """``(n,)``: where each point stands in a flat array ``[y, x]``."""
    x, y, z = table.xyz.T
    off_plane = np.abs(z - grid.z) > POSITION_TOLERANCE * min(grid.pitch_x, grid.pitch_y)
    columns, off_x = _nearest(x, grid.x_first, grid.pitch_x, grid.nx)
    rows, off_y = _nearest(y, grid.y_first, grid.pitch_y, grid.ny)
    off = off_plane | off_x | off_y
    if off.any():
        row = int(np.flatnonzero(off)[0])
        raise DataError(
            f"{table.text.path}: line {table.text.line(row)}: the point {_point(*table.xyz[row])} is not on "
            f"the expected plane, {_described(grid)}; check the unit of x, y and z, export that plane, or mend "
            "the planes under data"
        )
    return rows.astype(np.int64) * grid.nx + columns.astype(np.int64)


def _nearest(
    coordinates: NDArray[np.float64], first: float, pitch: float, count: int
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The number of the nearest grid line, and whether the coordinate is off the grid."""
    steps = (coordinates - first) / pitch
    nearest = np.rint(steps)
    return nearest, (np.abs(steps - nearest) > POSITION_TOLERANCE) | (nearest < 0) | (nearest >= count)


def _refuse_values(bad: NDArray[np.bool_], table: PointTable, problem: str) -> None:
    if bad.any():
        row, column = np.argwhere(bad)[0]
        line = table.text.line(row)
        raise DataError(f"{table.text.path}: line {line}, column {table.names[column]}: {problem}")


def _point(x: float, y: float, z: float) -> str:
    x, y, z = (round(float(value) / _MM, 9) + 0.0 for value in (x, y, z))
    return f"x = {x:.9g}, y = {y:.9g}, z = {z:.9g} mm"


def _described(grid: Grid) -> str:
    return (
        f"x {grid.x[0] / _MM:.6g} to {grid.x[-1] / _MM:.6g} mm by {grid.pitch_x / _MM:.6g} mm, "
        f"y {grid.y[0] / _MM:.6g} to {grid.y[-1] / _MM:.6g} mm by {grid.pitch_y / _MM:.6g} mm, "
        f"z = {grid.z / _MM:.6g} mm"
    )
