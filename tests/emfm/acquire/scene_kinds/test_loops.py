"""Scenes of small loops."""

import numpy as np
import pytest
from pydantic import ValidationError

from emfm.acquire.scene_kinds.loops import Loop, Loops, LoopsParams
from emfm.core.constants import ETA_0, MU_0
from emfm.core.elements import element_fields
from emfm.core.grid import Geometry, Grid
from scene_fields import scene_fields
from scene_params import scene_params

GRID = Grid(-5e-3, -5e-3, 5e-3, 5e-3, 3, 3, 1e-3)
GEOMETRY = Geometry(5e9, GRID, Grid(-5e-3, -5e-3, 5e-3, 5e-3, 3, 3, 5e-3))
PARAMS = LoopsParams(max_loops=3, smallest_mm=0.5, largest_mm=2.0)
KIND = Loops(PARAMS, simulate=scene_params(), geometry=GEOMETRY)
OMEGA = 2 * np.pi * 5e9


def loops(count, seed=0):
    rng = np.random.default_rng(seed)
    return [loop for _ in range(count) for loop in KIND.draw(rng)]


def area(loop):
    """Vector area, right-handed around the current's direction, m2."""
    return np.cross(loop.corners[1] - loop.corners[0], loop.corners[3] - loop.corners[0])


@pytest.mark.parametrize("axes", [(0, 1), (0, 2)], ids=["lying", "standing"])
@pytest.mark.parametrize("distance", [4.0, 200.0], ids=["near", "far"])
def test_a_smaller_loop_is_nearer_to_the_magnetic_element_of_its_area(axes, distance):
    """K l = j w mu0 I A; what is left falls with the square of the side."""
    rng = np.random.default_rng(1)
    directions = rng.normal(size=(30, 3))
    points = distance * 1e-3 * directions / np.linalg.norm(directions, axis=1, keepdims=True)
    errors = []
    for side in (0.4e-3, 0.2e-3):
        corners = np.zeros((4, 3))
        corners[:, axes] = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]]) * side
        loop = Loop(corners, 2 - 1j)
        scene = KIND.currents((loop,))
        found = scene_fields(scene, points, 5e9)
        moment = 1j * OMEGA * MU_0 * loop.current * area(loop)
        expected = element_fields(points, [[0, 0, 0]], [[0, 0, 0]], [moment], 5e9)
        errors.append(
            [np.linalg.norm(one - two) / np.linalg.norm(two) for one, two in zip(found, expected, strict=True)]
        )
    assert np.max(errors[0]) < 0.02
    np.testing.assert_allclose(np.log2(np.divide(*errors)), 2, atol=0.2)


def test_loops_are_rectangles_in_the_square_that_lie_or_hang_from_the_depth_range():
    drawn = loops(400)
    corners = np.array([loop.corners for loop in drawn])
    sides = np.diff(corners, axis=1)
    np.testing.assert_allclose(corners[:, 0] - corners[:, 1] + corners[:, 2] - corners[:, 3], 0, atol=1e-17)
    np.testing.assert_allclose((sides[:, 0] * sides[:, 1]).sum(1), 0, atol=1e-18)
    sizes = np.linalg.norm(sides, axis=2)
    assert sizes.min() + 1e-12 >= 0.5e-3
    assert sizes.max() <= 2e-3 + 1e-12
    assert np.abs(corners[..., :2]).max() <= 5e-3
    top = corners[..., 2].max(axis=1)
    assert ((top <= 0) & (top >= -1.5e-3)).all()
    assert (np.ptp(corners[..., 2], axis=1) > 0).mean() == pytest.approx(0.5, abs=0.07)


def test_members_of_a_family_keep_their_shape():
    rng = np.random.default_rng(2)
    layout = KIND.draw(rng)
    for before, after in zip(layout, KIND.perturb(layout, rng), strict=True):
        shift = after.corners - before.corners
        np.testing.assert_allclose(shift, np.broadcast_to(shift[0], (4, 3)), atol=1e-17)
        assert 0 < np.abs(shift).max() < 0.6e-3
        assert 0 < abs(after.current / before.current - 1) < 0.5


def test_the_moments_are_of_the_scale_of_loose_magnetic_elements():
    moments = [OMEGA * MU_0 * abs(loop.current) * 1.25e-3**2 for loop in loops(1500)]
    assert np.sqrt(np.square(moments).mean()) == pytest.approx(0.3e-3 * ETA_0, rel=0.05)


def test_every_corner_is_a_parameter():
    (loop,) = loops(1)[:1]
    named = dict(zip(KIND.parameter_names, KIND.parameters((loop,)), strict=True))
    corners = [[named[f"loop1_corner{n}_{axis}"] for axis in "xyz"] for n in (1, 2, 3, 4)]
    np.testing.assert_array_equal(corners, loop.corners)
    assert (named["loops"], named["loop1_current_re"]) == (1, loop.current.real)
    assert np.isnan(named["loop2_corner1_z"])


def test_sides_out_of_order_are_refused():
    with pytest.raises(ValidationError, match=r"largest_mm \(1\) must not be below smallest_mm \(2\)"):
        LoopsParams(max_loops=1, smallest_mm=2.0, largest_mm=1.0)
