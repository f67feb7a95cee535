"""Closed-form fields of electric and magnetic current elements in free space.

Time factor exp(+jwt), peak phasors. An element is a current times its length, short against everything else.
Electric element I*l at distance R, with g = exp(-jkR) / (4 pi R) and r the unit vector towards the point
(C. A. Balanis, Antenna Theory, 4th ed., eqs. 4-8 and 4-10, written as vectors)::

    E = -jw mu0 g [ (1 + 1/(jkR) - 1/(kR)^2) I*l - (1 + 3/(jkR) - 3/(kR)^2) (r . I*l) r ]
    H = g (1/R + jk) (I*l x r)

A magnetic element K*l follows by duality (Balanis, Advanced Engineering Electromagnetics, 2nd ed., table 7-2):
E -> H, H -> -E, mu0 <-> epsilon0. `textbook_fields` is these formulas; all else gives the same numbers faster.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emfm.core.channels import Complex, Real
from emfm.core.constants import EPSILON_0, MU_0, SPEED_OF_LIGHT
from emfm.core.fast_elements import Sources, wave_factors

_PAIRS_AT_ONCE = 1 << 14


def element_fields(
    points: ArrayLike,
    positions: ArrayLike,
    electric: ArrayLike,
    magnetic: ArrayLike,
    frequency: float,
) -> tuple[Complex, Complex]:
    """The fields ``(E, H)`` of N current elements at P points: ``(P, 3)`` each, V/m and A/m, complex128.

    Args:
        points: where the field is wanted, ``(P, 3)``, m.
        positions: where the elements are, ``(N, 3)``, m.
        electric: electric current moments I*l, complex ``(N, 3)``, A.m.
        magnetic: magnetic current moments K*l, complex ``(N, 3)``, V.m.
        frequency: Hz.

    Raises:
        ValueError: for other shapes, a value that is not finite, a frequency that is not above 0, or a
            point that lies on an element, where the field is infinite.
    """
    e_field, h_field = np.split(stacked_element_fields(points, positions, electric, magnetic, frequency), 2)
    return e_field.T, h_field.T


def textbook_fields(
    points: Real, positions: Real, electric: Complex, magnetic: Complex, frequency: float
) -> tuple[Complex, Complex]:
    """What `element_fields` gives, one formula after the other: slow, and what a test compares the fast way with."""
    omega = 2 * np.pi * frequency
    wavenumber = omega / SPEED_OF_LIGHT
    offsets = points[:, None] - positions  # (P, N, 3)
    distance = np.linalg.norm(offsets, axis=-1, keepdims=True)
    towards = offsets / distance
    phase = 1j * wavenumber * distance
    green = np.exp(-phase) / (4 * np.pi * distance)

    def own(moments: Complex) -> Complex:
        """E of electric elements over mu0, and H of magnetic ones over epsilon0."""
        along = (towards * moments).sum(-1, keepdims=True) * towards
        field = (1 + 1 / phase + 1 / phase**2) * moments - (1 + 3 / phase + 3 / phase**2) * along
        total: Complex = (-1j * omega * green * field).sum(1)
        return total

    def other(moments: Complex) -> Complex:
        """H of electric elements, and -E of magnetic ones."""
        total: Complex = (green * (1 / distance + 1j * wavenumber) * np.cross(moments, towards)).sum(1)
        return total

    return MU_0 * own(electric) - other(magnetic), EPSILON_0 * own(magnetic) + other(electric)


def stacked_element_fields(
    points: ArrayLike,
    positions: ArrayLike,
    electric: ArrayLike,
    magnetic: ArrayLike,
    frequency: float,
) -> Complex:
    """The fields of `element_fields` in one array ``(6, P)``: Ex, Ey, Ez in V/m, then Hx, Hy, Hz in A/m."""
    positions = _vectors("positions", positions, np.float64)
    moments = [
        _vectors(name, values, np.complex128, len(positions))
        for name, values in (("electric", electric), ("magnetic", magnetic))
    ]
    radiating = [values.any(axis=1) for values in moments]
    parts = FieldPoints(points, frequency).parts(
        np.concatenate([positions[chosen] for chosen in radiating]),
        np.concatenate([values[chosen] for values, chosen in zip(moments, radiating, strict=True)]),
        np.repeat([False, True], [np.count_nonzero(chosen) for chosen in radiating]),
    )
    return _as_complex(np.moveaxis(parts, 2, 0)).reshape(6, -1)


class FieldPoints:
    """Points where the fields of many scenes are wanted: checked and prepared once."""

    def __init__(self, points: ArrayLike, frequency: float) -> None:
        """See `element_fields`, also for what is refused."""
        self._points = np.ascontiguousarray(_vectors("points", points, np.float64).T)
        self._omega = 2 * np.pi * _checked(frequency)

    def parts(self, positions: Real, moments: Complex, magnetic: NDArray[np.bool_]) -> Real:
        """The fields of N elements, each electric or magnetic, in real and imaginary parts.

        Args:
            positions: where the elements are, ``(N, 3)``, m.
            moments: complex ``(N, 3)``, A.m or V.m.
            magnetic: which elements are magnetic, ``(N,)``.

        Returns:
            ``(2, 3, 2, P)``: E in V/m and H in A/m; x, y, z; real and imaginary part.

        Raises:
            ValueError: a point lies on an element, where the field is infinite.
        """
        count = self._points.shape[1]
        if not len(positions):
            return np.zeros((2, 3, 2, count))
        sources = Sources.of(positions, moments, magnetic, self._omega)
        block = max(1, _PAIRS_AT_ONCE // len(positions))
        blocks = [self._points[:, start : start + block] for start in range(0, count, block)]
        fields = [sources.fields(points, self._omega / SPEED_OF_LIGHT) for points in blocks]
        return fields[0] if len(fields) == 1 else np.concatenate(fields, axis=-1)


def unit_element_fields(points: ArrayLike, positions: ArrayLike, frequency: float) -> Complex:
    """The field of every unit element at every position, with no sum: complex ``(N, 6, P, 6)``.

    Axis 1 is the moment (electric x, y, z of 1 A.m, then magnetic x, y, z of 1 V.m), axis 3 the component (Ex, Ey,
    Ez in V/m, then Hx, Hy, Hz in A/m). Arguments and errors are those of `element_fields`.
    """
    points = _vectors("points", points, np.float64)
    positions = _vectors("positions", positions, np.float64)
    omega = 2 * np.pi * _checked(frequency)
    wavenumber = omega / SPEED_OF_LIGHT
    offsets = points.T - positions[:, :, None]
    green, swirl, radial = map(_as_complex, wave_factors(offsets, wavenumber))
    offsets = offsets.swapaxes(0, 1)
    own = -radial * offsets[:, None] * offsets[None, :]
    for axis in range(3):
        own[axis, axis] += green - swirl / wavenumber**2
    x, y, z = swirl * offsets
    nothing = np.zeros_like(x)
    other = np.array([[nothing, -z, y], [z, nothing, -x], [-y, x, nothing]])
    electric = np.concatenate([-1j * omega * MU_0 * own, other], axis=1)
    magnetic = np.concatenate([-other, -1j * omega * EPSILON_0 * own], axis=1)
    fields: Complex = np.concatenate([electric, magnetic]).transpose(2, 0, 3, 1)
    return fields


def _as_complex(stacked: Real) -> Complex:
    values = np.empty(stacked.shape[1:], np.complex128)
    values.real, values.imag = stacked
    return values


def _checked(frequency: float) -> float:
    if not (np.isfinite(frequency) and frequency > 0):
        raise ValueError(f"frequency must be above 0 Hz, found {frequency}")
    return frequency


def _vectors(name: str, values: ArrayLike, dtype: type[np.generic], count: int | None = None) -> NDArray[Any]:
    array = np.asarray(values, dtype=dtype)
    if array.ndim != 2 or array.shape[1] != 3:
        raise ValueError(f"{name} must have the shape (n, 3), found {array.shape}")
    if count is not None and len(array) != count:
        raise ValueError(f"{name} must have one row per position ({count}), found {len(array)}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite; row {int(np.argwhere(~np.isfinite(array))[0, 0])} is not")
    return array
