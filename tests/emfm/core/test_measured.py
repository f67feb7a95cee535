"""A scan as it comes: what can be one, its spacing, fewer points of it."""

import numpy as np
import pytest

from element_scenes import GEOMETRY
from emfm.core.errors import DataError
from emfm.core.grid import Grid
from emfm.core.measured import MeasuredField

POINTS = GEOMETRY.source.points()


def scan(points=POINTS, components=("Hx",), values=None, frequency=1e9):
    if values is None:
        values = np.arange(1, 1 + len(components) * len(points)).reshape(-1, len(points)) * (1 + 2j)
    return MeasuredField(points, components, values, frequency)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"points": POINTS[:, :2]}, "points: give finite x, y, z in m, of the shape .P, 3., found .121, 2."),
        ({"points": np.where(POINTS == 0, np.nan, POINTS)}, "points: give finite"),
        ({"components": ("Hx", "Bz")}, "components: found Hx, Bz; give some of Ex, Ey"),
        ({"components": ("Hx", "Hx")}, "components: found Hx, Hx; .* each once"),
        ({"components": ()}, "components: found none"),
        ({"values": np.ones((1, 121))}, "values: found float64 of the shape .1, 121.; give complex numbers"),
        ({"values": np.ones((2, 121), complex)}, "values: .* of the shape .1, 121."),
        ({"values": np.full((1, 121), np.inf + 0j)}, "values: some are infinite; give NaN"),
        ({"values": np.full((1, 121), np.nan + 0j)}, "was not measured at any point"),
        ({"values": np.zeros((1, 121), complex)}, "is zero"),
        ({"frequency": 0.0}, "frequency: must be above 0 Hz"),
    ],
)
def test_what_can_be_no_scan_is_refused(changes, sentence):
    with pytest.raises(DataError, match=sentence):
        scan(**changes)


def test_points_and_components_that_were_not_measured_are_left_out():
    values = np.full((2, 121), 1 + 1j)
    values[1] = np.nan
    values[0, 3:] = complex(1, np.nan)
    used = scan(components=("Ez", "Hx"), values=values).used
    assert (used.components, used.values.shape) == (("Ez",), (1, 3))
    np.testing.assert_array_equal(used.points, POINTS[:3])


@pytest.mark.parametrize("grid", [Grid(0, 0, 1e-3, 1e-3, 11, 11, 0), Grid(0, 0, 2e-3, 2e-3, 5, 21, 1e-3)])
def test_the_spacing_of_a_grid_is_its_pitch_also_of_several_planes(grid):
    points = grid.points()
    assert scan(points).spacing == pytest.approx(grid.pitch_x)
    assert scan(np.concatenate([points, points + [0, 0, 1e-3]])).spacing == pytest.approx(grid.pitch_x)


def test_points_on_a_line_are_refused():
    with pytest.raises(DataError, match="span 10 mm along x and 0 mm along y; sources are found below an area"):
        _ = scan(POINTS[:11]).spacing


@pytest.mark.parametrize("most", [20, 60, 121])
def test_fewer_points_are_as_evenly_spread(most):
    whole = scan(components=("Hx", "Hz"))
    fewer = whole.thinned(2 * most)
    assert 0.6 * most <= len(fewer.points) <= most
    assert fewer.spacing == pytest.approx(whole.spacing * np.sqrt(121 / len(fewer.points)), rel=0.25)
    places = [np.flatnonzero((point == POINTS).all(1)).item() for point in fewer.points]
    np.testing.assert_array_equal(fewer.values, whole.values[:, places])


def test_what_has_no_more_values_stays_itself():
    whole = scan()
    assert whole.thinned(121) is whole
