"""A board: a ground plate, what is cut out of it and hangs on it, and the field of what drives it."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from emfm.acquire.conductors.coupling import Coupling
from emfm.acquire.conductors.green import spline_rule
from emfm.acquire.conductors.induced import ChangedPlate, Conductor, Plate
from emfm.acquire.conductors.mesh import CellGrid, Edges, GridCurrents, X, Y
from emfm.acquire.conductors.planar_circuit import GROUND
from emfm.acquire.conductors.radiate import PlaneField
from emfm.acquire.scenes import Planes, Scene
from emfm.core.channels import Complex, Real
from emfm.core.elements import FieldPoints


@dataclass(frozen=True, eq=False)
class Board:
    """A ground plate in layer 0 of ``grid``, top copper in layer 1; solved once, for all that drives it."""

    grid: CellGrid
    frequency: float
    """Hz."""
    first: tuple[int, int]
    """Row and column of the plate's first cell."""
    cells: tuple[int, int]
    """Rows and columns of the plate."""
    conductor: NDArray[np.bool_]
    """All cells in which currents are induced, ``(layers, rows, columns)``: the plate less its slots, and cables."""

    @cached_property
    def _solved(self) -> tuple[Coupling, Conductor] | None:
        """None where nothing conducts: what radiates is alone in space."""
        if not self.conductor.any():
            return None
        coupling = Coupling(self.grid, self.frequency)
        plate = Plate(coupling, GROUND, self.first, self.cells)
        whole = np.zeros_like(self.conductor)
        whole[GROUND, self.first[0] :, self.first[1] :][: self.cells[0], : self.cells[1]] = True
        if np.array_equal(whole, self.conductor):
            return coupling, plate
        return coupling, ChangedPlate(coupling, plate, self.conductor)

    def fields(self, nets: list[GridCurrents], elements: Scene, planes: Planes) -> Complex:
        """E and H of each of the ``nets``, then of each of the ``elements``, with the currents that they induce.

        Returns:
            ``(n, 2, 3, P)``, V/m and A/m, at the points of ``planes``.
        """
        alone = [*nets, *(GridCurrents.none(self.grid) for _ in elements.moments)]
        fields = self._of_grid(self._with_induced(alone, elements), planes)
        for number in range(len(elements.moments)):
            own = slice(number, number + 1)
            parts = planes.points.parts(elements.positions[own], elements.moments[own], elements.magnetic[own])
            fields[len(nets) + number] += parts[:, :, 0] + 1j * parts[:, :, 1]
        return fields

    def _with_induced(self, driving: list[GridCurrents], elements: Scene) -> list[GridCurrents]:
        if self._solved is None:
            return driving
        coupling, conductor = self._solved
        edges = conductor.edges
        voltages = coupling.voltages(driving, edges)
        if len(elements.moments):
            voltages[:, -len(elements.moments) :] += self._impressed(edges, elements)
        induced = conductor.currents(voltages)
        return [one.with_rooftops(edges, own) for one, own in zip(driving, induced.T, strict=True)]

    def _impressed(self, edges: Edges, elements: Scene) -> Complex:
        """The voltages along ``edges`` by the field of each element alone, ``(edges, elements)``, V."""
        points, weights = self._edge_points
        found = np.empty((len(edges), len(elements.moments)), np.complex128)
        along = edges.direction[:, None]
        for number in range(len(elements.moments)):
            own = slice(number, number + 1)
            electric = points.parts(elements.positions[own], elements.moments[own], elements.magnetic[own])[0]
            values = (electric[:, 0] + 1j * electric[:, 1]).reshape(3, len(edges), -1)
            found[:, number] = np.where(along == X, values[X], values[Y]) @ weights
        return found

    @cached_property
    def _edge_points(self) -> tuple[FieldPoints, Real]:
        """Points on the rooftop of each edge, and the weights that average a field over it, times a cell, m."""
        assert self._solved is not None
        edges, side = self._solved[1].edges, self.grid.side
        (along, along_weights), (across, across_weights) = spline_rule(2, 2), spline_rule(1, 2)
        steps = np.stack(np.meshgrid(along, across, indexing="ij"), -1).reshape(-1, 2) * side
        turned = np.where(edges.direction[:, None, None] == X, steps, steps[:, ::-1])
        points = self.grid.edge_middles(edges)[:, None] + np.concatenate([turned, np.zeros_like(turned[..., :1])], 2)
        weights = side * np.outer(along_weights, across_weights).ravel()
        return FieldPoints(points.reshape(-1, 3), self.frequency), weights

    def _of_grid(self, currents: list[GridCurrents], planes: Planes) -> Complex:
        fields = [plane.of(currents).reshape(len(currents), 2, 3, -1) for plane in self._plane_fields(planes)]
        return np.concatenate(fields, -1)

    def _plane_fields(self, planes: Planes) -> list[PlaneField]:
        if planes not in self._radiation:
            self._radiation[planes] = [PlaneField(self.grid, grid, self.frequency) for grid in planes.grids]
        return self._radiation[planes]

    @cached_property
    def _radiation(self) -> dict[Planes, list[PlaneField]]:
        return {}
