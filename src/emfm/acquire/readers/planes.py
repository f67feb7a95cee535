"""From points in any order to channels on a grid: the coordinates decide."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from emfm.acquire.readers.base import WantedPlane
from emfm.acquire.readers.plane_faults import plane_fault, rows_on_grid
from emfm.acquire.readers.tables import TextTable
from emfm.core.errors import DataError
from emfm.core.grid import Grid
from ttt.log import LOG

POSITION_TOLERANCE: Final = 1e-3
"""How far from its grid point a point of a solver may lie, in parts of the pitch, where nothing else is said."""

SCAN_TOLERANCE: Final = 2e-2
"""The same for a point that a scanner reports: scanners find a place again within some 10 um."""

_ROUNDING: Final = 1e-9
"""Of a tolerance: a point at its very end is taken, whatever the rounding of its coordinates."""

_MM: Final = 1e-3
_AXES: Final = 3
_NOT_FINITE: Final = "is not finite; solve or export the case again"
_SAID: Final[set[tuple[Path, int]]] = set()
"""Folders, and numbers of points, of files that it was said of that they are cut down."""


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


def checked_tolerance(tolerance: float | None, grid: Grid, share: float = POSITION_TOLERANCE) -> float:
    """How far a point may lie from its grid point, m: ``tolerance``, or for None this share of the smaller pitch.

    Raises DataError where points could be taken for their neighbours.
    """
    pitch = min(grid.pitch_x, grid.pitch_y)
    if tolerance is None:
        return share * pitch
    if not 0 < tolerance < pitch / 2:
        raise DataError(
            f"position_tolerance_mm: {tolerance / _MM:.6g} mm must be above 0 and below half the pitch of "
            f"{pitch / _MM:.6g} mm, as points could be taken for their neighbours"
        )
    return tolerance


def field_on_grid(table: PointTable, wanted: WantedPlane) -> NDArray[np.float32]:
    """The channels of ``table`` as ``(channels, ny, nx)``.

    Where it holds further points, of a larger or finer plane, and may do so, that is said.

    Raises DataError, naming the line or the coordinates, for a value that is not finite, a point off the
    grid or off its plane, a point given twice, and a point that is missing.
    """
    grid = wanted.grid
    within = checked_tolerance(wanted.tolerance, grid)
    with np.errstate(over="ignore", invalid="ignore"):  # of coordinates beyond all planes
        order = _row_of_each_point(table.xyz.tobytes(), grid, within)
    if order is None and wanted.larger and np.isfinite(table.xyz).all():
        order = rows_on_grid(table.xyz, grid, within)
        if order is not None:
            _say_cut_down(table, len(order))
    if order is not None:
        fields = to_float32(table.fields.T).take(order, axis=1)
        if np.isfinite(fields).all():
            return fields.reshape(-1, *grid.shape)
        channel, point = np.argwhere(~np.isfinite(fields))[0]
        is_number = np.isfinite(table.fields[order[point], channel])
        problem = "is too large for float32; check its unit" if is_number else _NOT_FINITE
        raise _bad_value(table, (order[point], channel + _AXES), problem)
    with np.errstate(over="ignore", invalid="ignore"):
        raise _refusal(table, grid, within)


def to_float32(values: NDArray[Any]) -> NDArray[np.float32]:
    """``values`` rounded to float32, Inf where they are too large; in one piece of memory."""
    with np.errstate(over="ignore"):
        return values.astype(np.float32, order="C")


@lru_cache(maxsize=8)
def _row_of_each_point(points: bytes, grid: Grid, tolerance: float) -> NDArray[np.intp] | None:
    """Which of the points, float64 ``(n, 3)``, m, is which one of ``grid``, None where they are not its points.

    Remembered, as the files of many cases list the same points in the same order.
    """
    xyz = np.frombuffer(points).reshape(-1, 3)
    if len(xyz) != grid.ny * grid.nx or not np.isfinite(xyz).all() or _off_grid(xyz, grid, tolerance).any():
        return None
    places = _places(xyz, grid)
    order = np.argsort(places)
    return order if (places[order] == np.arange(len(xyz))).all() else None


def _places(xyz: NDArray[np.float64], grid: Grid) -> NDArray[np.int64]:
    """``(n,)``: where each point, which is on the grid, stands in a flat array ``[y, x]``."""
    columns = np.rint((xyz[:, 0] - grid.x_first) / grid.pitch_x)
    rows = np.rint((xyz[:, 1] - grid.y_first) / grid.pitch_y)
    return rows.astype(np.int64) * grid.nx + columns.astype(np.int64)


def _off_grid(xyz: NDArray[np.float64], grid: Grid, tolerance: float) -> NDArray[np.bool_]:
    """``(n,)``: whether each point, whose coordinates are finite, is not one of the grid."""
    within = tolerance * (1 + _ROUNDING)
    off_x = _off_axis(xyz[:, 0], grid.x_first, grid.pitch_x, grid.nx, within)
    off_y = _off_axis(xyz[:, 1], grid.y_first, grid.pitch_y, grid.ny, within)
    return (np.abs(xyz[:, 2] - grid.z) > within) | off_x | off_y


def _refusal(table: PointTable, grid: Grid, tolerance: float) -> DataError:
    """The first thing wrong with a table that is not the plane, as an error."""
    text, values = table.text, np.hstack([table.xyz, table.fields])
    infinite = np.argwhere(~np.isfinite(values))
    if infinite.size:
        return _bad_value(table, infinite[0], _NOT_FINITE)
    off = np.flatnonzero(_off_grid(table.xyz, grid, tolerance))
    if off.size:
        return DataError(
            f"{text.path}: line {text.line(off[0])}: the point {_point(*table.xyz[off[0]])} is not on the expected "
            f"plane, {grid.described()}: {plane_fault(table.xyz, grid, tolerance)}"
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
    return DataError(
        f"{text.path}: has no line for {missing.size} of the {counts.size} points, the first at "
        f"{_point(*grid.points()[missing[0]])}; export the whole plane, {grid.described()}: "
        f"{plane_fault(table.xyz, grid, tolerance)}"
    )


def _off_axis(
    coordinates: NDArray[np.float64], first: float, pitch: float, count: int, within: float
) -> NDArray[np.bool_]:
    """``(n,)``: whether each coordinate lies beyond ``within`` of every grid line, m."""
    steps = (coordinates - first) / pitch
    nearest = np.rint(steps)
    return (np.abs(steps - nearest) * pitch > within) | (nearest < 0) | (nearest >= count)


def _say_cut_down(table: PointTable, expected: int) -> None:
    """Warn that points are not used; once for the files of a folder that have as many."""
    path, points = table.text.path, len(table.xyz)
    if (path.parent, points) not in _SAID:
        _SAID.add((path.parent, points))
        LOG.warning("%s: %d of its %d points are the expected plane, the others are not used", path, expected, points)


def _bad_value(table: PointTable, place: Sequence[int], problem: str) -> DataError:
    row, column = place
    return DataError(f"{table.text.path}: line {table.text.line(row)}, column {table.names[column]}: {problem}")


def _point(x: float, y: float, z: float) -> str:
    x, y, z = (round(float(value) / _MM, 9) + 0.0 for value in (x, y, z))
    return f"x = {x:.9g}, y = {y:.9g}, z = {z:.9g} mm"
