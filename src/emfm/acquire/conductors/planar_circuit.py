"""Currents on the top copper of a board, as a planar circuit over its ground plane."""

from dataclasses import dataclass
from math import log, pi, sqrt
from typing import Final

import numpy as np

from emfm.acquire.conductors.mesh import CellGrid, Cells, Edges, GridCurrents, edges_of
from emfm.core.channels import Real
from emfm.core.constants import ETA_0, MU_0, SPEED_OF_LIGHT

GROUND: Final = 0
COPPER: Final = 1
"""The layers of a board."""
LOSS_TANGENT: Final = 0.02
"""Of FR-4: it keeps a resonance finite."""


@dataclass(frozen=True)
class LineConstants:
    """Inductance and capacitance of a microstrip line, H/m and F/m."""

    inductance: float
    capacitance: float

    @classmethod
    def of(cls, width: float, height: float, permittivity: float) -> "LineConstants":
        """A strip of ``width`` at ``height``, m, over a ground plane, on a dielectric of relative ``permittivity``.

        D. M. Pozar, Microwave Engineering, 4th ed., eqs. 3.195 and 3.196: good to a few percent.
        """
        ratio = width / height
        slowness = (permittivity + 1) / 2 + (permittivity - 1) / 2 / sqrt(1 + 12 / ratio)
        if ratio <= 1:
            impedance = ETA_0 / (2 * pi) * log(8 / ratio + ratio / 4)
        else:
            impedance = ETA_0 / (ratio + 1.393 + 0.667 * log(ratio + 1.444))
        # the impedance is that of the line in air, over the root of the slowness
        return cls(impedance / SPEED_OF_LIGHT, slowness / (impedance * SPEED_OF_LIGHT), slowness)

    slowness: float
    """Square of the speed of light over that of the wave: the capacitance over that of the line in air."""

    @property
    def impedance(self) -> float:
        """Characteristic impedance, ohm."""
        return sqrt(self.inductance / self.capacitance)


@dataclass(frozen=True)
class Load:
    """Where the current of a net leaves it, through an impedance."""

    place: int
    """Among the cells of the net."""
    impedance: complex
    """Ohm."""
    via: bool = True
    """Whether it goes down to the ground plane; if not, it goes on in a conductor that has this cell, too."""


@dataclass(frozen=True, eq=False)
class Net:
    """Cells of copper that are one conductor over a ground plane: a trace, a pad, a patch or a plane.

    A planar circuit (T. Okoshi, Planar Circuits for Microwaves and Lightwaves, 1985, ch. 2): each cell has a
    capacitance to the ground plane, and each edge between two cells an inductance. A generator of 1 A drives it through
    a via; its loads lead to ground.

    The dielectric's polarisation acts as a current between copper and ground: of what charges the capacitance, the
    share that the capacitance in air would not take (volume equivalence: C. A. Balanis, Advanced Engineering
    Electromagnetics, 2nd ed., sec. 7.7). So all currents radiate in free space.
    """

    cells: Cells
    """``(n, 3)``, in layer `COPPER`."""
    edges: Edges
    """``(m,)``, each between two of the cells."""
    inductances: Real
    """Of the edges, ``(m,)``, H."""
    capacitances: Real
    """Of the cells, ``(n,)``, F."""
    slowness: float
    """The capacitances over those in air."""
    feed: int
    """The cell that the generator drives: its place in ``cells``."""
    loads: tuple[Load, ...]

    def currents(self, grid: CellGrid, frequency: float) -> GridCurrents:
        """The currents of the net through its edges and vias, A."""
        omega = 2 * np.pi * frequency
        places = np.zeros(grid.shape, np.int64)
        places[tuple(self.cells.T)] = np.arange(len(self.cells))
        firsts, seconds = (places[tuple(cells.T)] for cells in (self.edges.cells, self.edges.ends))
        branches = np.asarray(1 / (1j * omega * self.inductances), np.complex128)
        charging = 1j * omega * self.capacitances * (1 - 1j * LOSS_TANGENT)
        nodes = np.diag(charging)
        for one, two, sign in (
            (firsts, firsts, 1),
            (seconds, seconds, 1),
            (firsts, seconds, -1),
            (seconds, firsts, -1),
        ):
            np.add.at(nodes, (one, two), sign * branches)
        for load in self.loads:
            nodes[load.place, load.place] += 1 / load.impedance
        driven = np.zeros(len(self.cells), np.complex128)
        driven[self.feed] = 1
        voltages = np.linalg.solve(nodes, driven)
        currents = GridCurrents.none(grid).with_rooftops(self.edges, branches * (voltages[firsts] - voltages[seconds]))
        rising = driven - charging * voltages * (1 - 1 / self.slowness)
        for load in self.loads:
            if load.via:
                rising[load.place] -= voltages[load.place] / load.impedance
        return currents.with_vias(self.cells, rising)


def copper(cells: Cells, line: LineConstants, side: float, width: float, feed: int, loads: tuple[Load, ...]) -> Net:
    """A net of the copper ``cells``, all neighbours joined: a trace as wide as ``width``, m, or a wider patch.

    A square has the inductance of a piece of the line that is as long as it is wide, and a cell its share of the
    line's capacitance.
    """
    edges = _inner(cells)
    return Net(
        cells,
        edges,
        np.full(len(edges), line.inductance * width),
        np.full(len(cells), line.capacitance * side**2 / width),
        line.slowness,
        feed,
        loads,
    )


def via_impedance(height: float, frequency: float, resistance: float) -> complex:
    """Of a via as long as the board is high, through a ``resistance``: its inductance is some mu0 h / (2 pi), ohm."""
    return complex(resistance + 1j * 2 * np.pi * frequency * MU_0 * height / (2 * np.pi))


def _inner(cells: Cells) -> Edges:
    """The edges between any two neighbours among ``cells``."""
    first = cells.min(0)
    mask = np.zeros(np.ptp(cells, axis=0) + 1, bool)
    mask[tuple((cells - first).T)] = True
    edges = edges_of(mask)
    return Edges(edges.cells + first, edges.direction)
