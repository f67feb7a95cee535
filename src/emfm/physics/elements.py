"""Closed-form fields of electric and magnetic current elements in free space.

Time factor exp(+jwt), peak phasors. An element is a current times its length, short against everything else.
Electric element I*l at distance R, with g = exp(-jkR) / (4 pi R) and r the unit vector towards the point
(C. A. Balanis, Antenna Theory, 4th ed., eqs. 4-8 and 4-10, written as vectors)::

    E = -jw mu0 g [ (1 + 1/(jkR) - 1/(kR)^2) I*l - (1 + 3/(jkR) - 3/(kR)^2) (r . I*l) r ]
    H = g (1/R + jk) (I*l x r)

A magnetic element K*l follows by duality (Balanis, Advanced Engineering Electromagnetics, 2nd ed., table 7-2):
E -> H, H -> -E, mu0 <-> epsilon0.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emfm.physics.constants import EPSILON_0, MU_0, SPEED_OF_LIGHT

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]
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
    points = _vectors("points", points, np.float64)
    positions = _vectors("positions", positions, np.float64)
    electric = _vectors("electric", electric, np.complex128, len(positions))
    magnetic = _vectors("magnetic", magnetic, np.complex128, len(positions))
    omega = 2 * np.pi * _checked(frequency)
    wavenumber = omega / SPEED_OF_LIGHT

    fields = np.zeros((2, 2, 3, len(points)))
    sources = _Sources.of(positions, electric, magnetic, omega)
    if len(sources.positions):
        block = max(1, _PAIRS_AT_ONCE // len(sources.positions))
        for start in range(0, len(points), block):
            chosen = np.ascontiguousarray(points[start : start + block].T)
            fields[..., start : start + block] = sources.fields(chosen, wavenumber)
    e_field, h_field = _as_complex(fields)
    return e_field.T, h_field.T


def unit_element_fields(points: ArrayLike, positions: ArrayLike, frequency: float) -> Complex:
    """The field of every unit element at every position, with no sum: complex ``(N, 6, P, 6)``.

    Axis 1 is the moment (electric x, y, z of 1 A.m, then magnetic x, y, z of 1 V.m), axis 3 the component (Ex, Ey,
    Ez in V/m, then Hx, Hy, Hz in A/m). Arguments and errors are those of `element_fields`.
    """
    points = _vectors("points", points, np.float64)
    positions = _vectors("positions", positions, np.float64)
    omega = 2 * np.pi * _checked(frequency)
    offsets = points.T[:, None, :] - positions.T[:, :, None]
    isotropic, radial, swirl = map(_as_complex, _patterns(offsets, omega / SPEED_OF_LIGHT))
    own = -radial * offsets[:, None] * offsets[None, :]
    for axis in range(3):
        own[axis, axis] += isotropic
    x, y, z = swirl * offsets
    nothing = np.zeros_like(x)
    other = np.array([[nothing, -z, y], [z, nothing, -x], [-y, x, nothing]])
    electric = np.concatenate([-1j * omega * MU_0 * own, other], axis=1)
    magnetic = np.concatenate([-other, -1j * omega * EPSILON_0 * own], axis=1)
    fields: Complex = np.concatenate([electric, magnetic]).transpose(2, 0, 3, 1)
    return fields


@dataclass(frozen=True)
class _Sources:
    """Radiating elements, electric before magnetic, with the weights that sum their patterns to E and H.

    Sums over elements are matrix products, as R r is the point less the position. The matrices multiply real and
    imaginary parts that are stacked, ``(2, N, P)``: see `_matrix`.
    """

    positions: Real
    moments: Real
    """Stacked, with a factor that makes them the field's own, ``(2, N, 3)``."""
    away: Real
    """Their projections on the positions, ``(2, N, 1)``."""
    own: Real
    """Sums the moments, electric to E and magnetic to H."""
    inward: Real
    """Sums positions and ones in the same way; real, so that it applies to each part alone."""
    turning: Real
    """Sums the moments and their vector products with the positions, electric to H and magnetic to -E."""

    @classmethod
    def of(cls, positions: Real, electric: Complex, magnetic: Complex, omega: float) -> Self:
        """The elements whose moment is not zero."""
        kinds = [np.any(moments != 0, axis=1) for moments in (electric, magnetic)]
        size, places = int(kinds[0].sum()), np.concatenate([positions[kind] for kind in kinds])
        moments = np.concatenate([electric[kinds[0]], magnetic[kinds[1]]])
        factors = np.where(np.arange(len(places)) < size, MU_0, EPSILON_0)
        own = (-1j * omega * factors)[:, None] * moments
        turning = np.concatenate([moments[:size], -moments[size:]])
        turned = turning[:, [1, 2, 0]] * places[:, [2, 0, 1]] - turning[:, [2, 0, 1]] * places[:, [1, 2, 0]]
        return cls(
            positions=places,
            moments=_stacked(own),
            away=_stacked(np.sum(own * places, axis=1, keepdims=True)),
            own=_matrix(_apart(own, size)),
            inward=_apart(np.column_stack([places, np.ones(len(places))]), size),
            turning=_matrix(_apart(np.hstack([turning, turned]), size)[::-1]),
        )

    def fields(self, points: Real, wavenumber: float) -> Real:
        """E and H at points ``(3, P)``: ``(2, 2, 3, P)``, real and imaginary parts, then E and H."""
        isotropic, radial, swirl = _patterns(points[:, None, :] - self.positions.T[:, :, None], wavenumber)
        fields: Real = (self.own @ _flat(isotropic)).reshape(2, 2, 3, -1)
        radial = _product(radial, self.moments @ points - self.away)
        inward = (_flat(self.inward) @ radial).reshape(2, 2, 4, -1)
        fields += inward[:, :, :3]
        fields -= inward[:, :, 3:] * points
        turning = (self.turning @ _flat(swirl)).reshape(2, 2, 6, -1)
        for one, two, three in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
            fields[:, :, one] += turning[:, :, two] * points[three] - turning[:, :, three] * points[two]
        fields -= turning[:, :, 3:]
        return fields


