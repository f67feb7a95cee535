"""How well a field on one plane fits Maxwell's equations: the two that hold no derivative along z.

In free space without sources, with the time factor exp(+jwt) (R. F. Harrington, Time-Harmonic
Electromagnetic Fields, eqs. 1-28)::

    dEy/dx - dEx/dy + jw mu0 Hz = 0
    dHy/dx - dHx/dy - jw epsilon0 Ez = 0
"""

from math import factorial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from emfm.physics.channels import TARGET_COMPONENTS
from emfm.physics.constants import EPSILON_0, MU_0
from emfm.physics.elements import Complex
from emfm.physics.grid import Grid

FEWEST_POINTS: Final = 3
"""Points along each axis that a grid needs for a central difference."""

_REACH: Final = 4


def in_plane_residual(components: Complex, grid: Grid, frequency: float) -> NDArray[np.float64]:
    """The residual of both equations relative to the size of their terms, a number for each sample, ``(n,)``.

    For one equation a + b + c = 0 it is sqrt(sum |a + b + c|^2 / sum (|a|^2 + |b|^2 + |c|^2)) over the points
    off the rim; the sample's is the root mean square of both. 0 is Maxwell's equations, and terms that know
    nothing of each other give 1. Where a, b and c are zero, the residual is, too.

    Derivatives are central differences of order 8, and of order 6, 4 and 2 at the 3rd, 2nd and 1st point from
    the rim, so that a grid of 3 x 3 points has a residual. The differences have an error of their own, which
    grows with the pitch: judge a prediction's residual beside that of the true field on the same grid.

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
