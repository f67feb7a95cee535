"""The symmetries that the two planes share: mirrors in x and in y, and the exchange of x and y.

The mirror image of a source makes the mirror image of its field: see `emfm.core.mirrors`.
"""

from dataclasses import dataclass
from itertools import product
from math import isclose
from typing import Final

import torch
from torch import Tensor, nn

from emfm.core.channels import SOURCE_COMPONENTS, TARGET_COMPONENTS
from emfm.core.grid import Geometry, Grid
from emfm.core.mirrors import component_signs
from emfm.model.complex_rows import row_length
from emfm.model.search.modes import FieldModes

_CLOSE: Final = 1e-6
"""Of a pitch: planes whose middles differ by less share them."""
_IN_MIRROR_X: Final = component_signs(mirror_x=True, mirror_y=False)
_IN_MIRROR_Y: Final = component_signs(mirror_x=False, mirror_y=True)
_IN_EXCHANGE: Final = {"Ex": ("Ey", 1), "Ey": ("Ex", 1), "Ez": ("Ez", 1)} | {
    "Hx": ("Hy", -1),
    "Hy": ("Hx", -1),
    "Hz": ("Hz", -1),
}
"""From which component each comes, and with which sign."""


@dataclass(frozen=True)
class Symmetry:
    """Mirrors about the middle of the planes, in x and in y, and then the mirror about the diagonal y = x."""

    mirror_x: bool
    mirror_y: bool
    exchange: bool

    def of_scans(self, rows: Tensor, grid: Grid) -> Tensor:
        """What `complex_rows` of scans ``(n, 2 * ny * nx)`` become."""
        return self._of(rows, SOURCE_COMPONENTS, grid)

    def of_fields(self, rows: Tensor, grid: Grid) -> Tensor:
        """What fields ``(n, 6 * ny * nx)`` become."""
        return self._of(rows, TARGET_COMPONENTS, grid)

    def _of(self, rows: Tensor, names: tuple[str, ...], grid: Grid) -> Tensor:
        parts = dict(zip(names, rows.reshape(len(rows), len(names), *grid.shape).unbind(1), strict=True))
        if self.mirror_x:
            parts = {name: _IN_MIRROR_X[name] * part.flip(2) for name, part in parts.items()}
        if self.mirror_y:
            parts = {name: _IN_MIRROR_Y[name] * part.flip(1) for name, part in parts.items()}
        if self.exchange:
            swapped = {name: _IN_EXCHANGE[name] for name in names}
            parts = {name: sign * parts[other].mT for name, (other, sign) in swapped.items()}
        return torch.stack([parts[name] for name in names], 1).flatten(1)


def symmetries(geometry: Geometry) -> list[Symmetry]:
    """All that both planes have about their middle, the identity first: 8 where both are squares about one axis."""
    source, target = geometry.source, geometry.target
    along_x = _same_middle(source.x_first, source.pitch_x, source.nx, target.x_first, target.pitch_x, target.nx)
    along_y = _same_middle(source.y_first, source.pitch_y, source.ny, target.y_first, target.pitch_y, target.ny)
    exchanged = along_x and along_y and _is_square(source) and _is_square(target)
    chosen = product(*([False, True][: 1 + also] for also in (along_x, along_y, exchanged)))
    return [Symmetry(*each) for each in chosen]


def _same_middle(first: float, pitch: float, count: int, other_first: float, other_pitch: float, other: int) -> bool:
    ends = 2 * first + (count - 1) * pitch, 2 * other_first + (other - 1) * other_pitch
    return abs(ends[0] - ends[1]) < _CLOSE * min(pitch, other_pitch)


def _is_square(grid: Grid) -> bool:
    return grid.nx == grid.ny and isclose(grid.pitch_x, grid.pitch_y, rel_tol=_CLOSE)


class Images(nn.Module):
    """What each symmetry makes of scans and of modal coefficients: the same with its sign and with the other one.

    An image of coefficients is a sum of the modes again, but for what modes that were found from samples lack to hold
    the mirror image of each of theirs.
    """

    def __init__(self, geometry: Geometry, modes: int) -> None:
        super().__init__()
        self._geometry, self._symmetries = geometry, symmetries(geometry)
        numbered = torch.arange(1.0, 1 + row_length(*geometry.source.shape))[None]
        places = torch.cat([sign * each.of_scans(numbered, geometry.source) for sign, each in self._signed()])
        self.places: Tensor
        self.signs: Tensor
        self.turns: Tensor
        self.register_buffer("places", places.abs().long() - 1, persistent=False)
        self.register_buffer("signs", places.sign(), persistent=False)
        self.register_buffer("turns", torch.zeros(len(self), modes, modes, dtype=torch.complex64))

    def __len__(self) -> int:
        return 2 * len(self._symmetries)

    def find(self, modes: FieldModes) -> None:
        """Learn what becomes of the modes."""
        for place, (sign, each) in enumerate(self._signed()):
            self.turns[place] = sign * each.of_fields(modes.modes, self._geometry.target) @ modes.modes.mH

    def scans(self, rows: Tensor, image: Tensor) -> Tensor:
        """The image number ``image``, ``(1,)``, of scans ``(n, 2 * ny * nx)``."""
        places, signs = self.places.index_select(0, image)[0], self.signs.index_select(0, image)
        return rows.index_select(1, places) * signs

    def coefficients(self, rows: Tensor, image: Tensor) -> Tensor:
        """The same of modal coefficients ``(n, modes)``."""
        return rows @ self.turns.index_select(0, image)[0]

    def back(self, rows: Tensor, image: Tensor) -> Tensor:
        """The coefficients of which ``rows`` are the image."""
        return rows @ self.turns.index_select(0, image)[0].mH

    def _signed(self) -> list[tuple[float, Symmetry]]:
        return [(sign, each) for sign in (1.0, -1.0) for each in self._symmetries]
