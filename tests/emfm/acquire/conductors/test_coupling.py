"""Voltages that currents on a grid induce, against the fields of the currents and the laws that they must keep."""

import numpy as np
import pytest

from emfm.acquire.conductors.coupling import Coupling
from emfm.acquire.conductors.mesh import CellGrid, Edges, GridCurrents, edges_of
from emfm.core.elements import element_fields

FREQUENCY = 5e9
GRID = CellGrid(-3e-3, -2e-3, 0.5e-3, (-0.8e-3, 0.0), 9, 12)
COUPLING = Coupling(GRID, FREQUENCY)


def all_edges(layer):
    mask = np.zeros(GRID.shape, bool)
    mask[layer] = True
    return edges_of(mask)


def test_two_edges_act_on_each_other_alike():
    both = edges_of(np.ones(GRID.shape, bool))
    impedance = COUPLING.matrix(both, both)
    np.testing.assert_allclose(impedance, impedance.T, rtol=1e-12, atol=1e-12 * np.abs(impedance).max())


def test_the_voltages_of_many_currents_are_those_of_each_summed_up():
    rng = np.random.default_rng(0)
    driven, tested = all_edges(1), all_edges(0)
    values = rng.normal(size=len(driven)) + 1j * rng.normal(size=len(driven))
    currents = GridCurrents.none(GRID).with_rooftops(driven, values)
    expected = -COUPLING.matrix(tested, driven) @ values
    found = COUPLING.voltages([currents], tested)[:, 0]
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9 * np.abs(expected).max())


def test_a_far_current_induces_what_its_field_says():
    """A rooftop of 1 A is, from afar, an element of one cell; so is a filament one of the board's height."""
    tested = Edges(np.array([[0, 1, 1], [0, 2, 1]]), np.array([0, 1]))
    middles = GRID.edge_middles(tested)
    driven = Edges(np.array([[1, 7, 10]]), np.array([1]))
    rooftop = GridCurrents.none(GRID).with_rooftops(driven, np.ones(1, complex))
    filament = GridCurrents.none(GRID).with_vias(np.array([[1, 7, 10]]), np.ones(1, complex))
    low, high = GRID.heights
    at_cell = GRID.centres(np.array([[1, 7, 10]]))[0]
    for currents, place, moment in (
        (rooftop, GRID.edge_middles(driven)[0], [0, GRID.side, 0]),
        (filament, at_cell * [1, 1, 0] + [0, 0, (low + high) / 2], [0, 0, high - low]),
    ):
        electric, _ = element_fields(middles, [place], [moment], [[0, 0, 0]], FREQUENCY)
        expected = electric[[0, 1], tested.direction] * GRID.side
        found = COUPLING.voltages([currents], tested)[:, 0]
        np.testing.assert_allclose(found, expected, rtol=0.03, atol=0.03 * np.abs(expected).max())


def test_what_flows_out_of_all_cells_together_is_nothing():
    rng = np.random.default_rng(1)
    edges = edges_of(np.ones(GRID.shape, bool))
    cells = np.array([[1, 3, 4], [1, 6, 2]])
    currents = GridCurrents.none(GRID).with_rooftops(edges, rng.normal(size=len(edges)) + 0j).with_vias(cells, [1, 2j])
    assert abs(currents.outflow.sum()) < 1e-12
    assert currents.outflow[0, 3, 4] + currents.outflow[1, 3, 4] != pytest.approx(0)
