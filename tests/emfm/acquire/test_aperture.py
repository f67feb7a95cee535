"""The equivalent current of a scan."""

import numpy as np
import pytest

from emfm.acquire.aperture import aperture_fields, on_grid
from emfm.core.elements import element_fields
from emfm.core.grid import Grid

SOURCE = Grid(-5e-3, -4e-3, 1e-3, 2e-3, 11, 5, 1e-3)
TARGET = Grid(-6e-3, -6e-3, 3e-3, 4e-3, 5, 4, 5e-3)
FREQUENCY = 5e9


def scan(seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(2, *SOURCE.shape)) + 1j * rng.normal(size=(2, *SOURCE.shape))


def test_it_is_the_field_of_the_surface_current_n_cross_h():
    source_h = scan()
    vectors = np.concatenate([source_h, np.zeros((1, *SOURCE.shape))]).reshape(3, -1).T
    moments = np.cross([0, 0, 1], vectors) * 1e-3 * 2e-3
    expected = element_fields(TARGET.points(), SOURCE.points(), moments, 0 * moments, FREQUENCY)
    got = aperture_fields(source_h, SOURCE, TARGET, FREQUENCY)
    for field, vector in zip(got, expected, strict=True):
        np.testing.assert_allclose(field, on_grid(vector, TARGET), rtol=0, atol=1e-12 * np.abs(vector).max())


def test_a_field_in_x_at_one_point_lands_where_that_point_is():
    source_h = np.zeros((2, *SOURCE.shape), complex)
    source_h[0, 3, 8] = 1.0
    near = Grid(-5e-3, -4e-3, 1e-3, 2e-3, 11, 5, 1.2e-3)
    _, h_field = aperture_fields(source_h, SOURCE, near, FREQUENCY)
    assert np.unravel_index(np.abs(h_field[0]).argmax(), near.shape) == (3, 8)


def test_a_wide_uniform_scan_radiates_the_plane_wave_of_a_current_sheet():
    """A sheet J radiates half of it to each side: H = J / 2 (R. F. Harrington, sec. 3-1)."""
    size = 81
    wide = Grid(-40e-3, -40e-3, 1e-3, 1e-3, size, size, 0.0)
    above = Grid(-1e-3, -1e-3, 1e-3, 1e-3, 3, 3, 4e-3)
    taper = np.hanning(size)[:, None] * np.hanning(size)[None, :]
    source_h = np.stack([taper, np.zeros_like(taper)]).astype(complex)
    _, h_field = aperture_fields(source_h, wide, above, 20e9)
    assert abs(h_field[0, 1, 1]) == pytest.approx(0.5, rel=0.1)


def test_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"source H must have the shape \(2, 5, 11\), found \(2, 11, 5\)"):
        aperture_fields(np.zeros((2, 11, 5), complex), SOURCE, TARGET, FREQUENCY)
