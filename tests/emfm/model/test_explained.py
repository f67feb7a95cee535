"""Scans that few elements explain, in the place of what a model learned."""

import numpy as np
import pytest
import torch

from element_scenes import GEOMETRY, draw_scene, relative_errors
from emfm.core.channels import to_components
from emfm.model.explained import Explained, ExplainedScans
from emfm.sources.search import PointSearch


@pytest.fixture
def explained():
    return ExplainedScans(GEOMETRY, None, torch.device("cpu"))


def test_the_field_is_that_of_the_elements(explained):
    scene = draw_scene(np.random.default_rng(7), 2)
    (found,) = explained.of(scene.scan()[None])
    field = to_components(found.field[None])[0].reshape(6, -1)
    assert max(relative_errors(field, scene.target())) < 1e-5
    assert (found.bound >= found.expected).all()


def test_scans_without_a_field_and_scans_of_much_are_left_to_the_model(explained):
    rng = np.random.default_rng(8)
    noise = rng.standard_normal((4, 11, 11)).astype(np.float32)
    scans = np.stack([np.zeros_like(noise), np.full_like(noise, np.nan), noise])
    assert explained.of(scans) == [None] * 3


def test_a_scan_is_searched_once(explained, monkeypatch):
    scan = draw_scene(np.random.default_rng(7), 1).scan()[None]
    first = explained.of(np.concatenate([scan, scan]))
    monkeypatch.setattr(PointSearch, "explaining", None)
    assert explained.of(scan)[0] is first[0] is first[1]


def test_a_field_of_which_less_is_known_than_of_another_is_as_far_off_as_the_two_are_apart():
    field = np.ones((12, 3, 3))
    expected, bound = np.array([0.3, 0.01]), np.array([0.4, 0.02])
    explained = Explained(field, expected, bound)
    better, better_bound = np.array([0.1, 0.1]), np.array([0.2, 0.2])
    found, at_most = explained.beside(2 * field, better, better_bound)
    np.testing.assert_allclose(found, [np.hypot(1, 0.2), 0.01])
    np.testing.assert_allclose(at_most, [1 + 0.4, 0.02])
    nothing = np.full(2, np.nan)
    for part, own in zip(explained.beside(2 * field, nothing, nothing), (expected, bound), strict=True):
        np.testing.assert_array_equal(part, own)
