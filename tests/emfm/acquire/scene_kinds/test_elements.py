"""Scenes of loose current elements."""

from collections import Counter

import numpy as np
import pytest

from emfm.acquire.scene_kinds.elements import LooseElements
from emfm.core.constants import ETA_0
from emfm.core.grid import Geometry, Grid
from scene_params import scene_params

GRID = Grid(-5e-3, -5e-3, 5e-3, 5e-3, 3, 3, 1e-3)
GEOMETRY = Geometry(5e9, GRID, Grid(-5e-3, -5e-3, 5e-3, 5e-3, 3, 3, 5e-3))
KIND = LooseElements(scene_params())


def test_scenes_have_the_described_distribution():
    rng = np.random.default_rng(0)
    scenes = [KIND.draw(rng) for _ in range(4000)]
    counts = Counter(len(scene.positions) for scene in scenes)
    assert set(counts) == {1, 2, 3, 4, 5, 6}
    assert max(counts.values()) - min(counts.values()) < 200
    positions = np.concatenate([scene.positions for scene in scenes])
    assert np.all(np.abs(positions[:, :2]) <= 5e-3)
    assert np.all((positions[:, 2] <= 0) & (positions[:, 2] >= -1.5e-3))
    np.testing.assert_allclose(positions.mean(0), [0, 0, -0.75e-3], atol=1e-4)
    magnetic = np.concatenate([scene.magnetic for scene in scenes])
    moments = np.concatenate([scene.moments for scene in scenes])
    assert magnetic.mean() == pytest.approx(0.5, abs=0.02)
    assert np.sqrt((np.abs(moments[~magnetic]) ** 2).mean()) == pytest.approx(1e-3, rel=0.03)
    assert np.sqrt((np.abs(moments[magnetic]) ** 2).mean()) == pytest.approx(0.3e-3 * ETA_0, rel=0.03)


def test_members_of_a_family_differ_by_small_perturbations():
    rng = np.random.default_rng(1)
    scene = KIND.draw(rng)
    members = [KIND.perturb(scene, rng) for _ in range(2000)]
    shifts = np.concatenate([(member.positions - scene.positions).ravel() for member in members])
    changes = np.concatenate([((member.moments / scene.moments) - 1).ravel() for member in members])
    assert shifts.std() == pytest.approx(0.1e-3, rel=0.05)
    assert np.sqrt((np.abs(changes) ** 2).mean()) == pytest.approx(0.1, rel=0.05)
