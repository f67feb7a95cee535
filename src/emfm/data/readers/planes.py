"""From points in any order to channels on a grid: the coordinates decide."""

from dataclasses import dataclass
from functools import lru_cache
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
    xyz: NDArray[np.float64]
    """``(n, 3)``, m."""
    fields: NDArray[np.float64]
    """``(n, channels)``, V/m or A/m."""


def field_on_grid(table: PointTable, grid: Grid) -> NDArray[np.float32]:
    """The channels of ``table`` as ``(channels, ny, nx)``.

    Raises DataError, naming the line or the coordinates, for a value that is not finite, a point off the
    grid or off its plane, a point given twice, and a point that is missing.
    """
    order = _row_of_each_point(table.xyz.tobytes(), grid)
    if order is not None:
        fields = to_float32(table.fields.T).take(order, axis=1)
        if np.isfinite(fields).all():
            return fields.reshape(-1, *grid.shape)
    raise _refusal(table, grid)


def to_float32(values: NDArray[Any]) -> NDArray[np.float32]:
    """``values`` rounded to float32, Inf where they are too large; in one piece of memory."""
    with np.errstate(over="ignore"):
        return values.astype(np.float32, order="C")


@lru_cache(maxsize=8)
def _row_of_each_point(points: bytes, grid: Grid) -> NDArray[np.intp] | None:
    """Which of the points, float64 ``(n, 3)``, m, is which one of ``grid``, None where they are not its points.

    Remembered, as the files of many cases list the same points in the same order.
    """
    xyz = np.frombuffer(points).reshape(-1, 3)
    if len(xyz) != grid.ny * grid.nx or not np.isfinite(xyz).all() or _off_grid(xyz, grid).any():
        return None
    places = _places(xyz, grid)
    order = np.argsort(places)
    return order if (places[order] == np.arange(len(xyz))).all() else None


def _places(xyz: NDArray[np.float64], grid: Grid) -> NDArray[np.int64]:
    """``(n,)``: where each point, which is on the grid, stands in a flat array ``[y, x]``."""
    columns, _ = _nearest(xyz[:, 0], grid.x_first, grid.pitch_x, grid.nx)
    rows, _ = _nearest(xyz[:, 1], grid.y_first, grid.pitch_y, grid.ny)
    return rows.astype(np.int64) * grid.nx + columns.astype(np.int64)


def _off_grid(xyz: NDArray[np.float64], grid: Grid) -> NDArray[np.bool_]:
    """``(n,)``: whether each point, whose coordinates are finite, is not one of the grid."""
    _, off_x = _nearest(xyz[:, 0], grid.x_first, grid.pitch_x, grid.nx)
    _, off_y = _nearest(xyz[:, 1], grid.y_first, grid.pitch_y, grid.ny)
    off_plane = np.abs(xyz[:, 2] - grid.z) > POSITION_TOLERANCE * min(grid.pitch_x, grid.pitch_y)
    return off_plane | off_x | off_y


def _refusal(table: PointTable, grid: Grid) -> DataError:
    """The first thing wrong with a table that is not the plane, as an error."""
    text, values = table.text, np.hstack([table.xyz, table.fields])
    infinite = np.argwhere(~np.isfinite(values))
    if infinite.size:
        return _bad_value(table, infinite[0], "is not finite; solve or export the case again")
    off = np.flatnonzero(_off_grid(table.xyz, grid))
    if off.size:
        return DataError(
            f"{text.path}: line {text.line(off[0])}: the point {_point(*table.xyz[off[0]])} is not on "
            f"the expected plane, {_described(grid)}; check the unit of x, y and z, export that plane, or mend "
            "the planes under data"
        )
    places = _places(table.xyz, grid)
    counts = np.bincount(places, minlength=grid.ny * grid.nx)
    if counts.max(initial=0) > 1:
        twice = int(counts.argmax())
        one, other = (text.line(row) for row in np.flatnonzero(places == twice)[:2])
        return DataError(
            f"{text.path}: lines {one} and {other} give the same point, "
            f"{_point(*grid.points()[twice])}; keep one of them"
        )
    missing = np.flatnonzero(counts == 0)
    if missing.size:
        return DataError(
            f"{text.path}: has no line for {missing.size} of the {counts.size} points, the first at "
            f"{_point(*grid.points()[missing[0]])}; export the whole plane, {_described(grid)}"
        )
    too_large = np.argwhere(~np.isfinite(to_float32(values)))
    return _bad_value(table, too_large[0], "is too large for float32; check its unit")


def _nearest(
    coordinates: NDArray[np.float64], first: float, pitch: float, count: int
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The number of the nearest grid line, and whether the coordinate is off the grid."""
    steps = (coordinates - first) / pitch
    nearest = np.rint(steps)
    return nearest, (np.abs(steps - nearest) > POSITION_TOLERANCE) | (nearest < 0) | (nearest >= count)


def _bad_value(table: PointTable, place: NDArray[np.intp], problem: str) -> DataError:
    row, column = place
    return DataError(f"{table.text.path}: line {table.text.line(row)}, column {table.names[column]}: {problem}")


def _point(x: float, y: float, z: float) -> str:
    x, y, z = (round(float(value) / _MM, 9) + 0.0 for value in (x, y, z))
    return f"x = {x:.9g}, y = {y:.9g}, z = {z:.9g} mm"


def _described(grid: Grid) -> str:
    return (
        f"x {grid.x[0] / _MM:.6g} to {grid.x[-1] / _MM:.6g} mm by {grid.pitch_x / _MM:.6g} mm, "
        f"y {grid.y[0] / _MM:.6g} to {grid.y[-1] / _MM:.6g} mm by {grid.pitch_y / _MM:.6g} mm, "
        f"z = {grid.z / _MM:.6g} mm"
    )
