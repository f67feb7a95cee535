"""Scene kind ``boards``: nets over a finite ground plane, with currents beyond the scan, cables and slots."""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from emfm.acquire.params import SimulateParams
from emfm.acquire.scene_kinds.board_nets import KINDS, NetDesign, draw_net
from emfm.acquire.scene_kinds.board_plates import BoardDesign, BoardsParams, draw_board, smallest_pitch
from emfm.acquire.scene_kinds.kind import SCENE_KINDS
from emfm.acquire.scene_kinds.lines import MM, complex_normal, padded_rows
from emfm.acquire.scenes import Planes, Scene
from emfm.core.channels import Complex, Real
from emfm.core.constants import ETA_0
from emfm.core.grid import Geometry

_SPREAD: Final = 0.6
"""Sigma of the logarithm of how strong the nets of a scene are against each other."""
_LOOSE: Final = ("electric", "magnetic")
_FEWEST: Final = 2
"""Nets or elements of a scene: the members of a family with one alone would be the same up to a factor."""
_QUIET: Final = 0.4
"""Share of nets that are quiet in a scene, by 20 to 40 dB."""
_DEEPEST: Final = 0.8
"""Of the board's height: a loose element nearer to the plate is too near for its cells."""


@dataclass(frozen=True, eq=False)
class Structure:
    """What the members of a scene family share: a board, its nets and loose elements, and how strong each is."""

    design: BoardDesign
    nets: tuple[NetDesign, ...]
    elements: Scene
    """Each of a moment of 1 A.m or eta0 V.m."""
    strengths: Real
    """Of the nets, A, then of the elements, A.m and V.m over eta0."""

    def unit_fields(self, planes: Planes) -> Complex:
        """The fields of each net and element driven by 1: see `emfm.acquire.conductors.board.Board.fields`."""
        if planes not in self._known:
            nets = [net.currents for net in self.nets]
            self._known[planes] = self.design.board.fields(nets, self.elements, planes)
        return self._known[planes]

    @cached_property
    def _known(self) -> dict[Planes, Complex]:
        return {}


@dataclass(frozen=True, eq=False)
class BoardScene:
    """A structure and what drives it: `emfm.acquire.scenes.Currents`."""

    structure: Structure
    drives: Complex
    """Of the nets, then of the elements, as the structure's strengths."""
    order: NDArray[np.int64]
    """In which nets and elements are told."""

    def fields(self, planes: Planes) -> Real:
        """See `emfm.acquire.scenes.Currents`."""
        total = np.tensordot(self.drives, self.structure.unit_fields(planes), 1)
        return np.stack([total.real, total.imag], 2)


