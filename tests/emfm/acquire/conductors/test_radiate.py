"""The field of currents on a grid as a convolution, against the sum over their elements."""

import numpy as np
import pytest

from emfm.acquire.conductors.mesh import CellGrid, GridCurrents, edges_of
from emfm.acquire.conductors.radiate import PlaneField
from emfm.core.elements import element_fields
from emfm.core.grid import Grid

FREQUENCY = 5e9


def rooftop_elements(grid, currents, pieces):
    """The elements of rooftops cut into ``pieces`` a cell each way, and of the filaments."""
    fine = (np.arange(2 * pieces) + 0.5) / pieces - 1
    across = (np.arange(pieces) + 0.5) / pieces - 0.5
    places, moments = [], []
    for layer, direction, row, column in np.argwhere(currents.along):
        middle = grid.centres(np.array([[layer, row, column]]))[0]
        middle[direction] += grid.side / 2
        for u in fine:
            for v in across:
                place, moment = middle.copy(), np.zeros(3, complex)
                place[direction] += u * grid.side
                place[1 - direction] += v * grid.side
                moment[direction] = currents.along[layer, direction, row, column] * (1 - abs(u)) * grid.side / pieces**2
                places.append(place)
                moments.append(moment)
    low, high = grid.heights
    for row, column in np.argwhere(currents.up):
        middle = grid.centres(np.array([[0, row, column]]))[0]
        for z in (np.arange(4) + 0.5) / 4:
            for u in across:
                for v in across:
                    places.append(middle + [u * grid.side, v * grid.side, z * (high - low)])
                    moments.append([0, 0, currents.up[row, column] * (high - low) / 4 / pieces**2])
    return np.array(places), np.array(moments)


def random_currents(grid, seed):
    rng = np.random.default_rng(seed)
    edges = edges_of(np.ones(grid.shape, bool))
    chosen = edges.part(rng.choice(len(edges), 12, replace=False))
    values = rng.normal(size=12) + 1j * rng.normal(size=12)
    cells = np.column_stack([np.ones(3, int), rng.integers(grid.rows, size=3), rng.integers(grid.columns, size=3)])
    return GridCurrents.none(grid).with_rooftops(chosen, values).with_vias(cells, rng.normal(size=3) + 0j)


@pytest.mark.parametrize(("side", "pitch"), [(0.5e-3, 1e-3), (1e-3, 1e-3), (0.25e-3, 0.75e-3)])
@pytest.mark.parametrize(("z", "tolerance"), [(1e-3, 0.01), (5e-3, 2e-3)])
def test_it_is_the_field_of_the_currents_cut_into_small_elements(side, pitch, z, tolerance):
    grid = CellGrid(-2.13e-3, -1.37e-3, side, (-0.8e-3, 0.0), 7, 9)
    points = Grid(-6 * pitch, -5 * pitch, pitch, pitch, 13, 11, z)
    currents = [random_currents(grid, seed) for seed in range(3)]
    for one, found in zip(currents, PlaneField(grid, points, FREQUENCY).of(currents), strict=True):
        places, moments = rooftop_elements(grid, one, 5)
        expected = element_fields(points.points(), places, moments, np.zeros_like(moments), FREQUENCY)
        for part, field in zip((found[:3], found[3:]), expected, strict=True):
            error = np.linalg.norm(part.reshape(3, -1) - field.T) / np.linalg.norm(field)
            assert error < tolerance


def test_a_field_does_not_depend_on_the_others_that_are_asked_for():
    grid = CellGrid(-2e-3, -1e-3, 0.5e-3, (-0.8e-3, 0.0), 7, 9)
    plane = PlaneField(grid, Grid(-5e-3, -5e-3, 1e-3, 1e-3, 11, 11, 1e-3), FREQUENCY)
    currents = [random_currents(grid, seed) for seed in range(4)]
    together = plane.of(currents)
    for one, expected in zip(currents, together, strict=True):
        np.testing.assert_array_equal(plane.of([one])[0], expected)


def test_a_pitch_that_is_no_whole_number_of_cells_is_refused():
    with pytest.raises(ValueError, match="not a whole number of cells"):
        PlaneField(CellGrid(0, 0, 0.4e-3, (-1e-3, 0.0), 5, 5), Grid(0, 0, 1e-3, 1e-3, 5, 5, 1e-3), FREQUENCY)
