"""Scenes and their images in a ground plane."""

import numpy as np

from emfm.acquire.scenes import Scene
from scene_fields import scene_fields


def test_over_a_ground_plane_the_tangential_electric_field_vanishes_on_it():
    rng = np.random.default_rng(0)
    positions, moments = rng.uniform(-1, 1, (8, 3)), rng.normal(size=(8, 3, 2)).view(complex)[..., 0]
    magnetic = np.arange(8) < 4
    scene = Scene(positions, magnetic, moments * np.where(magnetic, 377, 1)[:, None])
    ground = -1.5
    points = np.column_stack([rng.uniform(-3, 3, (50, 2)), np.full(50, ground)])
    alone, _ = scene_fields(scene, points, 1e8)
    both = scene.with_images(ground)
    e_field, h_field = scene_fields(both, points, 1e8)
    assert np.abs(e_field[:, :2]).max() < 1e-12 * np.abs(alone[:, :2]).max()
    assert np.abs(h_field[:, 2]).max() < 1e-12 * np.abs(h_field).max()
