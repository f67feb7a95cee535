"""What the kinds share: lines cut into current elements, random complex numbers, tables of parameters."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from emfm.core.channels import Complex, Real

MM: Final = 1e-3
_NODES: Final = 3


@dataclass(frozen=True)
class Line:
    """A polyline as N short straight elements."""

    positions: Real
    """``(N, 3)``, m."""
    lengths: Real
    """``(N, 3)``: each element's length times its direction, m."""
    path: Real
    """``(N,)``: how far along the line each element is, m."""


def cut_line(vertices: Real, segment: float) -> Line:
    """The legs between ``vertices``, ``(V, 3)`` m, cut into segments of at most ``segment``, m.

    A segment stands for three elements, at the points and with the weights of Gauss-Legendre quadrature. So the sum
    of the elements' fields converges to the line integral with the sixth power of the segment's length over its
    distance. The midpoint rule, which has the second, is not enough for closed loops: their charges cancel, and what
    its error leaves of them would outweigh the electric field of the loop, which is small of order (kR)^2.
    """
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    steps = np.diff(vertices, axis=0)
    legs = np.linalg.norm(steps, axis=1)
    counts = np.maximum(np.ceil(legs / segment), 1).astype(int)
    leg = np.repeat(np.arange(len(legs)), counts * _NODES)
    place = np.concatenate([(np.arange(n)[:, None] + (nodes + 1) / 2).ravel() / n for n in counts])
    weight = np.concatenate([np.tile(weights / 2, n) / n for n in counts])
    before = np.concatenate([[0.0], np.cumsum(legs)[:-1]])
    return Line(
        vertices[leg] + steps[leg] * place[:, None], steps[leg] * weight[:, None], before[leg] + legs[leg] * place
    )


def closed(corners: Real) -> Real:
    """The vertices of the polygon with these corners, ``(V, 3)`` -> ``(V + 1, 3)``."""
    return np.concatenate([corners, corners[:1]])


def complex_normal(rng: np.random.Generator, *shape: int) -> Complex:
    """Complex normal numbers of unit variance."""
    pairs: Complex = rng.standard_normal((*shape[:-1], 2 * shape[-1])).view(np.complex128) / np.sqrt(2)
    return pairs


def padded_rows(rows: Sequence[Sequence[float]], most: int, width: int) -> Real:
    """The number of ``rows``, then ``most`` rows of ``width`` values: NaN where there is none."""
    values = np.full((most, width), np.nan)
    for place, row in enumerate(rows):
        values[place, : len(row)] = row
    return np.concatenate([[len(rows)], values.ravel()])
