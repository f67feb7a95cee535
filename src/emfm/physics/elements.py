"""Closed-form fields of electric and magnetic current elements in free space.

Time factor exp(+jwt), peak phasors. An element is a current times its length, short against everything else.
Electric element I*l at distance R, with g = exp(-jkR) / (4 pi R) and r the unit vector towards the point
(C. A. Balanis, Antenna Theory, 4th ed., eqs. 4-8 and 4-10, written as vectors)::

    E = -jw mu0 g [ (1 + 1/(jkR) - 1/(kR)^2) I*l - (1 + 3/(jkR) - 3/(kR)^2) (r . I*l) r ]
    H = g (1/R + jk) (I*l x r)

A magnetic element K*l follows by duality (Balanis, Advanced Engineering Electromagnetics, 2nd ed., table 7-2):
E -> H, H -> -E, mu0 <-> epsilon0.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
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

    kinds = [_radiating(positions, moments) for moments in (electric, magnetic)]
    (e_field, h_field), (curl_e, curl_h) = _sums_over_elements(points, kinds, wavenumber)
    return (-1j * omega * MU_0 * e_field - curl_h).T, (-1j * omega * EPSILON_0 * h_field + curl_e).T


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


def _radiating(positions: NDArray[np.float64], moments: Complex) -> tuple[NDArray[np.float64], Complex]:
    """The elements whose moment is not zero."""
    radiating = np.any(moments != 0, axis=1)
    return positions[radiating], moments[radiating]


def _sums_over_elements(
    points: Real, kinds: Sequence[tuple[Real, Complex]], wavenumber: float
) -> NDArray[np.complex128]:
    """Two vector patterns of the moments m of each kind: g [a m - b (r . m) r], and g (1/R + jk) m x r.

    Positions and moments of a kind are ``(N, 3)``; the result is ``(2, kinds, 3, P)``. Works on blocks of points that
    stay in the processor's cache. Sums over elements are matrix products, as R r is the point less the position.
    """
    sums = np.zeros((2, 2, len(kinds), 3, len(points)))
    positions = np.concatenate([places for places, _ in kinds])
    if len(positions) == 0:
        return _as_complex(sums)
    moments = np.concatenate([moments for _, moments in kinds])
    away = _stacked(np.sum(moments * positions, axis=1, keepdims=True))
    turned = moments[:, [1, 2, 0]] * positions[:, [2, 0, 1]] - moments[:, [2, 0, 1]] * positions[:, [1, 2, 0]]
    sizes = [len(places) for places, _ in kinds]
    direct, turning = (_matrix_by_kind(rows, sizes) for rows in (moments, np.hstack([moments, turned])))
    inward = _by_kind(np.column_stack([positions, np.ones(len(positions))]), sizes)
    block = max(1, _PAIRS_AT_ONCE // len(positions))
    for start in range(0, len(points), block):
        chosen = np.ascontiguousarray(points[start : start + block].T)
        isotropic, radial, swirl = _patterns(chosen[:, None, :] - positions.T[:, :, None], wavenumber)
        radial = _product(radial, _stacked(moments) @ chosen - away)
        along, across = np.swapaxes(sums[..., start : start + block], 0, 1)
        inwards = (inward @ radial).reshape(2, len(kinds), 4, -1)
        along[:] = (direct @ _flat(isotropic)).reshape(along.shape)
        along += inwards[:, :, :3] - inwards[:, :, 3:] * chosen
        turns = (turning @ _flat(swirl)).reshape(2, len(kinds), 6, -1)
        for one, two, three in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
            across[:, :, one] = turns[:, :, two] * chosen[three] - turns[:, :, three] * chosen[two]
        across -= turns[:, :, 3:]
    return _as_complex(sums)


def _by_kind(rows: NDArray[Any], sizes: Sequence[int]) -> NDArray[Any]:
    """A matrix ``(kinds * k, N)`` that sums the rows ``(N, k)`` of each kind's elements apart."""
    matrix = np.zeros((len(sizes), rows.shape[1], len(rows)), rows.dtype)
    end = 0
    for kind, size in enumerate(sizes):
        start, end = end, end + size
        matrix[kind, :, start:end] = rows[start:end].T
    return matrix.reshape(-1, len(rows))


def _matrix_by_kind(rows: Complex, sizes: Sequence[int]) -> Real:
    """`_by_kind` for what is stacked as real and imaginary parts: ``(2 * kinds * k, 2 * N)``."""
    matrix = _by_kind(rows, sizes)
    parts = np.empty((2, len(matrix), 2, matrix.shape[1]))
    parts[0, :, 0] = parts[1, :, 1] = matrix.real
    parts[1, :, 0], parts[0, :, 1] = matrix.imag, -matrix.imag
    return parts.reshape(2 * len(matrix), -1)


def _flat(stacked: Real) -> Real:
    return stacked.reshape(-1, stacked.shape[-1])


def _patterns(offsets: Real, wavenumber: float) -> tuple[Real, Real, Real]:
    """a, b / R^2 and the factor of m x (R r) of `_sums_over_elements` times g, for offsets ``(3, N, P)``.

    Each is ``(2, N, P)``, real and imaginary parts: real arithmetic takes a third of the time of numpy's complex one.
    """
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
