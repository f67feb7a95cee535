"""Currents on the copper of a board, each dressed with the current that it induces in the ground plane.

The copper is cut into the cells of the plate's own mesh. A candidate is a rooftop current from one cell to the next, or
a filament from the plate to a cell. The voltages that it induces along the edges of the plate, and the currents that
they drive there, are those of the moment method of `emfm.acquire.conductors`: so the field of a candidate satisfies
Maxwell's equations and has no E along the plate.
"""

from functools import cached_property
from math import sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

from emfm.acquire.conductors.coupling import Coupling
from emfm.acquire.conductors.green import spline_rule
from emfm.acquire.conductors.induced import Plate
from emfm.acquire.conductors.mesh import CellGrid, Cells, Edges, GridCurrents, X, Y, edges_of
from emfm.acquire.conductors.planar_circuit import COPPER, GROUND
from emfm.core.channels import TARGET_COMPONENTS, Complex, Real
from emfm.core.elements import unit_element_fields
from emfm.core.errors import DataError
from emfm.core.grid import Grid, in_mm
from emfm.plates.copper import CopperCurrents
from emfm.plates.ground_plane import Board
from emfm.sources.found import CurrentElements
from emfm.sources.views import ScanView

_MM: Final = 1e-3
_FINEST: Final = 0.5 * _MM
_CELLS: Final = (400, 1600)
"""Of a plate, about: so many where they are then no larger than the pitch of the scan, up to so many else."""
_FEWEST: Final = 6
"""Cells along a side."""
_COARSER: Final = np.linspace(1.0, 1.25, 26)
"""Cells up to so much larger are tried: some fit both sides of a plate better."""
_AT_ONCE: Final = 128
_POINTS_ALONG: Final = 9
"""An axis of the target plane, at which fields are compared."""
_FAR: Final = 2.5
"""Cells to the points beyond which a current is as good as a few elements with the same moments."""

Nodes = tuple[Real, Real]
"""Offsets ``(k, 3)`` in cells, and weights ``(k,)``."""


def copper_below(board: Board, view: ScanView) -> float:
    """Height of the copper, m; raises DataError for a board that does not lie below the scan."""
    copper = board.copper_z(view.lowest, view.pitch)
    if not board.covered(view.observed.points.cpu().numpy()):
        raise DataError(
            f"board: the ground plane, x {_range(board.x_mm)}, y {_range(board.y_mm)} mm, lies below no point "
            f"of the scan, x {_range_mm(view.x)}, y {_range_mm(view.y)} mm; give its corners in the scan's "
            "coordinates"
        )
    return copper


