"""Equivalent dipoles: what they reproduce, and which settings a scan has room for."""

from pathlib import Path

import numpy as np
import pytest

from baseline_samples import FREQUENCY, MM, SMALL, oblique_elements, plane, random_samples, relative_errors, samples
from emfm.core.grid import Geometry
from emfm.model.search.equivalent_dipoles import DipoleSetting, dipole_operator, setting_errors

NEC_CASES = Path(__file__).parents[4] / "data" / "reference" / "nec_cases.npz"


def test_equivalent_dipoles_reproduce_the_dipoles_of_their_own_array():
    geometry = Geometry(FREQUENCY, plane(4, 4, 1), SMALL.target)
    positions = np.array([[2.0, -2.0, -0.5], [-2.0, 0.0, -0.5]]) * MM
    _, electric, magnetic = oblique_elements()
    source, target = samples(geometry, positions, electric, magnetic)
    operator = dipole_operator(geometry, DipoleSetting(depth=1.5, pitch=2.0, margin=0.0, tikhonov=1e-12))
    assert max(relative_errors(operator.apply(source), target)) < 1e-4


def test_equivalent_dipoles_keep_to_the_scan_of_any_shape_and_place():
    geometry = Geometry(FREQUENCY, plane(4, 3, 2, shift=20.0), plane(4, 3, 5, shift=20.0))
    positions, electric, magnetic = oblique_elements()
    positions = positions + np.array([20.0, 20.0, 1.0]) * MM
    source, target = samples(geometry, positions, electric, magnetic)
    assert max(relative_errors(dipole_operator(geometry, DipoleSetting()).apply(source), target)) < 0.25


@pytest.mark.slow
def test_equivalent_dipoles_hold_their_level_on_the_reference_cases():
    with np.load(NEC_CASES, allow_pickle=False) as cases:
        geometry = Geometry(float(cases["frequency"]), plane(5, 5, 1), plane(25, 25, 5))
        prediction = dipole_operator(geometry, DipoleSetting()).apply(cases["source_H"])
        rel_l2_e, rel_l2_h = relative_errors(prediction, cases["target"])
    assert rel_l2_e < 0.2
    assert rel_l2_h < 0.15


@pytest.mark.parametrize("change", [{"depth": 0.0}, {"pitch": -1.0}, {"tikhonov": 0.0}])
def test_impossible_dipole_arrays_are_refused(change):
    with pytest.raises(ValueError, match="depth, pitch and tikhonov of the dipoles must be above 0"):
        dipole_operator(SMALL, DipoleSetting(**change))


def test_a_margin_that_leaves_no_room_for_dipoles_is_refused():
    with pytest.raises(ValueError, match=r"a margin of 2 .* leave no room for dipoles below 5 points; lower"):
        dipole_operator(SMALL, DipoleSetting(margin=2))


def test_settings_without_room_are_left_out_and_none_is_refused():
    batches = [random_samples(SMALL, 3)]
    fits, too_wide = DipoleSetting(), DipoleSetting(margin=2)
    assert list(setting_errors(SMALL, [too_wide, fits], batches)) == [fits]
    with pytest.raises(ValueError, match="no room for any setting of the dipoles: lower their margin"):
        setting_errors(SMALL, [too_wide], batches)
