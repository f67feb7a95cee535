"""What currents on a grid do to each other: the mixed-potential form of the electric field integral equation."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Final

import numpy as np

from emfm.acquire.conductors.green import averaged_green
from emfm.acquire.conductors.lengths import fast_length
from emfm.acquire.conductors.mesh import CellGrid, Edges, GridCurrents, X, Y
from emfm.core.channels import Complex
from emfm.core.constants import EPSILON_0, MU_0, SPEED_OF_LIGHT

_PULSES, _TRIANGLES = 2, 4
_STEPS: Final = ((0, 1), (1, 0))
"""Rows and columns from an edge's first cell to its second, along x and along y."""


@dataclass(frozen=True, eq=False)
class Coupling:
    """Voltages that currents on a `CellGrid` induce along its edges.

    Source and test functions are the same rooftops (Galerkin), in the mixed-potential form of A. W. Glisson and D. R.
    Wilton, IEEE Trans. Antennas Propag. 28 (1980), 593: the voltage of an edge is the average over its rooftop of
    -jw A, times a cell, and the fall of the average potential from its first cell to its second. On a regular grid
    averages depend on the distance alone, so that a few tables hold all of them. A filament from layer to layer has no
    part of A along a layer: it acts by the charges at its ends, which belong to cells.
    """

    grid: CellGrid
    frequency: float
    """Hz."""

    @property
    def _omega(self) -> float:
        return 2 * np.pi * self.frequency

    @cached_property
    def _potentials(self) -> Complex:
        """Potential per charge, V/C: by layer of the source, of the test function, and offset along y and x."""
        return self._tables((_PULSES, _PULSES)) / EPSILON_0

    @cached_property
    def _inductances(self) -> tuple[Complex, Complex]:
        """jw A times a cell per current along x, and along y, V/A."""
        factor = 1j * self._omega * MU_0 * self.grid.side**2
        return factor * self._tables((_PULSES, _TRIANGLES)), factor * self._tables((_TRIANGLES, _PULSES))

    def _tables(self, order: tuple[int, int]) -> Complex:
        """Averages of the Green's function for offsets of up to a grid and a cell either way."""
        _, rows, columns = self.grid.shape
        tables: dict[float, Complex] = {}
        for height in {abs(one - two) for one in self.grid.heights for two in self.grid.heights}:
            quarter = averaged_green(rows + 1, columns + 1, self.grid.side, height, self._omega / SPEED_OF_LIGHT, order)
            half = np.concatenate([quarter[:0:-1], quarter])
            tables[height] = np.concatenate([half[:, :0:-1], half], 1)
        heights = self.grid.heights
        return np.array([[tables[abs(one - two)] for two in heights] for one in heights])

    @cached_property
    def _impedances(self) -> Complex:
        """Impedance of two edges, ohm: by direction of the test, of the source, layers as before, offset test - source.

        The offset is that of their first cells, and the table ends a cell before those that it is made of.
        """
        layers, rows, columns = self.grid.shape
        elastance = self._potentials / (1j * self._omega)
        inner = np.s_[..., 1:-1, 1:-1]
        impedances = np.zeros((2, 2, layers, layers, 2 * rows - 1, 2 * columns - 1), np.complex128)
        for test, source in np.ndindex(2, 2):
            for test_end, source_end in np.ndindex(2, 2):
                shift = np.array(_STEPS[test]) * test_end - np.array(_STEPS[source]) * source_end
                moved = np.roll(elastance, tuple(-shift), (-2, -1))
                impedances[test, source] += (-1) ** (test_end + source_end) * moved[inner]
            if test == source:
                impedances[test, source] += self._inductances[test][inner]
        return impedances

    def matrix(self, tested: Edges, driven: Edges) -> Complex:
        """Minus the voltages along the edges ``tested`` by 1 A through each of ``driven``, ``(m, n)``, ohm."""
        _, rows, columns = self.grid.shape
        width = 2 * columns - 1
        middle = (rows - 1) * width + columns - 1
        impedance = np.empty((len(tested), len(driven)), np.complex128)
        for (test_layer, test), tests in _by_kind(tested):
            one = (tested.cells[tests, 1] * width + tested.cells[tests, 2] + middle).astype(np.int32)
            for (layer, direction), sources in _by_kind(driven):
                two = (driven.cells[sources, 1] * width + driven.cells[sources, 2]).astype(np.int32)
                table = self._impedances[test, direction, test_layer, layer].ravel()
                impedance[tests, sources] = table.take(one[:, None] - two)
        return impedance

    def voltages(self, currents: Sequence[GridCurrents], tested: Edges) -> Complex:
        """The voltages that each of ``currents`` induces along the edges ``tested``, ``(m, n)``, V.

        Sums over cells are convolutions, by the Fourier transform.
        """
        layers = np.unique(tested.cells[:, 0]).tolist()
        charges = np.array([one.outflow for one in currents]) / (-1j * self._omega)
        along = np.array([one.along for one in currents])
        potential = self._convolved(self._potential_spectra, charges, layers)
        falls = potential[(slice(None), *tested.cells.T)] - potential[(slice(None), *tested.ends.T)]
        for direction, spectra in zip((X, Y), self._inductance_spectra, strict=True):
            chosen = tested.direction == direction
            induced = self._convolved(spectra, along[:, :, direction], layers)
            falls[:, chosen] -= induced[(slice(None), *tested.cells[chosen].T)]
        return np.ascontiguousarray(falls.T)

    @cached_property
    def _potential_spectra(self) -> Complex:
        return self._spectra(self._potentials)

    @cached_property
    def _inductance_spectra(self) -> tuple[Complex, Complex]:
        along_x, along_y = self._inductances
        return self._spectra(along_x), self._spectra(along_y)

    @property
    def _lengths(self) -> tuple[int, int]:
        """Of the transforms: an offset of a grid either way must not meet the next period."""
        _, rows, columns = self.grid.shape
        return fast_length(2 * rows - 1), fast_length(2 * columns - 1)

    def _spectra(self, table: Complex) -> Complex:
        """The transforms of tables whose middle is offset 0."""
        _, rows, columns = self.grid.shape
        inner = table[..., 1:-1, 1:-1]
        padded = np.zeros((*table.shape[:2], *self._lengths), np.complex128)
        padded[..., : 2 * rows - 1, : 2 * columns - 1] = inner
        return np.asarray(np.fft.fft2(np.roll(padded, (1 - rows, 1 - columns), (-2, -1))), np.complex128)

    def _convolved(self, spectra: Complex, values: Complex, layers: list[int]) -> Complex:
        """The sums over all cells that hold ``values``, ``(n, layers, rows, columns)``, at the cells of ``layers``."""
        sums = np.zeros_like(values)
        sources = [layer for layer in range(values.shape[1]) if values[:, layer].any()]
        transforms = np.fft.fft2(values[:, sources], self._lengths)
        for test in layers:
            products = (transforms * spectra[test, sources]).sum(1)
            sums[:, test] = np.fft.ifft2(products)[:, : values.shape[2], : values.shape[3]]
        return sums


def _by_kind(edges: Edges) -> list[tuple[tuple[int, int], slice]]:
    """Layer and direction of runs of edges that have both in common, and where the run is."""
    kinds = np.column_stack([edges.cells[:, 0], edges.direction])
    starts = [0, *(np.flatnonzero((np.diff(kinds, axis=0) != 0).any(1)) + 1).tolist(), len(edges)]
    return [((*kinds[one].tolist(),), slice(one, two)) for one, two in pairwise(starts) if two > one]