class DressedCells:
    """What currents on a board can be, and the scan of each; computed once for all scans over the board."""

    def __init__(self, board: Board, view: ScanView, plane: Grid) -> None:
        """For scans that are taken as ``view`` says, and fields on ``plane``.

        Raises DataError for a plate that does not lie below the scan.
        """
        copper, points = copper_below(board, view), view.observed.points.cpu().numpy()
        self._frequency = view.frequency
        self.grid = _mesh(board, copper, view.pitch)
        self._coupling = Coupling(self.grid, view.frequency)
        self._plate = Plate(self._coupling, GROUND, (0, 0), (self.grid.rows, self.grid.columns))
        copper_cells = np.zeros(self.grid.shape, bool)
        copper_cells[COPPER] = True
        self._edges, self._feet = edges_of(copper_cells), np.argwhere(copper_cells)
        induced = self._plate.currents(self._voltages())
        self.scans = _as_listed(self._dressed(points, view.observed.components, induced), view)
        """Of a candidate of 1 A what a scan lists, complex ``(candidates, count)``, A/m; see `row_of`."""
        self.fields = self._dressed(_some_points(plane), TARGET_COMPONENTS, induced)
        """The same on the plane: Ex to Hz at some of its points, complex ``(candidates, 6 * P)``."""

    @cached_property
    def groups(self) -> NDArray[np.int64]:
        """The cell of each candidate, ``(candidates,)``: two rooftops and a filament have one in common."""
        _, rows, columns = self.grid.shape
        cells = np.concatenate([self._edges.cells, self._feet])
        return np.unique(np.ravel_multi_index((cells[:, 1], cells[:, 2]), (rows, columns)), return_inverse=True)[1]

    @property
    def middles(self) -> Real:
        """Where each candidate is, ``(candidates, 2)``, m."""
        return np.concatenate([self.grid.edge_middles(self._edges), self.grid.centres(self._feet)])[:, :2]

    def elements(self, currents: Complex) -> CurrentElements:
        """The currents of the candidates, ``(candidates,)`` A, and those induced in the plate, as current elements."""
        driving = self._on_grid(currents)
        induced = self._plate.currents(self._coupling.voltages([driving], self._plate.edges))
        total = driving.with_rooftops(self._plate.edges, induced[:, 0])
        return _as_elements(self.grid, total, self._frequency)

    def copper(self, currents: Complex) -> CopperCurrents:
        """What the currents of the candidates, ``(candidates,)`` A, make of each cell of the copper."""
        return CopperCurrents.on_grid(self.grid, self._on_grid(currents))

    def _on_grid(self, currents: Complex) -> GridCurrents:
        rooftops, filaments = np.split(currents, [len(self._edges)])
        return GridCurrents.none(self.grid).with_rooftops(self._edges, rooftops).with_vias(self._feet, filaments)

    def _dressed(self, points: Real, components: tuple[str, ...], induced: Complex) -> Complex:
        """Fields of the candidates, and of the currents ``induced`` by them, ``(edges, candidates)``: a row each."""
        plate = self._plate.edges
        upward = np.full(len(self._feet), 2)

        def fields(nodes: Nodes, direction: NDArray[np.int64]) -> Complex:
            return _unit_fields(*nodes, direction, points, components, self._frequency)

        copper_far = _is_far(self.grid, COPPER, points)
        own = [
            fields(_rooftop_nodes(self.grid, self._edges, copper_far), self._edges.direction),
            fields(_filament_nodes(self.grid, self._feet, copper_far), upward),
        ]
        of_plate = fields(_rooftop_nodes(self.grid, plate, _is_far(self.grid, GROUND, points)), plate.direction)
        return np.concatenate(own) + induced.T @ of_plate

    def _voltages(self) -> Complex:
        """Along the edges of the plate, by 1 A of each candidate: ``(edges, candidates)``, V."""
        plate = self._plate.edges
        parts = [-self._coupling.matrix(plate, self._edges)]
        for start in range(0, len(self._feet), _AT_ONCE):
            feet = self._feet[start : start + _AT_ONCE]
            lone = [GridCurrents.none(self.grid).with_vias(foot[None], np.ones(1, complex)) for foot in feet]
            parts.append(self._coupling.voltages(lone, plate))
        return np.concatenate(parts, 1)


def _mesh(board: Board, copper: float, pitch: float) -> CellGrid:
    """Square cells that fit the outline best, a few percent larger or smaller at its ends."""
    (left, right), (low, high) = np.array([board.x_mm, board.y_mm]) * _MM
    width, length = right - left, high - low
    coarse, fine = (sqrt(width * length / count) for count in _CELLS)
    sides = max(_FINEST, fine, min(coarse, pitch)) * _COARSER
    sides = np.minimum(sides, min(width, length) / _FEWEST)
    off = [abs(span - np.round(span / sides) * sides) for span in (width, length)]
    side = float(sides[np.argmin(np.maximum(*off) + (sides - sides[0]) / 5)])
    columns, rows = round(width / side), round(length / side)
    x_first, y_first = (left + right - columns * side) / 2, (low + high - rows * side) / 2
    return CellGrid(float(x_first), float(y_first), side, (board.z_mm * _MM, copper), rows, columns)


def _some_points(grid: Grid) -> Real:
    """Points all over a plane, ``(P, 3)``, m, few enough to hold the field of every candidate."""
    x, y = (np.linspace(axis[0], axis[-1], min(_POINTS_ALONG, len(axis))) for axis in (grid.x, grid.y))
    along_y, along_x = np.meshgrid(y, x, indexing="ij")
    return np.stack([along_x.ravel(), along_y.ravel(), np.full(along_x.size, grid.z)], 1)


def _is_far(grid: CellGrid, layer: int, points: Real) -> bool:
    return bool(np.min(points[:, 2]) - grid.heights[layer] > _FAR * grid.side)


