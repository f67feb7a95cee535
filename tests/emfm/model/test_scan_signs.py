"""What a scan alone shows of its sources."""

from functools import cache

import numpy as np
import pytest
import torch

from emfm.model.complex_rows import complex_rows
from emfm.model.scan_signs import SIGNS, ScanSigns
from emfm.model.symmetries import symmetries
from small_fields import one_sample, small_geometry, small_samples, times


@cache
def found():
    signs = ScanSigns(square())
    signs.find()
    return signs


def square():
    plane = {"z_mm": 5.0, "x_mm": [-8, 8], "y_mm": [-8, 8], "pitch_mm": 2.0}
    return small_geometry(target_plane=plane)


def left(signs, name):
    return signs[:, SIGNS.index(name)]


def scan_of(x_mm):
    """Of a current at x, y = 0 and 1 mm below the axis."""
    places, current = np.array([[x_mm, 0.0, -1.0]]), np.array([[0.0, 1.0, 0.5j]])
    return one_sample(square(), places, current, 0 * current)[0]


@pytest.mark.parametrize("factor", [1e-4 + 0j, 3j, complex(-2, 5)])
def test_signs_do_not_change_with_a_complex_factor(factor):
    scans = small_samples("elements", 100).x[:20]
    torch.testing.assert_close(found()(times(factor, scans)), found()(scans), rtol=1e-3, atol=1e-3)


def test_signs_of_the_images_of_a_scan_are_those_of_the_scan():
    scans = small_samples("elements", 100).x[:20]
    images = symmetries(square())
    assert len(images) == 8
    for image in images:
        rows = torch.view_as_real(image.of_scans(complex_rows(scans), square().source).view(20, 2, 5, 5))
        seen = rows.movedim(-1, 2).flatten(1, 2)
        torch.testing.assert_close(found()(seen), found()(scans), rtol=1e-3, atol=1e-3)


def test_signs_are_the_same_in_any_company():
    scans = small_samples("elements", 100).x[:20]
    torch.testing.assert_close(found()(scans)[7:8], found()(scans[7:8]), rtol=1e-5, atol=1e-5)


def test_a_scan_of_what_is_far_is_left_by_near_sources_more_than_by_far_ones():
    near, far = found()(scan_of(0.5)), found()(scan_of(15.0))
    difference = [float(left(signs, "left, far, 0.1") - left(signs, "left, near, 0.1")) for signs in (near, far)]
    assert difference[1] < difference[0] - 0.5


def test_a_component_that_is_missing_has_no_balance():
    scans = small_samples("elements", 100).x[:4].clone()
    whole = left(found()(scans), "balance of Hx and Hy")
    scans[:, :2] = 0
    assert (whole > -6).all()
    assert (left(found()(scans), "balance of Hx and Hy") < -13).all()


def test_a_scan_of_zeros_has_finite_signs():
    assert found()(torch.zeros(1, 4, 5, 5)).isfinite().all()
