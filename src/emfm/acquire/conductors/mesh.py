"""The mesh of flat conductors: square cells of one regular grid, in one or more layers."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from emfm.core.channels import Complex, Real

Cells = NDArray[np.int64]
"""Cells ``(n, 3)``: layer, row (along y), column (along x)."""

X, Y = 0, 1
"""Directions of a current in a layer."""


@dataclass(frozen=True)
class CellGrid:
    """A regular grid of square cells in horizontal layers.

    Cell (0, 0) has its corner at ``x_first``, ``y_first``; lengths in m.
    """

    x_first: float
    y_first: float
    side: float
    """Of a cell, m."""
    heights: tuple[float, ...]
    """z of each layer, m."""
    rows: int
    columns: int

    @property
    def shape(self) -> tuple[int, int, int]:
        """``(layers, rows, columns)``."""
        return len(self.heights), self.rows, self.columns

    def centres(self, cells: Cells) -> Real:
        """The middles of ``cells``, ``(n, 3)``, m."""
        layer, row, column = cells.T
        x = self.x_first + (column + 0.5) * self.side
        y = self.y_first + (row + 0.5) * self.side
        return np.column_stack([x, y, np.array(self.heights)[layer]])

    def edge_middles(self, edges: "Edges") -> Real:
        """The middles of the edges through which currents flow, ``(n, 3)``, m."""
        middles = self.centres(edges.cells)
        middles[np.arange(len(middles)), edges.direction] += self.side / 2
        return middles


@dataclass(frozen=True, eq=False)
class Edges:
    """Edges between a cell and the next one along x or y: what a rooftop current flows through."""

    cells: Cells
    """The cell on the lower side, ``(n, 3)``."""
    direction: NDArray[np.int64]
    """``(n,)``: `X` or `Y`."""

    def __len__(self) -> int:
        return len(self.cells)

    @property
    def ends(self) -> Cells:
        """The cells on the upper side, ``(n, 3)``."""
        ends = self.cells.copy()
        ends[np.arange(len(ends)), 2 - self.direction] += 1
        return ends

    def part(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> "Edges":
        """Some of the edges."""
        return Edges(self.cells[chosen], self.direction[chosen])


def edges_of(mask: NDArray[np.bool_]) -> Edges:
    """The inner edges of the conductor whose cells are marked in ``mask``, ``(layers, rows, columns)``: x, then y."""
    along_x = np.argwhere(mask[:, :, :-1] & mask[:, :, 1:])
    along_y = np.argwhere(mask[:, :-1] & mask[:, 1:])
    return Edges(np.concatenate([along_x, along_y]), np.repeat([X, Y], [len(along_x), len(along_y)]))


@dataclass(frozen=True, eq=False)
class GridCurrents:
    """Currents on a `CellGrid` of two layers: rooftops in the layers, and filaments from the lower to the upper one.

    A rooftop current flows through an edge of a cell: from the middle of a cell to that of the next its density rises
    from zero and falls again, linearly, and is uniform across. Arrays have a place for each cell; an edge belongs to
    the cell on its lower side.
    """

    along: Complex
    """``(layers, 2, rows, columns)``: through the edges along x and along y, A."""
    up: Complex
    """``(rows, columns)``: from layer 0 to layer 1 in the middle of a cell, A."""

    @classmethod
    def none(cls, grid: CellGrid) -> "GridCurrents":
        """No current yet."""
        layers, rows, columns = grid.shape
        return cls(np.zeros((layers, 2, rows, columns), np.complex128), np.zeros((rows, columns), np.complex128))

    def with_rooftops(self, edges: Edges, currents: Complex) -> "GridCurrents":
        """These and further ``currents``, ``(n,)`` A, through ``edges``."""
        along = self.along.copy()
        layer, row, column = edges.cells.T
        np.add.at(along, (layer, edges.direction, row, column), currents)
        return GridCurrents(along, self.up)

    def with_vias(self, cells: Cells, currents: Complex) -> "GridCurrents":
        """These and further ``currents``, ``(n,)`` A, up to ``cells`` of layer 1."""
        up = self.up.copy()
        np.add.at(up, (cells[:, 1], cells[:, 2]), currents)
        return GridCurrents(self.along, up)

    @cached_property
    def outflow(self) -> Complex:
        """The current that leaves each cell, ``(layers, rows, columns)``, A: -jw times its charge."""
        flow: Complex = self.along.sum(1)
        flow[:, :, 1:] -= self.along[:, X, :, :-1]
        flow[:, 1:] -= self.along[:, Y, :-1]
        flow[0] += self.up
        if len(flow) > 1:
            flow[1] -= self.up
        return flow
