"""Scans that are too small or too coarse show it, and others do not."""

from dataclasses import replace

import numpy as np
import pytest

from emfm.core.channels import to_channels
from emfm.core.constants import ETA_0
from emfm.core.elements import element_fields
from emfm.core.grid import Grid
from emfm.core.noise import with_noise
from emfm.core.scan_checks import FEWEST_POINTS, ScanChecks, check_scans, scan_warnings

GRID = Grid(-5e-3, -5e-3, 1e-3, 1e-3, 11, 11, 1e-3)
WIDE = Grid(-15e-3, -15e-3, 1e-3, 1e-3, 31, 31, 1e-3)
FREQUENCY = 5e9


def scan_of(positions, electric, magnetic, grid=GRID):
    """The scan ``(4, ny, nx)`` of current elements."""
    _, h_field = element_fields(grid.points(), positions, electric, magnetic, FREQUENCY)
    return to_channels(h_field[None, :, :2].transpose(0, 2, 1).reshape(1, 2, *grid.shape))[0].astype(np.float32)


def trace(first, last, grid=GRID):
    """The scan of a straight current along x at z = 0, a source element each 0.25 mm; ends in m."""
    x = np.arange(first, last, 0.25e-3)
    along = np.zeros((len(x), 3), complex)
    along[:, 0] = 1e-3
    return scan_of(np.stack([x, 0.3e-3 + 0 * x, 0 * x], 1), along, 0 * along, grid)


def loose(count, lowest, highest, depth, elements=3):
    """Scans of loose elements with max(|x|, |y|) of one of them in this range and of none above it, all so deep."""
    rng = np.random.default_rng(0)
    scans = []
    for _ in range(count):
        position = np.full((elements, 3), GRID.z - depth)
        position[:, :2] = rng.uniform(-lowest, lowest, (elements, 2))
        position[0, rng.integers(2)] = rng.choice([-1, 1]) * rng.uniform(lowest, highest)
        electric, magnetic = rng.standard_normal((2, elements, 3)) + 1j * rng.standard_normal((2, elements, 3))
        kind = rng.random((elements, 1)) < 0.5
        scans.append(scan_of(position, electric * kind, 0.3 * ETA_0 * magnetic * ~kind))
    return np.array(scans)


def test_a_trace_that_goes_on_beyond_the_scan_is_found_and_one_inside_it_is_not():
    beyond, inside = check_scans(np.array([trace(-12e-3, 12e-3), trace(-2e-3, 2e-3)])).too_small
    assert beyond
    assert not inside


def test_the_same_trace_is_not_found_in_a_scan_that_reaches_beyond_it():
    assert not check_scans(trace(-12e-3, 12e-3, WIDE)[None]).too_small.any()


def test_a_single_current_beyond_the_scan_is_found_wherever_it_is():
    checks = check_scans(loose(100, 5.5e-3, 20e-3, 1.5e-3, elements=1))
    assert checks.too_small.all()
    assert checks.rim_peak == pytest.approx(1)


def test_of_scenes_well_inside_the_scan_few_are_taken_for_larger_ones():
    assert check_scans(loose(200, 2.5e-3, 3.5e-3, 1.5e-3)).too_small.mean() < 0.2


@pytest.mark.parametrize(("depth", "least", "most"), [(0.4e-3, 0.95, 1), (0.7e-3, 0.6, 1), (1.5e-3, 0, 0)])
def test_currents_nearer_than_the_pitch_are_found_and_those_deeper_are_not(depth, least, most):
    assert least <= check_scans(loose(200, 2.5e-3, 3.5e-3, depth)).too_coarse.mean() <= most


def test_a_pitch_that_resolves_the_currents_is_fine_where_one_of_twice_its_size_is_not():
    fine = trace(-4e-3, 4e-3, replace(GRID, x_first=-6e-3, y_first=-6e-3, nx=13, ny=13))
    assert list(check_scans(fine[None]).too_coarse) == [False]
    assert list(check_scans(fine[None, :, ::2, ::2]).too_coarse) == [True]


@pytest.mark.parametrize("axis", [-2, -1])
def test_a_pattern_at_the_limit_of_the_pitch_along_one_axis_has_the_share_one(axis):
    signs = (-1.0) ** np.arange(11)
    scan = np.broadcast_to(signs[:, None] if axis == -2 else signs, (1, 4, 11, 11))
    assert check_scans(scan).pitch_limit_share == pytest.approx(1)


def test_noise_of_40_db_changes_no_verdict_and_white_noise_alone_looks_coarse():
    clean = loose(100, 2.5e-3, 3.5e-3, 2e-3)
    noisy = check_scans(with_noise(clean, [str(n) for n in range(len(clean))], 40.0))
    assert not noisy.too_coarse.any()
    assert np.mean(noisy.too_small != check_scans(clean).too_small) <= 0.02
    noise = np.random.default_rng(0).standard_normal((100, 4, 11, 11))
    assert check_scans(noise).pitch_limit_share.mean() == pytest.approx(np.sqrt(2 * 70 / 256), abs=0.01)


@pytest.mark.parametrize("scale", [1e-12, 1e15])
def test_the_unit_does_not_matter(scale):
    scans = loose(5, 2.5e-3, 3.5e-3, 1e-3)
    there, scaled = check_scans(scans), check_scans(scans * np.float32(scale))
    np.testing.assert_allclose(scaled.rim_share, there.rim_share, rtol=1e-5)
    np.testing.assert_allclose(scaled.pitch_limit_share, there.pitch_limit_share, rtol=1e-5)
    np.testing.assert_allclose(scaled.rim_peak, there.rim_peak, rtol=1e-5)


def test_many_scans_have_the_checks_of_each_alone():
    scans = np.random.default_rng(0).standard_normal((600, 4, 8, 9)).astype(np.float32)
    checks = check_scans(scans)
    for row in (0, 255, 256, 599):
        alone = check_scans(scans[row : row + 1])[0]
        for name in ("rim_share", "rim_peak", "pitch_limit_share"):
            assert getattr(checks[row], name) == getattr(alone, name)
    again = ScanChecks.joined([checks[row] for row in range(600)])
    np.testing.assert_array_equal(again.too_small, checks.too_small)


def test_no_scans_have_no_checks():
    assert check_scans(np.empty((0, 4, 11, 11), np.float32)).too_small.shape == (0,)


def test_scans_of_few_points_are_not_judged():
    scans = np.random.default_rng(0).standard_normal((3, 4, 11, FEWEST_POINTS - 1))
    checks = check_scans(scans)
    assert np.isnan([checks.rim_share, checks.rim_peak, checks.pitch_limit_share]).all()
    assert not (checks.too_small | checks.too_coarse).any()


def test_a_warning_says_how_many_names_the_first_and_says_what_to_do():
    yes, no = np.ones(7), np.zeros(7)
    names = [f"s{n}" for n in range(7)]
    small, coarse = scan_warnings(names, ScanChecks(yes, no, np.array([0, 0, 1.0, 0, 1, 0, 0])))
    assert small.startswith("7 of 7 scans look too small (s0, s1, s2, s3, s4 and 2 more): ")
    assert "scan out to beyond the board's rim; see docs/own-data.md" in small
    assert coarse.startswith("2 of 7 scans look too coarse (s2, s4): ")
    assert "take a pitch no larger than the height above the currents" in coarse
    assert scan_warnings(names, ScanChecks(no, no, no)) == []
