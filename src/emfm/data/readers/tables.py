"""From a table of points, in any order, to channels on a grid: the coordinates decide."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from emfm.data.readers.base import to_float32
from emfm.data.sample import DataError
from emfm.physics.grid import Grid

_OFF_GRID = 1e-3
"""How far from its grid point a row may lie, in parts of the pitch."""

_MM = 1e-3


def place_on_grid(
    columns: Mapping[str, NDArray[np.float64]], channels: Sequence[str], grid: Grid, where: str, first_row: int
) -> NDArray[np.float32]:
    """The columns ``channels`` of a table of points as ``(len(channels), ny, nx)``.

    Args:
        columns: by name; ``x``, ``y``, ``z`` in metres.
        channels: which columns, in which order.
        grid: the plane that the points must make up.
        where: the file, for messages.
        first_row: the line of the file on which the first row stands.

    Raises:
        DataError: a coordinate that is not on the grid, a point that is missing or given twice, a value that
            is not finite.
    """
    x, y, z = (columns[axis] for axis in "xyz")
    for axis, values in zip("xyz", (x, y, z), strict=True):
        _refuse(~np.isfinite(values), f"{axis} is not a finite number", where, first_row)
    tolerance = _OFF_GRID * min(grid.pitch_x, grid.pitch_y)
    _refuse(
        np.abs(z - grid.z) > tolerance, f"z is not that of the plane, {grid.z / _MM:g} mm", where, first_row
    )
    column = np.rint((x - grid.x_first) / grid.pitch_x).astype(np.int64)
    row = np.rint((y - grid.y_first) / grid.pitch_y).astype(np.int64)
    off = (
        (np.abs(grid.x_first + column * grid.pitch_x - x) > tolerance)
        | (np.abs(grid.y_first + row * grid.pitch_y - y) > tolerance)
        | (column < 0)
        | (column >= grid.nx)
        | (row < 0)
        | (row >= grid.ny)
    )
    _refuse(off, f"the point is not on the expected grid ({_described(grid)})", where, first_row)
    place = row * grid.nx + column
    counts = np.bincount(place, minlength=grid.ny * grid.nx)
    if counts.max() > 1:
        twice = np.flatnonzero(place == counts.argmax())
        raise DataError(
            f"{where}: rows {first_row + twice[0]} and {first_row + twice[1]} give the same point "
            f"{_point(grid, int(counts.argmax()))}; keep one of them"
        )
    if counts.min() == 0:
        missing = int(counts.argmin())
        raise DataError(
            f"{where}: {int((counts == 0).sum())} of {counts.size} points are missing, the first is "
            f"{_point(grid, missing)}; export the whole plane ({_described(grid)})"
        )
    values = np.stack([columns[channel] for channel in channels])
    bad = np.argwhere(~np.isfinite(values))
    if len(bad):
        channel, number = bad[0]
        raise DataError(
            f"{where}: row {first_row + number}: {channels[channel]} is NaN or Inf; solve the case again or remove it"
        )
    placed = np.empty((len(channels), grid.ny * grid.nx))
    placed[:, place] = values
    return to_float32(placed.reshape(len(channels), *grid.shape), where)


def check_columns(found: Sequence[str], wanted: Sequence[str], where: str) -> None:
    """Raise DataError where a table has not exactly the columns ``wanted``, in any order."""
    repeated = sorted({name for name in found if found.count(name) > 1})
    missing = [name for name in wanted if name not in found]
    extra = [name for name in found if name not in wanted]
    for what, names in (("twice the column", repeated), ("no column", missing), ("an unknown column", extra)):
        if names:
            raise DataError(f"{where}: has {what} {', '.join(names)}; it needs exactly {', '.join(wanted)}")


def _refuse(bad: NDArray[np.bool_], what: str, where: str, first_row: int) -> None:
    if bad.any():
        raise DataError(f"{where}: row {first_row + int(np.argmax(bad))}: {what}; mend the row or the section data")


def _described(grid: Grid) -> str:
    return (
        f"x {grid.x[0] / _MM:g} to {grid.x[-1] / _MM:g}, y {grid.y[0] / _MM:g} to {grid.y[-1] / _MM:g} mm, "
        f"step {grid.pitch_x / _MM:g} mm"
    )


def _point(grid: Grid, place: int) -> str:
    row, column = divmod(place, grid.nx)
    return f"x = {grid.x[column] / _MM:g} mm, y = {grid.y[row] / _MM:g} mm"
