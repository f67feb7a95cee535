"""Scenes of a patch over a ground plane."""

import numpy as np
import pytest
from pydantic import ValidationError

from emfm.acquire.scene_kinds.patches import Patch, Patches, PatchesParams
from emfm.core.constants import EPSILON_0
from emfm.core.elements import element_fields
from emfm.core.grid import Geometry, Grid
from scene_fields import scene_fields
from scene_params import scene_params

GRID = Grid(-5e-3, -5e-3, 5e-3, 5e-3, 3, 3, 1e-3)
GEOMETRY = Geometry(5e9, GRID, Grid(-5e-3, -5e-3, 5e-3, 5e-3, 3, 3, 5e-3))
PARAMS = PatchesParams(smallest_mm=2.0, largest_mm=6.0, lowest_mm=0.3, highest_mm=1.0)
KIND = Patches(PARAMS, scene_params())


def patch(voltages, length=4e-3, width=2e-3, angle=0.0, ground_z=-0.4e-3):
    return Patch(np.zeros(3), ground_z, angle, length, width, np.array(voltages, complex))


def fields(scene, points):
    return scene_fields(scene, points, 5e9)


def test_the_tangential_electric_field_vanishes_on_the_ground_plane():
    rng = np.random.default_rng(0)
    for _ in range(5):
        layout = KIND.draw(rng)
        ground = np.column_stack([rng.uniform(-10e-3, 10e-3, (40, 2)), np.full(40, layout.ground_z)])
        e_field, h_field = fields(KIND.currents(layout), ground)
        assert np.abs(e_field[:, :2]).max() < 1e-10 * np.abs(e_field[:, 2]).max()
        assert np.abs(h_field[:, 2]).max() < 1e-10 * np.abs(h_field[:, :2]).max()


def test_a_plate_capacitor_is_a_vertical_dipole_over_its_ground():
    """A loop of magnetic current K has the electric moment -jw eps0 K A: of opposite sign to the loop of current."""
    layout = patch([3, 0, 0], length=0.2e-3, width=0.2e-3, ground_z=-0.05e-3)
    points = np.random.default_rng(0).uniform([-9e-3, -9e-3, 3e-3], [9e-3, 9e-3, 9e-3], (30, 3))
    moment = -2j * np.pi * 5e9 * EPSILON_0 * 3 * 0.2e-3**2
    dipoles = [[0, 0, 0], [0, 0, -0.1e-3]]
    expected = element_fields(points, dipoles, [[0, 0, moment]] * 2, np.zeros((2, 3)), 5e9)
    for one, two in zip(fields(KIND.currents(layout), points), expected, strict=True):
        assert np.linalg.norm(one - two) / np.linalg.norm(two) < 2e-3


def test_in_the_first_mode_the_radiating_edges_add_and_the_others_cancel():
    """Balanis, sec. 14.2.2: the magnetic currents of the two edges across the half-wave have one direction."""
    scene = KIND.currents(patch([0, 1, 0]))
    top = scene.positions[:, 2] == 0
    moments, places = scene.moments[top], scene.positions[top]
    across = np.abs(np.abs(places[:, 0]) - 2e-3) < 1e-12
    assert np.abs(moments[across].sum(0)) == pytest.approx([0, 2 * 2e-3, 0], abs=1e-12)
    assert np.abs(moments[~across].sum(0)).max() < 1e-12
    np.testing.assert_allclose(np.sign(moments[across][:, 1].real), -1)


def test_a_turned_patch_has_a_turned_field():
    points = np.random.default_rng(1).uniform([-5e-3, -5e-3, 1e-3], [5e-3, 5e-3, 3e-3], (20, 3))
    quarter = np.array([[0.0, 1, 0], [-1, 0, 0], [0, 0, 1]])
    voltages = [1, 2j, 0.5]
    straight = fields(KIND.currents(patch(voltages)), points)
    turned = fields(KIND.currents(patch(voltages, angle=np.pi / 2)), points @ quarter)
    for one, two in zip(straight, turned, strict=True):
        np.testing.assert_allclose(two, one @ quarter, atol=1e-9 * np.abs(one).max())


def test_members_of_a_family_keep_the_gap_and_the_direction():
    rng = np.random.default_rng(2)
    layout = KIND.draw(rng)
    member = KIND.perturb(layout, rng)
    assert member.centre[2] - member.ground_z == pytest.approx(layout.centre[2] - layout.ground_z, rel=1e-12)
    assert member.angle == layout.angle
    assert 0 < np.abs(member.centre - layout.centre).max() < 0.6e-3
    assert 0 < abs(member.length - layout.length) < 0.6e-3
    assert (np.abs(member.voltages / layout.voltages - 1) < 0.5).all()


def test_patches_are_in_the_square_with_the_edge_current_in_the_depth_range():
    rng = np.random.default_rng(3)
    for _ in range(200):
        layout = KIND.draw(rng)
        scene = KIND.currents(layout)
        assert np.abs(scene.positions[:, :2]).max() <= 5e-3
        assert -1.5e-3 <= layout.centre[2] <= 0
        assert 0.15e-3 <= layout.centre[2] - layout.ground_z <= 0.5e-3
        named = dict(zip(KIND.parameter_names, KIND.parameters(layout), strict=True))
        assert named["patch_z"] == scene.positions[:, 2].max()


@pytest.mark.parametrize(("low", "high"), [("smallest_mm", "largest_mm"), ("lowest_mm", "highest_mm")])
def test_sizes_out_of_order_are_refused(low, high):
    with pytest.raises(ValidationError, match=f"{high} \\(1.5\\) must not be below {low} \\(2\\)"):
        PatchesParams(**(PARAMS.model_dump() | {low: 2.0, high: 1.5}))
