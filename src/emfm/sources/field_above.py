"""The field of current elements at any points above them, in free space."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from emfm.core.channels import Complex, Real
from emfm.core.errors import DataError
from emfm.core.grid import in_mm
from emfm.sources.found import CurrentElements


class Fields(NamedTuple):
    """E and H at points, peak phasors exp(+jwt)."""

    E: Complex
    """Ex, Ey, Ez, ``(3, ...)``, V/m."""
    H: Complex
    """Hx, Hy, Hz, ``(3, ...)``, A/m."""


def field_at(elements: CurrentElements, points: ArrayLike) -> Fields:
    """The field at ``points`` ``(..., 3)``, m: ``(3, ...)`` each.

    Raises DataError for a point that is at the height of the topmost element or below it: elements stand for a board
    as it is seen from above, and between and below them their field is not the board's.
    """
    places = np.asarray(points, np.float64)
    if places.ndim < 1 or places.shape[-1] != 3 or not np.isfinite(places).all():
        raise DataError(f"points: give finite x, y, z in m, of the shape (n, 3), found the shape {places.shape}")
    if len(elements) and places.size:
        _refuse_below(float(elements.positions[:, 2].max()), float(places[..., 2].min()))
    fields = elements.fields(places.reshape(-1, 3))
    return Fields(*(field.T.reshape(3, *places.shape[:-1]) for field in fields))


def field_on_plane(elements: CurrentElements, z: float, x: ArrayLike, y: ArrayLike) -> Fields:
    """The field at height ``z``, m, over all pairs of ``x`` ``(nx,)`` and ``y`` ``(ny,)``, m: ``(3, ny, nx)`` each.

    See `field_at`.
    """
    columns, rows = _axis("x", x), _axis("y", y)
    along_y, along_x = np.meshgrid(rows, columns, indexing="ij")
    return field_at(elements, np.stack([along_x, along_y, np.full(along_x.shape, z)], axis=-1))


def field_along(elements: CurrentElements, start: ArrayLike, stop: ArrayLike, count: int) -> Fields:
    """The field at ``count`` even steps from ``start`` to ``stop`` ``(3,)``, m, both included: ``(3, count)`` each.

    See `field_at`.
    """
    if count < 1:
        raise DataError(f"count: a line has 1 point or more, found {count}")
    first, last = np.asarray(start, np.float64), np.asarray(stop, np.float64)
    if not first.shape == last.shape == (3,):
        raise DataError(f"start and stop: give x, y, z in m, found the shapes {first.shape} and {last.shape}")
    return field_at(elements, np.linspace(first, last, count))


def _axis(name: str, values: ArrayLike) -> Real:
    axis = np.asarray(values, np.float64)
    if axis.ndim != 1:
        raise DataError(f"{name}: give a list of coordinates in m, found the shape {axis.shape}")
    return axis


def _refuse_below(top: float, lowest: float) -> None:
    if lowest <= top:
        raise DataError(
            f"points: found z = {in_mm(lowest)} mm, but the topmost source lies at z = {in_mm(top)} mm; give points "
            "above it, as the field of sources is a board's above them alone"
        )