@SCENE_KINDS.register("boards")
class Boards:
    """2 to ``max_nets`` nets, or loose elements, over a plate that neighbouring families share.

    Some of them are quiet: a scene whose field is nearly that of a single net is common.
    """

    def __init__(self, params: BoardsParams, simulate: SimulateParams, geometry: Geometry) -> None:
        """Raises ConfigError for planes on which no cells fit: see `board_plates.smallest_pitch`."""
        smallest_pitch(geometry)
        self._params = params
        self._simulate = simulate
        self._geometry = geometry

    @property
    def rows_shared(self) -> int:
        """See `emfm.acquire.scene_kinds.kind.SharingKind`."""
        return self._params.samples_a_board

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """Lengths in m; drives in A, or in A.m and V.m over eta0 for loose elements."""
        columns = ("kind", "x_from", "x_to", "y_from", "y_to", "z", "drive_re", "drive_im")
        plate = ("width", "length", "x", "y", "height", "permittivity", "plated", "cable_cells", "slot_cells")
        return (
            *(f"board_{name}" for name in plate),
            "nets",
            *(f"net{n}_{name}" for n in range(1, self._params.max_nets + 1) for name in columns),
        )

    def draw_shared(self, rng: np.random.Generator) -> BoardDesign:
        """A board: see `emfm.acquire.scene_kinds.board_plates.draw_board`."""
        return draw_board(self._params, self._geometry, self._simulate.half_width_mm * MM, rng)

    def draw(self, rng: np.random.Generator) -> BoardScene:
        """A scene on a board of its own."""
        return self.draw_on(self.draw_shared(rng), rng)

    def draw_on(self, shared: BoardDesign, rng: np.random.Generator) -> BoardScene:
        """A scene on a board: its nets, or loose elements, each with a drive of its own."""
        count = int(rng.integers(_FEWEST, self._params.max_nets + 1))
        beyond = rng.random() < self._params.beyond_share
        loose = rng.random() < self._params.loose_share
        ends_in_cable = len(shared.cable) > 0 and shared.cable[0, 0] == 1
        nets = () if loose else tuple(draw_net(shared, beyond, ends_in_cable and n == 0, rng) for n in range(count))
        elements = self._draw_elements(shared, count if loose else 0, rng)
        scale = self._simulate.electric_moment / (1.0 if loose else self._simulate.half_width_mm * MM)
        strengths = scale * np.exp(_SPREAD * rng.standard_normal(count))
        structure = Structure(shared, nets, elements, strengths)
        return BoardScene(structure, _draw_drives(strengths, rng), np.arange(count))

    def _draw_elements(self, design: BoardDesign, count: int, rng: np.random.Generator) -> Scene:
        """Loose elements of any direction between the plate and the copper, below the scan."""
        width = self._simulate.half_width_mm * MM
        positions = np.column_stack(
            [rng.uniform(-width, width, (count, 2)), -design.height * _DEEPEST * rng.uniform(0, 1, count)]
        )
        magnetic = rng.random(count) < 0.5
        moments = complex_normal(rng, count, 3) * np.where(magnetic[:, None], ETA_0, 1)
        return Scene(positions, magnetic, moments)

    def perturb(self, layout: BoardScene, rng: np.random.Generator) -> BoardScene:
        """The same structure, driven anew: what it does for a drive of 1 is known, and all else follows from it."""
        return BoardScene(layout.structure, _draw_drives(layout.structure.strengths, rng), layout.order)

    def rewrite(self, layout: BoardScene) -> BoardScene:
        """The nets and elements in reverse."""
        return BoardScene(layout.structure, layout.drives, layout.order[::-1])

    def parameters(self, layout: BoardScene) -> NDArray[np.float64]:
        """The board, then the extent, height and drive of each net and element; not their ways and loads."""
        design, structure = layout.structure.design, layout.structure
        rows, columns = design.board.cells
        grid = design.board.grid
        corner = grid.x_first + design.board.first[1] * grid.side, grid.y_first + design.board.first[0] * grid.side
        slot = 0 if design.slot is None else int(np.ptp(design.slot[:2]) + np.ptp(design.slot[2:])) + 1
        board = [columns * grid.side, rows * grid.side, *corner, design.height, design.permittivity]
        told = [[KINDS.index(net.kind), *net.extent, 0.0] for net in structure.nets]
        for place, magnetic in zip(structure.elements.positions.tolist(), structure.elements.magnetic, strict=True):
            kind = len(KINDS) + int(magnetic)
            told.append([kind, place[0], place[0], place[1], place[1], place[2]])
        sources = [[*told[n], layout.drives[n].real, layout.drives[n].imag] for n in layout.order]
        own = [*board, float(design.plated), len(design.cable), slot]
        return np.concatenate([own, padded_rows(sources, self._params.max_nets, 8)])

    def currents(self, layout: BoardScene) -> BoardScene:
        """The scene itself."""
        return layout


def _draw_drives(strengths: Real, rng: np.random.Generator) -> Complex:
    """What drives each net or element in one scene; one of them at least is not quiet."""
    count = len(strengths)
    quiet = rng.random(count) < _QUIET
    quiet[int(rng.integers(count))] = False
    return strengths * complex_normal(rng, count) * 10 ** -(quiet * rng.uniform(1, 2, count))
