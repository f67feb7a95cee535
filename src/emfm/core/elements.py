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

from emfm.core.channels import Complex, Real
from emfm.core.constants import EPSILON_0, MU_0, SPEED_OF_LIGHT

_PAIRS_AT_ONCE = 1 << 14
_NEXT, _LAST = [1, 2, 0], [2, 0, 1]
_GREEN, _SWIRL, _RADIAL = range(3)
_INDUCTION = np.array([[MU_0], [EPSILON_0]])
_DUALITY = np.array([[-1], [1]])
"""Of electric and of magnetic elements: E of a magnetic one turns the other way than H of an electric one."""


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
        sources = _Sources.of(positions, moments, magnetic, self._omega)
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
    green, swirl, radial = map(_as_complex, _waves(offsets, wavenumber))
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


@dataclass(frozen=True)
class _Sources:
    """Radiating elements, with the weights that sum what `_waves` gives to E and H.

    All sums over elements are one matrix product, as R r is the point less the position. Real and imaginary parts are
    apart: real arithmetic takes a third of the time of numpy's complex one.
    """

    positions: Real
    moments: Real
    """``(2, N, 1, 3)``: those of the own field, real and imaginary parts."""
    weights: Real
    """``((3 + 3 + 1) * 2 * 2, 6 * N)``: of each wave in x, y, z, in what turns about the point, in what lies along it;
    there in E and H; there in real and imaginary part."""

    @classmethod
    def of(cls, positions: Real, moments: Complex, magnetic: NDArray[np.bool_], omega: float) -> Self:
        """The elements of `FieldPoints.parts`."""
        places = positions.T[:, None]
        kinds = np.array([~magnetic, magnetic])
        electric_and_magnetic = moments.T[:, None] * kinds
        own = electric_and_magnetic * (-1j * omega * _INDUCTION)
        turning = electric_and_magnetic[:, ::-1] * _DUALITY
        turned = turning.take(_NEXT, 0) * places.take(_LAST, 0) - turning.take(_LAST, 0) * places.take(_NEXT, 0)

        weights = np.zeros((7, 2, 3, len(positions)), np.complex128)
        field, around, along = weights[:3], weights[3:6], weights[6]
        field[:, :, _GREEN] = own
        field[:, :, _SWIRL] = own * -((SPEED_OF_LIGHT / omega) ** 2) - turned
        field[:, :, _RADIAL] = kinds * places
        around[:, :, _SWIRL] = turning
        along[:, _RADIAL] = kinds
        moment = own.sum(axis=1).T
        return cls(positions, np.array([moment.real, moment.imag])[:, :, None], _real_matrix(weights))

    def fields(self, points: Real, wavenumber: float) -> Real:
        """E and H at points ``(3, P)``: see `FieldPoints.parts`."""
        import torch  # see `_waves`; its fused product and sum takes half the time of numpy's two steps

        offsets = points - self.positions[:, :, None]
        waves = _waves(offsets, wavenumber)
        _multiply(waves[_RADIAL], (self.moments @ offsets)[:, :, 0])
        sums = (self.weights @ waves.reshape(-1, points.shape[1])).reshape(7, 2, 2, -1)
        places = torch.from_numpy(points).unbind()
        *vectors, along = torch.from_numpy(sums).unbind()
        field, around = vectors[:3], vectors[3:]
        for one, two, three in zip(range(3), _NEXT, _LAST, strict=True):
            field[one].addcmul_(around[two], places[three])
            field[one].addcmul_(around[three], places[two], value=-1)
            field[one].addcmul_(along, places[one], value=-1)
        return sums[:3].swapaxes(0, 1)


def _real_matrix(matrices: Complex) -> Real:
    """What multiplies real and imaginary parts of ``(k, 2, N, P)`` as ``(..., k, N)`` does complex numbers."""
    *rows, waves, elements = matrices.shape
    parts = np.empty((*rows, 2, waves, 2, elements))
    parts[..., 0, :, 0, :] = parts[..., 1, :, 1, :] = matrices.real
    parts[..., 1, :, 0, :], parts[..., 0, :, 1, :] = matrices.imag, -matrices.imag
    return parts.reshape(-1, 2 * waves * elements)


def _waves(offsets: Real, wavenumber: float) -> Real:
    """The factors of an element's field, ``(3, 2, N, P)``, real and imaginary parts.

    With s = g (1/R + jk) / R and d = R r the field in `element_fields` is H = s (I*l x d) and, times -jw mu0, E =
    (g - s/k^2) I*l - (g - 3 s/k^2)/R^2 (d . I*l) d. The factors are g, s and (g - 3 s/k^2)/R^2. Arrays are few and used
    again: what does not fit into the processor's cache takes three times as long.

    Args:
        offsets: R r of each element and point, ``(N, 3, P)``, m.
        wavenumber: 1/m.
    """
    import torch  # here, for those who import this module and need no field: it takes seconds to load

    squares = np.einsum("nip,nip->np", offsets, offsets)
    if not squares.all():
        raise ValueError("a point lies on an element, where the field is infinite")
    distance = np.sqrt(squares)
    inverse_squared = np.divide(1, squares, out=squares)
    waves = np.empty((3, 2, *distance.shape))
    green, swirl, radial = waves
    phase = -wavenumber * distance
    size = np.divide(1 / (4 * np.pi), distance, out=distance)
    angle = torch.from_numpy(phase)  # whose sine in double precision takes a tenth of the time of numpy's
    torch.cos(angle, out=torch.from_numpy(green[0]))
    torch.sin(angle, out=torch.from_numpy(green[1]))
    green *= size
    phase *= inverse_squared
    np.multiply(green, inverse_squared, out=swirl)
    np.multiply(green, phase, out=radial)
    swirl[0] += radial[1]
    swirl[1] -= radial[0]
    np.multiply(swirl, -3 / wavenumber**2, out=radial)
    radial += green
    radial *= inverse_squared
    return waves


def _multiply(first: Real, second: Real) -> None:
    """Multiply ``first`` by ``second``, complex numbers as real and imaginary parts, in its place."""
    crossed = first * second[1]
    first *= second[0]
    first[0] -= crossed[1]
    first[1] += crossed[0]


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
