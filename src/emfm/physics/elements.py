"""Closed-form fields of electric and magnetic current elements in free space.

Time factor exp(+jwt), peak phasors. An element is a current times its length, short against everything else.
Electric element I*l at distance R, with g = exp(-jkR) / (4 pi R) and r the unit vector towards the point
(C. A. Balanis, Antenna Theory, 4th ed., eqs. 4-8 and 4-10, written as vectors)::

    E = -jw mu0 g [ (1 + 1/(jkR) - 1/(kR)^2) I*l - (1 + 3/(jkR) - 3/(kR)^2) (r . I*l) r ]
    H = g (1/R + jk) (I*l x r)

A magnetic element K*l follows by duality (Balanis, Advanced Engineering Electromagnetics, 2nd ed., table 7-2):
E -> H, H -> -E, mu0 <-> epsilon0.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emfm.physics.constants import EPSILON_0, MU_0, SPEED_OF_LIGHT

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

    e_field, curl_e = _sum_over_elements(points, positions, electric, wavenumber)
    h_field, curl_h = _sum_over_elements(points, positions, magnetic, wavenumber)
    return -1j * omega * MU_0 * e_field - curl_h, -1j * omega * EPSILON_0 * h_field + curl_e


def unit_element_fields(points: ArrayLike, positions: ArrayLike, frequency: float) -> Complex:
    """The field of every unit element at every position, with no sum: complex ``(N, 6, P, 6)``.

    Axis 1 is the moment (electric x, y, z of 1 A.m, then magnetic x, y, z of 1 V.m), axis 3 the component (Ex, Ey,
    Ez in V/m, then Hx, Hy, Hz in A/m). Arguments and errors are those of `element_fields`.
    """
    points = _vectors("points", points, np.float64)
    positions = _vectors("positions", positions, np.float64)
    omega = 2 * np.pi * _checked(frequency)
    offsets = points.T[:, None, :] - positions.T[:, :, None]
    isotropic, radial, swirl = _patterns(offsets, omega / SPEED_OF_LIGHT)
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


def _sum_over_elements(
    points: NDArray[np.float64], positions: NDArray[np.float64], moments: Complex, wavenumber: float
) -> tuple[Complex, Complex]:
    """The two vector patterns of moments m, ``(P, 3)`` each: g [a m - b (r . m) r], and g (1/R + jk) m x r.

    Works on blocks of points that stay in the processor's cache.
    """
    radiating = np.any(moments != 0, axis=1)
    positions, moments = positions[radiating], moments[radiating]
    along, across = np.zeros((2, len(points), 3), np.complex128)
    if len(positions) == 0:
        return along, across
    block = max(1, _PAIRS_AT_ONCE // len(positions))
    for start in range(0, len(points), block):
        chosen = slice(start, start + block)
        along[chosen], across[chosen] = _block(points[chosen], positions, moments, wavenumber)
    return along, across


def _block(
    points: NDArray[np.float64], positions: NDArray[np.float64], moments: Complex, wavenumber: float
) -> tuple[Complex, Complex]:
    offsets = points.T[:, None, :] - positions.T[:, :, None]
    isotropic, radial, swirl = _patterns(offsets, wavenumber)

    mx, my, mz = moments.T[:, :, None]
    x, y, z = offsets
    radial *= mx * x + my * y + mz * z
    along = [np.sum(isotropic * m - radial * r, axis=0) for m, r in ((mx, x), (my, y), (mz, z))]
    across = [
        np.sum(swirl * (my * z - mz * y), axis=0),
        np.sum(swirl * (mz * x - mx * z), axis=0),
        np.sum(swirl * (mx * y - my * x), axis=0),
    ]
    return np.stack(along, axis=1), np.stack(across, axis=1)


def _patterns(offsets: NDArray[np.float64], wavenumber: float) -> tuple[Complex, Complex, Complex]:
    """a, b and the factor of m x (R r) of `_sum_over_elements` times g, b over R^2, for offsets ``(3, N, P)``."""
    distance_squared = np.einsum("inp,inp->np", offsets, offsets)
    if not distance_squared.all():
        raise ValueError("a point lies on an element, where the field is infinite")
    distance = np.sqrt(distance_squared)
    phase = wavenumber * distance
    green = (np.cos(phase) - 1j * np.sin(phase)) / (4 * np.pi * distance)
    inverse = 1 / phase
    isotropic = green * (1 - inverse * (1j + inverse))
    radial = green * (1 - inverse * (3j + 3 * inverse)) / distance_squared
    swirl = green * ((1 / distance + 1j * wavenumber) / distance)
    return isotropic, radial, swirl


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
