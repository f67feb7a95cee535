"""Over a known board the field is the mean of two, each weighed by what is expected of its error."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from emfm.use.known_board import fields_over_board
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


def test_fields_are_weighed_by_the_inverse_of_their_squared_errors():
    field = board_field(misfit=0.0)  # off by 0.1 and 0.05
    found = found_by(StandInModel((0.2, 0.1)), field)
    assert found.board_share == pytest.approx(0.8)
    np.testing.assert_allclose(found.channels, (0.8 + 0.2 * 2) * field.channels, rtol=1e-5)
    assert found.distance == 0.5


def test_the_better_known_one_decides_and_the_mean_is_expected_to_be_nearer_than_either():
    field = board_field(misfit=0.0)
    assert found_by(StandInModel((10.0, 10.0)), field).board_share > 0.999
    assert found_by(StandInModel((1e-3, 1e-3)), field).board_share < 0.001
    alike = found_by(StandInModel((0.1, 0.05)), field)
    assert alike.board_share == pytest.approx(0.5)
    one_alone = found_by(StandInModel((10.0, 10.0)), field).expected_rel_l2
    assert (alike.expected_rel_l2 < one_alone).all()
    assert (alike.expected_rel_l2 < alike.bound_rel_l2).all()


def test_a_board_that_leaves_much_of_the_scan_counts_for_less():
    model = StandInModel((0.1, 0.05))
    shares = [found_by(model, board_field(misfit=misfit)).board_share for misfit in (0.0, 0.1, 0.5)]
    assert shares == sorted(shares, reverse=True)
    assert shares[-1] < 0.1


@pytest.mark.parametrize("model", [StandInModel((np.nan, np.nan), 1.2), StandInModel((0.1, 0.1), calibrated=False)])
def test_a_model_that_says_nothing_of_its_error_has_no_part_in_it(model):
    field = replace(board_field(), expected_rel_l2=(0.3, 0.2), bound_rel_l2=(0.7, 0.6))
    found = found_by(model, field)
    assert found.board_share == 1
    np.testing.assert_array_equal(found.channels, field.channels)
    assert tuple(found.expected_rel_l2) == (0.3, 0.2)
    assert tuple(found.bound_rel_l2) == (0.7, 0.6)
    assert found.distance == 0