def _rooftop_nodes(grid: CellGrid, edges: Edges, far: bool) -> Nodes:
    """Elements that make up 1 A through each edge: places ``(n, k, 3)``, m, and moments ``(k,)``, A.m."""
    (along, along_weights), (across, across_weights) = _rule(2, far), _rule(1, far)
    steps = np.stack(np.meshgrid(along, across, indexing="ij"), -1).reshape(-1, 2) * grid.side
    turned = np.where(edges.direction[:, None, None] == X, steps, steps[:, ::-1])
    offsets = np.concatenate([turned, np.zeros_like(turned[..., :1])], 2)
    weights = grid.side * np.outer(along_weights, across_weights).ravel()
    return grid.edge_middles(edges)[:, None] + offsets, weights


def _filament_nodes(grid: CellGrid, feet: Cells, far: bool) -> Nodes:
    """The same of 1 A from the plate up to each of the cells ``feet``, spread over its cell as its charges are."""
    (upward, weights) = _rule(1, far=False)
    flat, flat_weights = (np.zeros(1), np.ones(1)) if far else _rule(1, far)
    low, high = grid.heights
    offsets = np.stack(np.meshgrid(flat * grid.side, flat * grid.side, upward * (high - low), indexing="ij"), -1)
    moments = (high - low) * flat_weights[:, None, None] * flat_weights[:, None] * weights
    middles = grid.centres(feet)
    middles[:, 2] = (low + high) / 2
    return middles[:, None] + offsets.reshape(-1, 3), moments.ravel()


def _rule(order: int, far: bool) -> tuple[Real, Real]:
    """Nodes and weights of a pulse (order 1) or triangle (order 2): from afar two with its variance, of order / 12."""
    if far:
        return np.array([-1, 1]) * (order / 12) ** 0.5, np.array([0.5, 0.5])
    return spline_rule(order, 2)


def _unit_fields(
    places: Real,
    weights: Real,
    direction: NDArray[np.int64],
    points: Real,
    components: tuple[str, ...],
    frequency: float,
) -> Complex:
    """Some ``components`` of the field of elements along ``direction``, ``(n, components * P)``, V/m and A/m."""
    chosen = [TARGET_COMPONENTS.index(name) for name in components]
    count = len(chosen) * len(points)
    total = np.zeros((len(places), count), np.complex128)
    for start in range(0, len(places), _AT_ONCE):
        some = slice(start, start + _AT_ONCE)
        rows = np.arange(len(places[some]))
        for node, weight in enumerate(weights):
            fields = unit_element_fields(points, places[some, node], frequency)
            own = fields[rows, direction[some]][:, :, chosen]
            total[some] += weight * own.transpose(0, 2, 1).reshape(len(rows), -1)
    return total


def _as_elements(grid: CellGrid, currents: GridCurrents, frequency: float) -> CurrentElements:
    """Currents on a grid as the elements that make them up for points some cells away; no element has no current."""
    positions: list[Real] = []
    moments: list[Complex] = []
    for direction in (X, Y):
        cells = np.argwhere(currents.along[:, direction] != 0)
        edges = Edges(cells, np.full(len(cells), direction))
        strengths = currents.along[(cells[:, 0], direction, cells[:, 1], cells[:, 2])]
        _add(positions, moments, _rooftop_nodes(grid, edges, far=True), strengths, direction)
    rows, columns = np.nonzero(currents.up)
    feet = np.column_stack([np.full(len(rows), COPPER), rows, columns])
    _add(positions, moments, _filament_nodes(grid, feet, far=True), currents.up[rows, columns], 2)
    electric = np.concatenate(moments)
    return CurrentElements(np.concatenate(positions), electric, np.zeros_like(electric), frequency)


def _add(positions: list[Real], moments: list[Complex], nodes: Nodes, strengths: Complex, direction: int) -> None:
    places, weights = nodes
    along = np.zeros((*places.shape[:2], 3), np.complex128)
    along[..., direction] = strengths[:, None] * weights
    positions.append(places.reshape(-1, 3))
    moments.append(along.reshape(-1, 3))


def _as_listed(fields: Complex, view: ScanView) -> Complex:
    """Fields ``(n, components * P)``, V/m and A/m, as a scan lists them: see `row_of`."""
    observed = view.observed
    listed: Complex = fields * observed.scales.repeat_interleave(len(observed.points)).cpu().numpy()
    return listed if observed.known is None else listed[:, observed.known.cpu().numpy()]


def _range(span: tuple[float, float]) -> str:
    return f"{span[0]:g} to {span[1]:g}"


def _range_mm(span: tuple[float, float]) -> str:
    return f"{in_mm(span[0])} to {in_mm(span[1])}"
