"""The mirror symmetry of a scan and of the region below it, in x and in y.

The mirror image of a source makes the mirror image of its field. In patterns that are each even or odd in x and in y,
the scans of a source and of its images differ by signs alone. So a product of many scans with all sources is one with
a quarter of them for each parity, and a few additions.
"""

from itertools import pairwise, product
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from emfm.core.grid import Grid
from emfm.core.mirrors import polar_signs

IMAGES: Final = 4
"""A source and its mirror images: in x, in y, in both. As many parities: odd in nothing, in x, in y, in both."""


def image_signs() -> NDArray[np.float64]:
    """What multiplies x, y and z of a source in its images, ``(IMAGES, 3)``."""
    return np.array([polar_signs(x, y) for y in (False, True) for x in (False, True)])


def parity_bases(grid: Grid) -> list[Tensor]:
    """Of each parity, an orthonormal basis of the scans on ``grid`` that have it: complex128 ``(2 * ny * nx, d)``.

    H is an axial vector: the image in x of (Hx, Hy) at x is (Hx, -Hy) at -x, that in y of (Hx, Hy) at y is (-Hx, Hy)
    at -y.
    """
    x, y = _even_and_odd(grid.nx), _even_and_odd(grid.ny)
    bases = []
    for odd_y, odd_x in product((0, 1), repeat=2):
        of_hx, of_hy = torch.kron(y[1 - odd_y], x[odd_x]), torch.kron(y[odd_y], x[1 - odd_x])
        rows = torch.cat([nn.functional.pad(of_hx, (0, of_hx.shape[1])), nn.functional.pad(of_hy, (of_hy.shape[1], 0))])
        bases.append(rows.mT.to(torch.complex128))
    return bases


def in_parities(rows: Tensor, grid: Grid) -> list[Tensor]:
    """Coordinates ``(n, d)`` of scans ``(n, 2 * ny * nx)``, complex128, in each of `parity_bases`, without these."""
    x, y = ([part.to(torch.complex128) for part in _even_and_odd(count)] for count in (grid.nx, grid.ny))
    hx, hy = rows.view(-1, 2, grid.ny, grid.nx).unbind(1)
    return [
        torch.cat([(y[1 - odd_y] @ hx @ x[odd_x].mT).flatten(1), (y[odd_y] @ hy @ x[1 - odd_x].mT).flatten(1)], 1)
        for odd_y, odd_x in product((0, 1), repeat=2)
    ]


def parity_sizes(grid: Grid) -> list[int]:
    """How many patterns each of `parity_bases` holds."""
    x, y = (((count + 1) // 2, count // 2) for count in (grid.nx, grid.ny))
    return [y[1 - odd_y] * x[odd_x] + y[odd_y] * x[1 - odd_x] for odd_y, odd_x in product((0, 1), repeat=2)]


def in_proportion(total: int, sizes: list[int]) -> list[int]:
    """``total``, which is not above the sum of ``sizes``, in parts of which none is above its size."""
    ends = [round(total * end / sum(sizes)) for end in np.cumsum([0, *sizes]).tolist()]
    return [end - start for start, end in pairwise(ends)]


def exchange(values: Tensor) -> Tensor:
    """Sums ``(n, IMAGES * m)`` over parities, one for each image, or over images, one for each parity.

    Both have the same signs: minus for an image in a direction in which the pattern is odd.
    """
    first, second = values.view(len(values), 2, 2, -1).unbind(2)
    even, odd = (first + second).unbind(1), (first - second).unbind(1)
    return torch.cat([even[0] + even[1], odd[0] + odd[1], even[0] - even[1], odd[0] - odd[1]], 1)


def _even_and_odd(count: int) -> list[Tensor]:
    """Orthonormal rows ``(d, count)``: the even and the odd functions of ``count`` points."""
    points = torch.eye(count, dtype=torch.float64)
    pairs = [(points + points.flip(0))[: (count + 1) // 2], (points - points.flip(0))[: count // 2]]
    return [rows / rows.norm(dim=1, keepdim=True) for rows in pairs]
