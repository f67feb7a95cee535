"""Reference cases whose ground plane is known: which it is, and what is given of them."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from emfm.core.errors import DataError
from emfm.evaluate.known_boards import board_of, evaluate_with_boards
from emfm.evaluate.reference_cases import ReferenceCases, read_reference_cases
from emfm.plates.ground_plane import Board

BOARDS = Path(__file__).parents[3] / "data/reference/board_cases.npz"
NAMED = {
    "ground_plane_x0_mm": -6.0,
    "ground_plane_y0_mm": -5.0,
    "ground_plane_x1_mm": 6.0,
    "ground_plane_y1_mm": 7.0,
    "ground_plane_z_mm": -0.8,
}


class Doubtful:
    """A model of no field that expects large errors."""

    facts = SimpleNamespace(calibrated=True)

    def predict_with_trust(self, source_h):
        nothing = np.zeros((len(source_h), 12, 51, 51), np.float32)
        return (
            nothing,
            np.full((len(source_h), 2), 0.9),
            np.full((len(source_h), 2), np.nan),
            np.full(len(source_h), 0.5),
        )


def some_of(cases, names):
    places = [cases.ids.index(name) for name in names]
    properties = tuple(cases.properties[place] for place in places)
    return ReferenceCases(cases.geometry, tuple(names), cases.source_h[places], cases.target[places], properties)


def test_a_ground_plane_is_named_by_corners_and_height_and_may_be_by_the_height_of_the_copper():
    assert board_of(NAMED | {"trace_mm": 3.0}) == Board((-6.0, 6.0), (-5.0, 7.0), -0.8)
    assert board_of(NAMED | {"copper_z_mm": 0.1}) == Board((-6.0, 6.0), (-5.0, 7.0), -0.8, 0.1)


def test_the_boards_of_the_project_are_squares_about_the_origin_with_their_copper_at_zero():
    cases = read_reference_cases(BOARDS)
    boards = dict(zip(cases.ids, map(board_of, cases.properties), strict=True))
    assert boards["plane_pair_g8"] == Board((-4.0, 4.0), (-4.0, 4.0), -0.8, 0.0)
    assert [name for name, board in boards.items() if board is None] == ["loop_air"]


@pytest.mark.parametrize("properties", [{}, {"kind": "wire"}, {"ground": False, "board_mm": 0.0, "t_mm": 0.0}])
def test_most_cases_name_none(properties):
    assert board_of(properties) is None


@pytest.mark.parametrize(
    ("properties", "sentence"),
    [
        ({"ground_plane_z_mm": -0.8}, "has ground_plane_z_mm, but not ground_plane_x0_mm, ground_plane_y0_mm"),
        (NAMED | {"ground_plane_z_mm": "low"}, "ground_plane_z_mm is 'low'; give a length in mm"),
        (NAMED | {"ground_plane_x1_mm": -7.0}, "x_mm goes from -6 to -7 mm; give the lower end first"),
    ],
)
def test_what_is_no_ground_plane_is_refused(properties, sentence):
    with pytest.raises(DataError, match=sentence):
        board_of(properties)


def test_a_board_that_does_not_fit_the_scan_is_refused_with_its_set_and_case():
    cases = some_of(read_reference_cases(BOARDS), ["ms_match_g10"])
    above = replace(cases, properties=(NAMED | {"ground_plane_z_mm": 2.0},))
    with pytest.raises(
        DataError, match=r"eval.reference.mine: case ms_match_g10: board: the ground plane lies at z = "
    ):
        evaluate_with_boards(Doubtful(), above, "mine")


def test_with_its_ground_plane_a_board_is_known_to_a_tenth_where_the_model_knows_nothing():
    cases = some_of(read_reference_cases(BOARDS), ["loop_air", "ms_match_g10"])
    metrics, (of_loop, of_board) = evaluate_with_boards(Doubtful(), cases, "boards")
    assert of_loop is None
    assert of_board.is_of_board
    assert of_board.errors.rel_l2_e < 0.1
    assert of_board.errors.rel_l2_e < of_board.bound.rel_l2_e
    assert of_board.expected.rel_l2_h < of_board.bound.rel_l2_h
    assert metrics.rel_l2_e == pytest.approx((1 + of_board.errors.rel_l2_e) / 2)  # the median of both cases


def test_where_no_ground_plane_is_known_nothing_is_said():
    cases = some_of(read_reference_cases(BOARDS), ["loop_air"])
    assert evaluate_with_boards(Doubtful(), cases, "boards") == (None, [None])
