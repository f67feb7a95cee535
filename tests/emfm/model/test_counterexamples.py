"""Scans that went wrong are told from those of the training."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

from emfm.model.counterexamples import KINDS, Oddness, complex_scans, signs_of, wrong_scans
from emfm.model.scan_signs import SIGNS, ScanSigns, element_scans
from emfm.settings import load_params
from small_fields import simulated

KNOWN, UNSEEN = 300, 120
PARAMS = Path(__file__).parents[3] / "params.yaml"


@cache
def planes():
    return load_params(PARAMS).data.geometry()


@cache
def right_scans(count, seed):
    return complex_scans(simulated("elements", count, planes(), seed).x)


@cache
def signs():
    found = ScanSigns(planes())
    found.find()
    return found


@cache
def calibrated():
    odd, known = Oddness(), right_scans(KNOWN, 0)
    wrong = [signs_of(signs(), scans) for scans in wrong_scans(known, planes())]
    odd.calibrate(signs_of(signs(), known), wrong, signs_of(signs(), right_scans(UNSEEN, 1)))
    return odd


def warned_of(scans):
    return float((calibrated()(signs_of(signs(), scans)) > 1).float().mean())


def test_hardly_any_right_scan_is_warned_of():
    assert warned_of(right_scans(UNSEEN, 2)) <= 0.05


@pytest.mark.parametrize("kind", ["exchanged", "missing"])
def test_scans_with_a_component_in_the_wrong_place_or_missing_are_warned_of(kind):
    wrong = wrong_scans(right_scans(UNSEEN, 2), planes())[KINDS.index(kind)]
    assert warned_of(wrong) >= 0.8


def cable(angle):
    """The scan of a current of 60 mm, 0.5 mm below the axis."""
    along = np.array([np.cos(angle), np.sin(angle), 0])
    places = 1e-3 * (np.linspace(-30, 30, 121)[:, None] * along + [0.3, -0.4, -0.5])
    scans = np.einsum("m,pmcn->cn", along, element_scans(planes(), places)[:, :3])
    return scans.reshape(2, *planes().source.shape)


def test_a_cable_that_passes_below_the_scan_is_warned_of():
    assert warned_of(np.array([cable(angle) for angle in np.linspace(0, np.pi, 20)])) >= 0.8


def test_wrong_scans_are_the_same_for_the_same_ones():
    for one, again in zip(*(wrong_scans(right_scans(UNSEEN, 2), planes()) for _ in range(2)), strict=True):
        np.testing.assert_array_equal(one, again)


def test_wrong_scans_leave_the_right_ones_alone():
    scans = right_scans(UNSEEN, 2)
    before = scans.copy()
    wrong_scans(scans, planes())
    np.testing.assert_array_equal(scans, before)


def test_before_calibration_nothing_is_odd():
    assert not Oddness()(torch.randn(5, len(SIGNS))).any()
