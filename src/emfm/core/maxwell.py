"""How well a field on one plane fits Maxwell's equations: the two that hold no derivative along z.

In free space without sources, with the time factor exp(+jwt) (R. F. Harrington, Time-Harmonic
Electromagnetic Fields, eqs. 1-28)::

    dEy/dx - dEx/dy + jw mu0 Hz = 0
    dHy/dx - dHx/dy - jw epsilon0 Ez = 0
"""

from dataclasses import dataclass
from functools import lru_cache
from math import factorial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from emfm.core.channels import E_CHANNELS, H_CHANNELS, TARGET_COMPONENTS, Channels, Complex
from emfm.core.constants import EPSILON_0, MU_0
from emfm.core.grid import Grid

FEWEST_POINTS: Final = 3
"""Points along each axis that a grid needs for a central difference."""

FEWEST_FITTED: Final = 5
"""Points along each axis that `fit_curls` needs."""

_REACH: Final = 4


@dataclass(frozen=True)
class CurlFit:
    """How the curl of one field of a sample goes with the normal component of the other, see `fit_curls`."""

    factor: complex
    """s in curl = s * term, by least squares; 1 where the field obeys Maxwell's equations."""
    agreement: float
    """Cosine between curl and term, 0 to 1: 1 where s times the term is the very curl."""
    weight: float
    """The curl's size over that of its two derivatives, below 1.5: where small, they cancel, and s is badly known."""
    roughness: float
    """Share of what changes from point to point in E or H, whichever is the larger: fourth differences over 16, L2."""


def in_plane_residual(components: Complex, grid: Grid, frequency: float) -> NDArray[np.float64]:
    """The residual of both equations relative to the size of their terms, a number for each sample, ``(n,)``.

    For one equation a + b + c = 0 it is sqrt(sum |a + b + c|^2 / sum (|a|^2 + |b|^2 + |c|^2)) over the points
    off the rim; the sample's is the root mean square of both. 0 is Maxwell's equations, and terms that know
    nothing of each other give 1. Where a, b and c are zero, the residual is, too.

    Derivatives are central differences of order 8, and of order 6, 4 and 2 at the 3rd, 2nd and 1st point from
    the rim, so that a grid of 3 x 3 points has a residual. The differences have an error of their own, which
    grows with the pitch: see a prediction's residual beside that of the true field on the same grid.

    Args:
        components: Ex Ey Ez (V/m) and Hx Hy Hz (A/m), complex ``(n, 6, ny, nx)``.
        grid: the plane.
        frequency: Hz.

    Raises:
        ValueError: another shape than the grid's, or fewer than 3 points along an axis.
    """
    if components.shape[1:] != (len(TARGET_COMPONENTS), *grid.shape):
        raise ValueError(
            f"components must have the shape (n, {len(TARGET_COMPONENTS)}, {grid.ny}, {grid.nx}), "
            f"found {components.shape}"
        )
    ex, ey, ez, hx, hy, hz = components.swapaxes(0, 1)
    omega = 2 * np.pi * frequency
    squares = [
        _relative_square(*_curl_terms(ex, ey, grid), 1j * omega * MU_0 * hz[:, 1:-1, 1:-1]),
        _relative_square(*_curl_terms(hx, hy, grid), -1j * omega * EPSILON_0 * ez[:, 1:-1, 1:-1]),
    ]
    return np.asarray(np.sqrt(np.mean(squares, axis=0)))


def fit_curls(channels: Channels, grid: Grid, frequency: float) -> tuple[CurlFit, CurlFit]:
    """By which factors one sample departs from Maxwell's equations: s1 and s2 with their certainty.

        dEy/dx - dEx/dy = -s1 jw mu0 Hz
        dHy/dx - dHx/dy =  s2 jw epsilon0 Ez

    In the weak form, which differentiates no data: both sides are averaged with a smooth bell w of up to 9 x 9 points
    about each point, and by parts the left one becomes the average of Ex dw/dy - Ey dw/dx. What the grid does not
    resolve is averaged away. Of fields of elements 1.5 mm or less below z = 0 on a plane at the height z, the largest
    abs(s - 1) of 40 samples was 1e-4 for a pitch of 0.2 z, 1e-3 for 0.5 z, 0.1 for z, where the central differences of
    `in_plane_residual` give 1e-4, 0.02 and 0.8; a plane with a pitch above z tells nothing.

    Args:
        channels: real channels of a target, ``(12, ny, nx)``, V/m and A/m.
        grid: the plane.
        frequency: Hz.

    Raises:
        ValueError: fewer than 5 points along an axis.
    """
    along_x, across_x = _bells(grid.nx, grid.pitch_x)
    along_y, across_y = _bells(grid.ny, grid.pitch_y)
    fields = np.asarray(channels, np.float64)
    ex, ey, ez, hx, hy, hz = fields.reshape(len(TARGET_COMPONENTS), 2, *grid.shape)
    roughness = max(_roughness(fields[E_CHANNELS]), _roughness(fields[H_CHANNELS]))
    omega = 2 * np.pi * frequency
    fits = []
    for fx, fy, other, constant in ((ex, ey, hz, -1j * omega * MU_0), (hx, hy, ez, 1j * omega * EPSILON_0)):
        along, across = _joined(across_y @ fy @ along_x.T), _joined(along_y @ fx @ across_x.T)
        derivatives = float(np.hypot(_norm(along), _norm(across)))
        fits.append(_fit(along - across, constant * _joined(across_y @ other @ across_x.T), derivatives, roughness))
    return fits[0], fits[1]


