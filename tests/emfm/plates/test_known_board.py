"""Over a known board the field is that of the currents on it where these are well known, and the model's else."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from emfm.plates.known_board import fields_over_board
from small_report import GEOMETRY, board_field

SCANS = np.ones((1, 4, *GEOMETRY.source.shape), np.float32)


class StandInModel:
    """A model that predicts twice the field of `board_field`, with the errors given."""

    def __init__(self, expected, distance=0.5, calibrated=True):
        self.facts = SimpleNamespace(calibrated=calibrated)
        self._said = np.array([expected]), 2 * np.array([expected]), np.array([distance])

    def predict_with_trust(self, scans):
        """The same, whatever the scan."""
        return 2 * board_field().channels[None], *self._said


def found_by(model, field):
    (found,) = fields_over_board(model, SimpleNamespace(find=lambda scan: field), SCANS)
    return found


@pytest.mark.parametrize(("expected", "misfit"), [(0.19, 0.05), (0.1, 0.19), (0.02, 0.0)])
def test_currents_that_are_well_known_give_the_field_and_its_errors(expected, misfit):
    field = replace(board_field(misfit), expected_rel_l2=(expected, 0.1), bound_rel_l2=(0.5, 0.3))
    found = found_by(StandInModel((0.01, 0.01)), field)
    assert found.is_of_board
    np.testing.assert_array_equal(found.channels, field.channels)
    assert (tuple(found.expected_rel_l2), tuple(found.bound_rel_l2)) == ((expected, 0.1), (0.5, 0.3))
    assert found.distance == 0


@pytest.mark.parametrize(("expected", "misfit"), [(0.3, 0.05), (0.1, 0.25)])
def test_where_they_are_not_the_field_and_its_errors_are_the_models(expected, misfit):
    field = replace(board_field(misfit), expected_rel_l2=(expected, 0.1))
    found = found_by(StandInModel((0.2, 0.15)), field)
    assert not found.is_of_board
    assert found.currents is field
    np.testing.assert_array_equal(found.channels, 2 * field.channels)
    assert (tuple(found.expected_rel_l2), tuple(found.bound_rel_l2)) == ((0.2, 0.15), (0.4, 0.3))
    assert found.distance == 0.5


@pytest.mark.parametrize("model", [StandInModel((np.nan, np.nan), 1.2), StandInModel((0.1, 0.1), calibrated=False)])
def test_a_model_that_says_nothing_of_its_error_gives_no_field(model):
    field = replace(board_field(), expected_rel_l2=(0.8, 0.7))
    found = found_by(model, field)
    assert found.is_of_board
    assert tuple(found.expected_rel_l2) == (0.8, 0.7)
    np.testing.assert_array_equal(found.channels, field.channels)
