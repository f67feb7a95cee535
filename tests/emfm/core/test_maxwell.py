"""The in-plane residual of Maxwell's equations: of true fields it vanishes with the pitch, of others it does not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emfm.acquire.aperture import on_grid
from emfm.core.channels import to_channels
from emfm.core.constants import ETA_0
from emfm.core.elements import element_fields
from emfm.core.grid import Grid
from emfm.core.maxwell import central_difference, fit_curls, in_plane_residual

FREQUENCY = 5e9


def plane(points, pitch, z=5e-3):
    half = (points - 1) / 2 * pitch
    return Grid(-half, -half, pitch, pitch, points, points, z)


def true_fields(grid, seed=0, count=3):
    """E and H of electric and magnetic elements between z = -1.5 mm and 0: ``(1, 6, ny, nx)``."""
    rng = np.random.default_rng(seed)
    positions = rng.uniform([-5e-3, -5e-3, -1.5e-3], [5e-3, 5e-3, 0], (count, 3))
    electric, magnetic = rng.normal(size=(2, count, 3)) + 1j * rng.normal(size=(2, count, 3))
    fields = element_fields(grid.points(), positions, electric, 0.3 * ETA_0 * magnetic, FREQUENCY)
    return np.concatenate([on_grid(field, grid) for field in fields])[None]


def random_fields(samples, grid, seed=0):
    rng = np.random.default_rng(seed)
    shape = (samples, 6, *grid.shape)
    return rng.normal(size=shape) + 1j * rng.normal(size=shape)


@pytest.mark.parametrize("seed", range(5))
def test_true_fields_leave_little_on_the_default_plane(seed):
    grid = plane(51, 1e-3)
    assert in_plane_residual(true_fields(grid, seed), grid, FREQUENCY)[0] < 2e-3


@pytest.mark.parametrize("seed", range(5))
def test_the_residual_of_true_fields_vanishes_with_the_pitch_by_order_8_in_the_interior(seed):
    """Only the fields far from the sources lie near the rim, where the order is lower."""
    coarse, fine = (
        in_plane_residual(true_fields(grid, seed), grid, FREQUENCY)[0] for grid in (plane(41, 2e-3), plane(81, 1e-3))
    )
    assert fine < coarse / 2**4


@pytest.mark.parametrize("shape", [(3, 3), (3, 8), (11, 9)])
def test_small_grids_have_a_residual_that_vanishes_with_the_square_of_the_pitch(shape):
    def residual(pitch):
        grid = Grid(1e-3, -1e-3, pitch, pitch, *shape, 5e-3)
        return in_plane_residual(true_fields(grid), grid, FREQUENCY)[0]

    assert residual(0.05e-3) < 1.1 * residual(0.1e-3) / 4


def test_components_that_know_nothing_of_each_other_leave_as_much_as_their_size():
    grid = plane(21, 1e-3)
    residuals = in_plane_residual(random_fields(20, grid), grid, FREQUENCY)
    np.testing.assert_allclose(residuals, 1, atol=0.15)


@pytest.mark.parametrize("component", range(6))
def test_a_wrong_sign_of_any_component_shows(component):
    grid = plane(31, 1e-3)
    fields = true_fields(grid)
    residual = in_plane_residual(fields, grid, FREQUENCY)[0]
    fields[:, component] *= -1
    assert in_plane_residual(fields, grid, FREQUENCY)[0] > 20 * residual


def test_swapped_axes_show():
    grid = plane(31, 1e-3)
    fields = true_fields(grid)
    assert in_plane_residual(fields.swapaxes(2, 3), grid, FREQUENCY)[0] > 0.5


@settings(deadline=None, max_examples=20)
@given(factor=st.floats(1e-6, 1e6), phase=st.floats(0, 6), cut=st.integers(1, 4))
def test_it_depends_on_neither_scale_nor_phase_nor_batch(factor, phase, cut):
    grid = Grid(0, 0, 1e-3, 2e-3, 9, 7, 5e-3)
    fields = random_fields(5, grid)
    whole = in_plane_residual(fields, grid, FREQUENCY)
    turned = factor * np.exp(1j * phase) * fields
    parts = [in_plane_residual(part, grid, FREQUENCY) for part in (turned[:cut], turned[cut:])]
    np.testing.assert_allclose(np.concatenate(parts), whole, rtol=1e-9)


def test_no_field_at_all_satisfies_the_equations():
    grid = plane(5, 1e-3)
    assert in_plane_residual(np.zeros((2, 6, 5, 5), complex), grid, FREQUENCY).tolist() == [0, 0]


@pytest.mark.parametrize("count", [3, 4, 5, 7, 9, 12, 51])
def test_a_difference_is_exact_for_the_powers_that_its_reach_allows(count):
    x = np.linspace(-1, 1, count)
    for place in range(1, count - 1):
        order = 2 * min(place, count - 1 - place, 4)
        for power in range(order + 1):
            found = central_difference(x.astype(complex) ** power, x[1] - x[0])[place - 1]
            expected = power * x[place] ** (power - 1) if power else 0
            assert found == pytest.approx(expected, abs=1e-11)


def test_other_shapes_and_grids_without_an_interior_are_refused():
    grid = Grid(0, 0, 1e-3, 1e-3, 5, 4, 5e-3)
    with pytest.raises(ValueError, match=r"components must have the shape \(n, 6, 4, 5\), found \(1, 6, 5, 4\)"):
        in_plane_residual(np.zeros((1, 6, 5, 4), complex), grid, FREQUENCY)
    narrow = Grid(0, 0, 1e-3, 1e-3, 2, 4, 5e-3)
    with pytest.raises(ValueError, match="needs 3 points or more, found 2"):
        in_plane_residual(np.zeros((1, 6, 4, 2), complex), narrow, FREQUENCY)


@pytest.mark.parametrize("shape", [(5, 5), (9, 6), (21, 33)])
def test_the_fitted_factors_do_not_mix_up_the_axes(shape):
    grid = Grid(1e-3, -4e-3, 0.8e-3, 0.5e-3, *shape, 5e-3)
    fits = fit_curls(to_channels(true_fields(grid)[0]), grid, FREQUENCY)
    for fit in fits:
        assert abs(fit.factor - 1) < 5e-3
        assert fit.agreement > 0.999


def test_a_fit_of_too_few_points_is_refused():
    narrow = Grid(0, 0, 1e-3, 1e-3, 4, 9, 5e-3)
    with pytest.raises(ValueError, match="needs 5 points or more along each axis, found 4"):
        fit_curls(np.zeros((12, 9, 4)), narrow, FREQUENCY)
