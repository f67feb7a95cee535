"""How well a scan says where elements are: against the change of the scan with each of their freedoms."""

import numpy as np
import pytest
import torch

from element_scenes import GEOMETRY, ElementScene, draw_scene
from emfm.core.constants import ETA_0
from emfm.sources.found import FREEDOMS
from emfm.sources.search import PointSearch

VARIANCE = 1e-6


@pytest.fixture(scope="module")
def precision():
    return PointSearch(GEOMETRY).precision


def estimated(precision, scene):
    """For noise of `VARIANCE`, with moments in A.m and eta0 V.m."""
    moments = torch.from_numpy(scene.moments / np.where(scene.magnetic, ETA_0, 1)[:, None])
    noise = torch.full((1,), VARIANCE, dtype=torch.float64)
    places, kinds = torch.from_numpy(scene.positions)[None], torch.from_numpy(scene.magnetic)[None]
    return precision.of(places, kinds, moments[None], noise, torch.zeros_like(noise))


def scan_with(scene, element, freedom, step):
    """Hx and Hy of a scene with one freedom of one element changed, in m or A.m or eta0 V.m."""
    positions, moments = scene.positions.copy(), scene.moments.copy()
    unit = ETA_0 if scene.magnetic[element] else 1
    if freedom < 3:
        positions[element, freedom] += step
    else:
        moments[element, freedom % 3] += step * unit * (1 if freedom < 6 else 1j)
    changed = ElementScene(positions, scene.magnetic, moments)
    return changed.fields(GEOMETRY.source.points())[1][:, :2].T.ravel()


def test_the_covariance_is_the_inverse_of_the_fisher_matrix(precision):
    scene = draw_scene(np.random.default_rng(4), 2)
    rows = []
    for element in range(2):
        for freedom in range(FREEDOMS):
            step = 1e-8 if freedom < 3 else 1e-9
            ahead, behind = (scan_with(scene, element, freedom, way * step) for way in (1, -1))
            rows.append((ahead - behind) / (2 * step))
    rows = np.array(rows)
    covariance = np.linalg.inv(2 / VARIANCE * (rows @ rows.conj().T).real)
    found = estimated(precision, scene).covariance[0]
    scales = np.sqrt(np.outer(np.diag(covariance), np.diag(covariance)))
    np.testing.assert_allclose(found / scales, covariance / scales, atol=1e-4)


def test_what_a_scan_cannot_tell_apart_at_all_leaves_all_else_known(precision):
    """Of two elements in one place only the sum of the moments is known."""
    scene = draw_scene(np.random.default_rng(4), 1)
    positions, magnetic, moments = (np.repeat(part, 2, 0) for part in (scene.positions, scene.magnetic, scene.moments))
    twice = ElementScene(positions, magnetic, moments / 2)
    alone, together = (estimated(precision, each) for each in (scene, twice))
    assert np.isfinite(together.covariance).all()
    np.testing.assert_allclose(together.expected, alone.expected, rtol=1e-3)
