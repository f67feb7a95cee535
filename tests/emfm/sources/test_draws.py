"""Draws of elements have the doubt that the search names, and fields that the scan does not exclude."""

from dataclasses import replace

import numpy as np
import pytest

from emfm.core.grid import Grid
from emfm.sources.draws import Draws
from emfm.sources.found import FREEDOMS
from point_sources import no_elements, two_sources

SCAN = Grid(-5e-3, -5e-3, 1e-3, 1e-3, 11, 11, 1e-3)


def drawn(sources, count=400):
    draws, rng = Draws(sources), np.random.default_rng(0)
    return [draws.elements(rng) for _ in range(count)]


def test_each_number_has_the_standard_deviation_that_the_search_gives_it():
    sources = two_sources(spread=0.01)
    found = drawn(sources)
    places = np.stack([each.positions for each in found]) - sources.positions
    np.testing.assert_allclose(places.std(axis=0), 1e-5, rtol=0.2)
    np.testing.assert_allclose(places.mean(axis=0), 0, atol=2e-6)
    assert np.stack([each.magnetic[1, 2] for each in found]).imag.std() == pytest.approx(3e-5, rel=0.2)
    assert not np.stack([each.electric[1] for each in found]).any()


def near_each_other():
    """Two electric elements side by side, with the doubt that white noise of 10 uA/m leaves."""
    positions = np.array([[0, 0, -1e-3], [0.4e-3, 0, -1e-3]])
    moments = np.array([[2e-5, 1e-6j, 0], [1e-5, 0, 5e-6]], complex)
    pair = replace(two_sources(), positions=positions, moments=moments, magnetic=np.zeros(2, bool), noise=1e-5)
    changes = by_differences(pair)
    fisher = 2 / pair.noise**2 * (changes.conj() @ changes.T).real
    return replace(pair, covariance=np.linalg.inv(fisher), background=no_elements(5e9))


def scan_of(elements):
    return elements.fields(SCAN.points())[1][:, :2].ravel()


def by_differences(pair):
    """How the scan changes with each freedom, ``(18, 2 P)``, by small steps of the elements themselves."""
    rows = []
    for element in range(2):
        for freedom in range(FREEDOMS):
            step = 1e-8 if freedom < 3 else 1e-9
            ends = []
            for sign in (1, -1):
                positions, moments = pair.positions.copy(), pair.moments.copy()
                if freedom < 3:
                    positions[element, freedom] += sign * step
                else:
                    moments[element, freedom % 3] += sign * step * (1 if freedom < 6 else 1j)
                ends.append(scan_of(replace(pair, positions=positions, moments=moments).elements))
            rows.append((ends[0] - ends[1]) / (2 * step))
    return np.array(rows)


def test_elements_near_each_other_are_drawn_so_that_their_scan_stays_within_the_noise():
    """By theory the scan of a draw is off by noise * sqrt(18 / (2 * 242)), the share of numbers that were fitted."""
    pair = near_each_other()
    off = [np.sqrt(np.mean(np.abs(scan_of(each) - scan_of(pair.elements)) ** 2)) for each in drawn(pair, 100)]
    assert np.sqrt(np.mean(np.square(off))) == pytest.approx(pair.noise * np.sqrt(18 / 484), rel=0.3)
    one_by_one = np.random.default_rng(0)
    of_each = pair.covariance.reshape(2, FREEDOMS, 2, FREEDOMS)[range(2), :, range(2)]
    alone = []
    for _ in range(50):
        steps = [one_by_one.multivariate_normal(np.zeros(3), part[3:6, 3:6]) for part in of_each]
        alone.append(scan_of(replace(pair, moments=pair.moments + np.array(steps)).elements))
    apart = np.sqrt(np.mean(np.abs(np.array(alone) - scan_of(pair.elements)) ** 2))
    assert apart > 3 * np.sqrt(np.mean(np.square(off)))  # which is why they are drawn together
