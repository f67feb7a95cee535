"""What flows on the copper of a board: where a scan over it comes from."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emfm.acquire.conductors.mesh import CellGrid, GridCurrents, X, Y
from emfm.acquire.conductors.planar_circuit import COPPER
from emfm.core.channels import Complex, Real


@dataclass(frozen=True, eq=False)
class CopperCurrents:
    """The current in each cell of the copper, strongest first; raises ValueError for shapes that differ."""

    places: Real
    """The middles of the cells, ``(n, 3)``, m."""
    currents: Complex
    """Through a cell along x, along y, and up to it from the ground plane, ``(n, 3)``, A, peak phasors exp(+jwt)."""
    side: float
    """Of a cell, m."""

    def __post_init__(self) -> None:
        if self.places.shape != (len(self.places), 3) or self.currents.shape != self.places.shape:
            raise ValueError(f"places and currents must be (n, 3), found {self.places.shape} and {self.currents.shape}")

    @classmethod
    def on_grid(cls, grid: CellGrid, currents: GridCurrents) -> "CopperCurrents":
        """What flows through each cell: the mean of the currents through its two edges in each direction."""
        cells = np.argwhere(np.ones((grid.rows, grid.columns), bool))
        row, column = cells.T
        through = np.zeros((len(cells), 3), np.complex128)
        for direction, (down, left) in {X: (0, 1), Y: (1, 0)}.items():
            edges = np.pad(currents.along[COPPER, direction], ((down, 0), (left, 0)))
            through[:, direction] = (edges[row + down, column + left] + edges[row, column]) / 2
        through[:, 2] = currents.up[row, column]
        order = np.argsort(-_sizes(through), kind="stable")
        places = grid.centres(np.column_stack([np.full(len(cells), COPPER), cells]))
        return cls(places[order], through[order], grid.side)

    def __len__(self) -> int:
        return len(self.places)

    @property
    def sizes(self) -> Real:
        """The length of each cell's complex current, ``(n,)``, A, peak."""
        return _sizes(self.currents)

    def down_to(self, share: float) -> "CopperCurrents":
        """The cells whose current is at least ``share`` of the strongest."""
        sizes = self.sizes
        chosen: NDArray[np.bool_] = sizes >= share * sizes.max(initial=0.0)
        return CopperCurrents(self.places[chosen], self.currents[chosen], self.side)

    def apart(self, distance: float, most: int) -> list[int]:
        """At most so many rows: the strongest cell, then each time the strongest ``distance``, m, off those or more."""
        listed: list[int] = []
        free = np.ones(len(self), bool)
        while free.any() and len(listed) < most:
            row = int(np.argmax(free))
            listed.append(row)
            free &= np.linalg.norm(self.places - self.places[row], axis=1) >= distance * (1 - 1e-6)
        return listed


def _sizes(currents: Complex) -> Real:
    sizes: Real = np.linalg.norm(currents, axis=1)
    return sizes
