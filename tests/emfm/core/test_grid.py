"""Grids and geometry."""

import numpy as np
import pytest

from emfm.core.grid import Geometry, Grid

GRID = Grid(-2e-3, 1e-3, 1e-3, 2e-3, 4, 3, 5e-3)


def test_points_run_over_x_fastest_as_in_an_array_of_y_and_x():
    points = GRID.points().reshape(*GRID.shape, 3)
    np.testing.assert_allclose(points[0, :, 0], [-2e-3, -1e-3, 0, 1e-3], atol=1e-18)
    np.testing.assert_allclose(points[:, 0, 1], [1e-3, 3e-3, 5e-3])
    assert np.all(points[..., 2] == 5e-3)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [({"nx": 1}, "needs 2 x 2 points or more, found 1 x 3"), ({"pitch_y": 0.0}, "pitch must be above 0 m")],
)
def test_what_is_no_grid_is_refused(change, sentence):
    values = {"x_first": 0, "y_first": 0, "pitch_x": 1, "pitch_y": 1, "nx": 4, "ny": 3, "z": 0} | change
    with pytest.raises(ValueError, match=sentence):
        Grid(**values)


def test_the_target_plane_must_lie_above_the_source_plane():
    with pytest.raises(ValueError, match="must lie above the source plane"):
        Geometry(5e9, GRID, GRID)