def _joined(parts: NDArray[np.float64]) -> Complex:
    real, imaginary = parts
    return np.asarray(real + 1j * imaginary)


def _roughness(values: NDArray[np.float64]) -> float:
    """1 for a field that changes its sign from point to point, 0.5 for noise, near 0 for one that is resolved."""
    size = np.sqrt(np.mean(values**2))
    along_each = (np.sqrt(np.mean(np.diff(values, 4, axis=axis) ** 2)) for axis in (1, 2))
    return float(max(along_each) / 16 / size) if size > 0 else 0.0


def _fit(curl: Complex, term: Complex, derivatives: float, roughness: float) -> CurlFit:
    size, other = _norm(curl), _norm(term)
    weight = size / derivatives if derivatives > 0 else 0.0
    if size == 0 or other == 0:
        return CurlFit(0j, 0.0, weight, roughness)
    cosine = complex(np.vdot(term / other, curl / size))
    return CurlFit(cosine * size / other, abs(cosine), weight, roughness)


def _norm(values: Complex) -> float:
    return float(np.sqrt((values.real**2 + values.imag**2).sum()))


@lru_cache(maxsize=8)
def _bells(count: int, pitch: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What averages the derivative of a row of ``count`` values, and what averages the values, over each bell.

    Matrices ``(count - 2 r, count)``; the bell is cos^4 and reaches r points, so that half of the row has a bell of its
    own. The first is exact for straight lines.
    """
    if count < FEWEST_FITTED:
        raise ValueError(f"a fit of the curl needs {FEWEST_FITTED} points or more along each axis, found {count}")
    reach = min(_REACH, (count - 1) // 4)
    steps = np.arange(-reach, reach + 1)
    angles = np.pi / 2 * steps / (reach + 1)
    bell, slope = np.cos(angles) ** 4, np.cos(angles) ** 3 * np.sin(angles)
    derivative = slope * bell.sum() / (slope @ steps) / pitch
    places = np.arange(count - 2 * reach)
    matrices = np.zeros((2, len(places), count))
    for step, along, across in zip(steps + reach, derivative, bell, strict=True):
        matrices[0, places, places + step] = along
        matrices[1, places, places + step] = across
    return matrices[0], matrices[1]


def central_difference(values: Complex, pitch: float) -> Complex:
    """The first derivative along the last axis, at all points but the two outermost, ``(..., count - 2)``.

    Central differences that reach as far as they can, up to 4 points to either side: order 8 (B. Fornberg,
    "Generation of Finite Difference Formulas on Arbitrarily Spaced Grids", Math. Comp. 51 (1988)).

    Raises ValueError for fewer than 3 points.
    """
    count = values.shape[-1]
    if count < FEWEST_POINTS:
        raise ValueError(f"a central difference needs {FEWEST_POINTS} points or more, found {count}")
    points = np.arange(1, count - 1)
    reaches = np.minimum(np.minimum(points, count - 1 - points), _REACH)
    derivative = np.zeros((*values.shape[:-1], count - 2), np.complex128)
    for step in range(1, int(reaches.max()) + 1):
        inside = slice(step - 1, count - 1 - step)
        weights = np.array([_weight(int(reach), step) for reach in reaches[inside]]) / pitch
        derivative[..., inside] += weights * (values[..., 2 * step :] - values[..., : count - 2 * step])
    return derivative


def _weight(reach: int, step: int) -> float:
    """Of the points ``step`` to either side, in the difference of order 2 * ``reach``, for a pitch of 1."""
    size = factorial(reach) ** 2 / (step * factorial(reach - step) * factorial(reach + step))
    return size if step % 2 else -size


def _curl_terms(fx: Complex, fy: Complex, grid: Grid) -> tuple[Complex, Complex]:
    """dFy/dx and -dFx/dy at the points off the rim, ``(n, ny - 2, nx - 2)`` each."""
    along_x = central_difference(fy[:, 1:-1], grid.pitch_x)
    along_y = central_difference(fx[:, :, 1:-1].swapaxes(1, 2), grid.pitch_y).swapaxes(1, 2)
    return along_x, -along_y


def _relative_square(*terms: Complex) -> NDArray[np.float64]:
    """|sum of terms|^2 / sum of |term|^2, each summed over the points, ``(n,)``; 0 where the terms are."""
    size = sum((_square(term) for term in terms), np.zeros(len(terms[0])))
    residual = _square(sum(terms, np.zeros_like(terms[0])))
    return np.divide(residual, size, out=np.zeros_like(size), where=size > 0)


def _square(values: Complex) -> NDArray[np.float64]:
    total: NDArray[np.float64] = (values.real**2 + values.imag**2).sum((1, 2))
    return total