def _apart(rows: NDArray[Any], size: int) -> NDArray[Any]:
    """Rows ``(N, k)`` as columns ``(2, k, N)``: the first ``size`` in the first matrix, the others in the second."""
    matrices = np.zeros((2, rows.shape[1], len(rows)), rows.dtype)
    matrices[0, :, :size], matrices[1, :, size:] = rows[:size].T, rows[size:].T
    return matrices


def _matrix(matrices: Complex) -> Real:
    """What multiplies stacked real and imaginary parts as ``matrices`` do complex numbers."""
    flat = _flat(matrices)
    parts = np.empty((2, len(flat), 2, flat.shape[1]))
    parts[0, :, 0] = parts[1, :, 1] = flat.real
    parts[1, :, 0], parts[0, :, 1] = flat.imag, -flat.imag
    return parts.reshape(2 * len(flat), -1)


def _flat(stacked: NDArray[Any]) -> NDArray[Any]:
    first, second, last = stacked.shape
    return stacked.reshape(first * second, last)


def _patterns(offsets: Real, wavenumber: float) -> tuple[Real, Real, Real]:
    """a and b / R^2 and the factor of m x (R r) in `element_fields` times g, for offsets ``(3, N, P)``.

    Each is ``(2, N, P)``, real and imaginary parts: real arithmetic takes a third of the time of numpy's complex one.
    """
    import torch  # here, for those who import this module and need no field: it takes seconds to load

    distance_squared = np.einsum("inp,inp->np", offsets, offsets)
    if not distance_squared.all():
        raise ValueError("a point lies on an element, where the field is infinite")
    inverse_squared = 1 / distance_squared
    distance = np.sqrt(distance_squared)
    phase = wavenumber * distance
    size = distance * inverse_squared / (4 * np.pi)
    angle = torch.from_numpy(phase)  # whose sine in double precision takes a tenth of the time of numpy's
    green = np.stack([size * torch.cos(angle).numpy(), -size * torch.sin(angle).numpy()])
    inverse = 1 / phase
    square = inverse * inverse
    isotropic = _product(green, (1 - square, -inverse))
    radial = _product(green, ((1 - 3 * square) * inverse_squared, -3 * inverse * inverse_squared))
    swirl = _product(green, (inverse_squared, wavenumber * distance * inverse_squared))
    return isotropic, radial, swirl


def _product(first: Real, second: Real | tuple[Real, Real]) -> Real:
    """The complex product of real and imaginary parts."""
    (a, b), (c, d) = first, second
    product = np.empty_like(first)
    np.subtract(a * c, b * d, out=product[0])
    np.add(a * d, b * c, out=product[1])
    return product


def _stacked(values: Complex) -> Real:
    return np.stack([values.real, values.imag])


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
