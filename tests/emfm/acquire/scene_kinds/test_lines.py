"""Lines cut into current elements."""

import numpy as np
import pytest

from emfm.acquire.scene_kinds.lines import cut_line
from emfm.core.elements import element_fields

VERTICES = np.array([[-4e-3, 0, 0], [2e-3, 0, 0], [2e-3, 3e-3, -1e-3]])


def field_of(segment, z):
    line = cut_line(VERTICES, segment)
    x, y = np.meshgrid(np.linspace(-5e-3, 5e-3, 11), np.linspace(-5e-3, 5e-3, 11))
    points = np.column_stack([x.ravel(), y.ravel(), np.full(x.size, z)])
    return np.concatenate(element_fields(points, line.positions, line.lengths, 0 * line.lengths, 5e9), axis=1)


def difference(one, other):
    return np.linalg.norm(one - other) / np.linalg.norm(other)


def test_the_elements_of_a_line_are_its_whole_length_in_order():
    line = cut_line(VERTICES, 0.5e-3)
    np.testing.assert_allclose(line.lengths.sum(0), VERTICES[-1] - VERTICES[0], atol=1e-18)
    whole = np.linalg.norm(np.diff(VERTICES, axis=0), axis=1).sum()
    assert np.linalg.norm(line.lengths, axis=1).sum() == pytest.approx(whole, rel=1e-14)
    assert (np.diff(line.path) > 0).all()
    assert 0 < line.path[0] < line.path[-1] < whole
    np.testing.assert_allclose(line.positions[line.path < 6e-3, 0], line.path[line.path < 6e-3] - 4e-3, atol=1e-18)


def test_finer_segments_converge_with_the_sixth_power_of_their_length():
    exact = field_of(0.05e-3, z=2e-3)
    coarse, fine = (difference(field_of(segment, z=2e-3), exact) for segment in (0.5e-3, 0.25e-3))
    assert np.log2(coarse / fine) == pytest.approx(6, abs=0.5)


def test_the_default_segments_are_short_enough_for_the_nearest_scan():
    exact = field_of(0.05e-3, z=1e-3)
    assert difference(field_of(0.5e-3, z=1e-3)[:, 3:], exact[:, 3:]) < 1e-5


def test_a_line_from_its_other_end_has_the_same_elements():
    line, back = cut_line(VERTICES, 0.7e-3), cut_line(VERTICES[::-1], 0.7e-3)
    np.testing.assert_allclose(back.positions[::-1], line.positions, atol=1e-18)
    np.testing.assert_allclose(back.lengths[::-1], -line.lengths, atol=1e-18)
