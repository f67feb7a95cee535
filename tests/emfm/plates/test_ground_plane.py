"""A board is a plate below the scan; what is none is refused in words that say what to give."""

import numpy as np
import pytest
import torch

from emfm.core.errors import DataError
from emfm.core.grid import Grid
from emfm.plates.dressed_cells import DressedCells
from emfm.plates.ground_plane import Board
from emfm.sources.views import ScanView

SCAN = Grid(-5e-3, -5e-3, 1e-3, 1e-3, 11, 11, 1e-3)
TARGET = Grid(-8e-3, -8e-3, 4e-3, 4e-3, 5, 5, 5e-3)


@pytest.mark.parametrize(
    ("x_mm", "z_mm", "told"),
    [
        ((3.0, 3.0), -0.8, r"x_mm goes from 3 to 3 mm; give the lower end first"),
        ((5.0, -5.0), -0.8, r"x_mm goes from 5 to -5 mm"),
        ((-50.0, 50.0), -0.8, r"Cut a larger one down to what lies within 30 mm of the scan's middle"),
        ((-5.0, 5.0), float("nan"), r"all lengths must be finite numbers in mm"),
    ],
)
def test_what_is_no_plate_is_refused(x_mm, z_mm, told):
    with pytest.raises(DataError, match=told):
        Board(x_mm, (-5.0, 5.0), z_mm)


@pytest.mark.parametrize(
    ("board", "told"),
    [
        (Board((-5.0, 5.0), (-5.0, 5.0), 1.0), r"lies at z = 1 mm, the scan at z = 1 mm; give the height of the plate"),
        (
            Board((-5.0, 5.0), (-5.0, 5.0), 0.5),
            r"the copper lies at z = 0 mm, the ground plane at 0\.5 mm.*copper_z_mm",
        ),
        (Board((-5.0, 5.0), (-5.0, 5.0), -0.8, 1.2), r"the copper lies at z = 1\.2 mm.*below the scan"),
        (Board((20.0, 30.0), (-5.0, 5.0), -0.8), r"x 20 to 30, y -5 to 5 mm, lies below no point of the scan"),
    ],
)
def test_a_plate_that_does_not_lie_below_the_scan_is_refused(board, told):
    with pytest.raises(DataError, match=told):
        DressedCells(board, ScanView.of_grid(SCAN, 5e9, torch.device("cpu")), TARGET)


def test_a_plate_lies_below_a_scan_where_one_point_is_above_it():
    board = Board((-5.0, 5.0), (-5.0, 5.0), -0.8)
    assert board.covered(np.array([[20e-3, 0, 0], [4e-3, -5e-3, 0]]))
    assert not board.covered(np.array([[20e-3, 0, 0], [0, -6e-3, 0]]))


def test_corners_are_the_lower_left_and_the_upper_right_one():
    assert Board.of_corners([-5, -4, 6, 7], -0.8) == Board((-5, 6), (-4, 7), -0.8)


def test_the_copper_lies_one_pitch_below_the_scan_where_nothing_else_is_said():
    assert Board((-5, 5), (-5, 5), -0.8).copper_z(SCAN.z, SCAN.pitch_x) == pytest.approx(0)
    assert Board((-5, 5), (-5, 5), -0.8, 0.3).copper_z(SCAN.z, SCAN.pitch_x) == pytest.approx(0.3e-3)
