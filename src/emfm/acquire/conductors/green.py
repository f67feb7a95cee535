"""The Green's function of free space, averaged over the cells of a regular grid."""

from functools import cache
from typing import Final

import numpy as np

from emfm.core.channels import Complex, Real

_NEAR: Final = 3
"""Cells up to this far apart are integrated; beyond, three terms of the expansion about the middles are exact to 1e-3
of a term that is itself small."""
_NODES: Final = 4
"""Of Gauss' rule, in each piece of a spline."""


def averaged_green(
    rows: int, columns: int, side: float, height: float, wavenumber: float, order: tuple[int, int]
) -> Complex:
    """exp(-jkR) / (4 pi R), averaged over two functions that are some cells apart, ``(rows, columns)``, 1/m.

    Each function is a product of pulses (as wide as a cell) or triangles (twice as wide) along y and x. What counts
    is their convolution, a B-spline: of order 2 for two pulses, of order 4 for two triangles. The part 1/R is
    integrated over one square in closed form (D. R. Wilton et al., IEEE Trans. Antennas Propag. 32 (1984), 276) and
    over the rest of the spline by Gauss' rule; what exp(-jkR) adds is smooth and taken at the middles.

    Args:
        rows: of the table; entry (m, n) is for functions m cells apart along y and n along x.
        columns: see ``rows``.
        side: of a cell, m.
        height: between the two layers, m; 0 in one layer.
        wavenumber: 1/m.
        order: of the B-spline along y and along x, 2 to 4.
    """
    y, x = np.meshgrid(np.arange(rows) * side, np.arange(columns) * side, indexing="ij")
    distance = np.sqrt(x**2 + y**2 + height**2)
    near = np.s_[: _NEAR + 1, : _NEAR + 1]
    static = np.empty((rows, columns))
    with np.errstate(divide="ignore", invalid="ignore"):
        spread_y, spread_x = (n * side**2 / 24 for n in order)
        curved = spread_x * (3 * x**2 - distance**2) + spread_y * (3 * y**2 - distance**2)
        static[:] = 1 / distance + curved / distance**5
        added = np.where(distance > 0, (np.exp(-1j * wavenumber * distance) - 1) / distance, -1j * wavenumber)
    static[near] = _averaged_inverse(y[near], x[near], side, height, order)
    return np.asarray((static + added) / (4 * np.pi), np.complex128)


def _averaged_inverse(y: Real, x: Real, side: float, height: float, order: tuple[int, int]) -> Real:
    """The average of 1/R over B-splines at the offsets ``y`` and ``x``, 1/m."""
    (v, v_weights), (u, u_weights) = (spline_rule(n - 1, _NODES) for n in order)
    squares = _square_integral(x[..., None, None] + u * side, y[..., None, None] + v[:, None] * side, side, height)
    average: Real = np.einsum("...vu,v,u->...", squares, v_weights, u_weights) / side**2
    return average


@cache
def spline_rule(order: int, count: int) -> tuple[Real, Real]:
    """Nodes and weights that integrate a function times the centred B-spline of an order.

    Order 1 is a pulse of width 1, order 2 a triangle of width 2, each of area 1; in each of its pieces of width 1
    there are ``count`` nodes of Gauss' rule.
    """
    gauss, weights = (values / 2 for values in np.polynomial.legendre.leggauss(count))
    middles = np.arange(order) + (1 - order) / 2
    nodes = (middles[:, None] + gauss).ravel()
    return nodes, np.tile(weights, order) * _spline(nodes, order)


def _spline(x: Real, order: int) -> Real:
    """The centred B-spline of an order, by its recurrence (C. de Boor, A Practical Guide to Splines, ch. IX)."""
    if order == 1:
        return (np.abs(x) < 0.5).astype(np.float64)
    left, right = _spline(x + 0.5, order - 1), _spline(x - 0.5, order - 1)
    return ((order / 2 + x) * left + (order / 2 - x) * right) / (order - 1)


def _square_integral(x: Real, y: Real, side: float, height: float) -> Real:
    """The integral of 1/R over the square about the origin, seen from (x, y, height), m."""
    half = side / 2
    return (
        _corner(x + half, y + half, height)
        - _corner(x + half, y - half, height)
        - _corner(x - half, y + half, height)
        + _corner(x - half, y - half, height)
    )


def _corner(u: Real, v: Real, height: float) -> Real:
    """The antiderivative of 1/R in x and y."""
    tiny = np.finfo(np.float64).tiny
    total = u * np.arcsinh(v / np.sqrt(u**2 + height**2 + tiny)) + v * np.arcsinh(u / np.sqrt(v**2 + height**2 + tiny))
    if height == 0:
        return np.asarray(total)
    return np.asarray(total - height * np.arctan(u * v / (height * np.sqrt(u**2 + v**2 + height**2))))
