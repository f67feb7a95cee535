"""What flows through each cell of the copper is what flows through its edges."""

import numpy as np
import pytest

from emfm.acquire.conductors.mesh import CellGrid, Edges, GridCurrents, X, Y
from emfm.plates.copper import CopperCurrents

GRID = CellGrid(-2e-3, -1.5e-3, 1e-3, (-0.8e-3, 0.0), 3, 4)


def copper():
    """3 A through two edges in a row along x, 2j A through one along y, 1 A up."""
    level = Edges(np.array([(1, 1, 0), (1, 1, 1), (1, 0, 3), (0, 1, 1)]), np.array([X, X, Y, X]))
    currents = GridCurrents.none(GRID).with_rooftops(level, np.array([3.0, 3.0, 2j, 50.0]))
    return CopperCurrents.on_grid(GRID, currents.with_vias(np.array([(1, 1, 2)]), np.ones(1)))


def at(found, x_mm, y_mm):
    (row,) = np.flatnonzero(np.isclose(1e3 * found.places[:, :2], [x_mm, y_mm]).all(1))
    return found.currents[row]


def test_a_cell_has_the_mean_of_the_currents_through_its_edges():
    found = copper()
    np.testing.assert_allclose(at(found, -1.5, 0.0), [1.5, 0, 0])
    np.testing.assert_allclose(at(found, -0.5, 0.0), [3, 0, 0])
    np.testing.assert_allclose(at(found, 0.5, 0.0), [1.5, 0, 1])
    np.testing.assert_allclose(at(found, 1.5, -1.0), [0, 1j, 0])
    np.testing.assert_allclose(at(found, 1.5, 0.0), [0, 1j, 0])


def test_the_plate_below_is_not_in_it_and_the_strongest_comes_first():
    found = copper()
    assert len(found) == GRID.rows * GRID.columns
    assert found.sizes[0] == pytest.approx(3.0)
    assert (np.diff(found.sizes) <= 0).all()
    assert (found.places[:, 2] == 0).all()


def test_weak_cells_can_be_left_out():
    assert len(copper().down_to(0.5)) == 3
    assert len(copper().down_to(0.3)) == 5


def test_places_apart_are_the_strongest_of_their_surroundings():
    found = copper().down_to(0.3)
    rows = found.apart(1e-3, most=9)
    assert rows == list(range(5))
    rows = found.apart(2e-3, most=9)
    np.testing.assert_allclose(found.places[rows, 0], [-0.5e-3, 1.5e-3])
    assert found.apart(1e-3, most=2) == [0, 1]


def test_shapes_that_differ_are_refused():
    with pytest.raises(ValueError, match="places and currents must be"):
        CopperCurrents(np.zeros((2, 3)), np.zeros((3, 3), complex), 1e-3)
