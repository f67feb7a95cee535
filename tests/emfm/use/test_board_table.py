"""A table of boards: which scan lay over which ground plane, and what is no such table."""

from pathlib import Path

import pytest

from emfm.core.errors import DataError
from emfm.plates.ground_plane import Board
from emfm.use.board_table import read_boards

HEAD = "input,ground_plane_x0_mm,ground_plane_y0_mm,ground_plane_x1_mm,ground_plane_y1_mm,ground_plane_z_mm"
INPUTS = [Path("scans/a.csv"), Path("scans/b.csv"), Path("scans/c.csv")]


def read(tmp_path, *lines):
    (tmp_path / "boards.csv").write_text("\n".join(lines) + "\n")
    return read_boards(tmp_path / "boards.csv", INPUTS)


def test_each_input_has_the_board_of_its_line_and_none_without_a_line_or_numbers(tmp_path):
    found = read(tmp_path, f"{HEAD},copper_z_mm,note", "b.csv, -6,-5,6,7,-0.8,0.1,a board", "a.csv,,,,,,,none")
    assert found == {INPUTS[1]: Board((-6.0, 6.0), (-5.0, 7.0), -0.8, 0.1)}


def test_the_height_of_the_copper_may_be_left_out(tmp_path):
    assert read(tmp_path, HEAD, "c.csv,-6,-5,6,7,-0.8") == {INPUTS[2]: Board((-6.0, 6.0), (-5.0, 7.0), -0.8)}


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        (
            ["input,ground_plane_z_mm", "a.csv,1"],
            "has no column ground_plane_x0_mm, .*; it needs input, ",
        ),
        ([HEAD, "d.csv,-6,-5,6,7,-0.8"], "line 2: 'd.csv' is none of the inputs"),
        ([HEAD, "a.csv,-6,-5,6,7,-0.8", "a.csv,-6,-5,6,7,-1"], "line 3: 'a.csv' stands in line 2 already"),
        ([HEAD, "a.csv,-6,-5,six,7,-0.8"], "line 2: ground_plane_x1_mm is 'six'; give a length in mm"),
        ([HEAD, "a.csv,-6,-5,,7,-0.8"], "line 2: has ground_plane_x0_mm, but not ground_plane_x1_mm"),
        ([HEAD, "a.csv,-6,-5,-7,7,-0.8"], "line 2: board: x_mm goes from -6 to -7 mm"),
        ([HEAD, "a.csv,-6,-5,6,7,nan"], "line 2: board: all lengths must be finite numbers in mm"),
        ([HEAD, "a.csv,1,2,3,4,5,6,7,8,9", "b.csv"], "line 2: has more or fewer cells than the header"),
    ],
)
def test_what_is_no_table_of_boards_is_refused_by_its_line(tmp_path, lines, sentence):
    with pytest.raises(DataError, match=sentence):
        read(tmp_path, *lines)


def test_a_table_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DataError, match="boards.csv: cannot be read"):
        read_boards(tmp_path / "boards.csv", INPUTS)
