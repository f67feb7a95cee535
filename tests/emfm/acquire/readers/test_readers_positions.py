"""How far a point may lie from its place: a thousandth of the pitch, more for scans, or as a parameter says."""

import numpy as np
import pytest

from case_files import GEOMETRY, SOURCE, csv_text, random_case, solver_text, write_csv_case
from emfm.acquire.import_cases import open_import
from emfm.core.errors import DataError
from emfm.settings import load_params, parse_params
from emfm.use.field_files import read_source_h
from ttt.config import ConfigError, read_yaml

GRID = GEOMETRY.source
SOURCE_H, TARGET = random_case(0)
UM = 1e-6


def moved(text, axis, millimetres):
    """A CSV table whose third point is elsewhere."""
    lines = text.splitlines()
    cells = lines[3].split(",")
    cells[axis] = repr(float(cells[axis]) + millimetres)
    return "\n".join([*lines[:3], ",".join(cells), *lines[4:]]) + "\n"


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("sign", [-1, 1])
def test_a_scan_may_be_as_far_off_as_a_scanner_is(tmp_path, axis, sign):
    path = tmp_path / "a.csv"
    path.write_text(moved(csv_text(SOURCE, SOURCE_H, GRID), axis, sign * 0.01))
    np.testing.assert_array_equal(read_source_h(path, GRID, 5e9), SOURCE_H)
    with pytest.raises(DataError, match=r"a.csv: line 4: the point .* is not on the expected plane"):
        read_source_h(path, GRID, 5e9, 5 * UM)
    path.write_text(moved(csv_text(SOURCE, SOURCE_H, GRID), axis, sign * 0.03))
    with pytest.raises(DataError, match=r"a.csv: line 4: the point .* is not on the expected plane"):
        read_source_h(path, GRID, 5e9)
    np.testing.assert_array_equal(read_source_h(path, GRID, 5e9, 30 * UM), SOURCE_H)


def test_an_export_may_be_as_far_off_as_is_said(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text(solver_text(SOURCE, SOURCE_H, GRID).replace(" -2 ", " -2.04 "))
    with pytest.raises(DataError, match=r"a.txt: line 3: the point x = -2.04, .* is not on the expected plane"):
        read_source_h(path, GRID, 5e9)
    np.testing.assert_array_equal(read_source_h(path, GRID, 5e9, 40 * UM), SOURCE_H)


def test_an_import_is_as_strict_as_is_said(tmp_path):
    write_csv_case(tmp_path / "a", SOURCE_H, TARGET)
    path = tmp_path / "a" / "target_H.csv"
    path.write_text(moved(path.read_text(), 0, 0.01))
    strict, tolerant = (open_import([tmp_path], "auto", GEOMETRY, tolerance) for tolerance in (None, 10 * UM))
    with pytest.raises(DataError, match=r"target_H.csv: line 4: the point .* is not on the expected plane"):
        strict.sample(0)
    np.testing.assert_array_equal(tolerant.sample(0).target, TARGET)
    assert (tolerant.case_keys != strict.case_keys).any()


@pytest.mark.parametrize("tolerance", [0.5e-3, 1.0, 0.0, -1e-6, float("nan")])
def test_a_tolerance_at_which_points_could_be_taken_for_others_is_refused(tmp_path, tolerance):
    (tmp_path / "a.csv").write_text(csv_text(SOURCE, SOURCE_H, GRID))
    with pytest.raises(DataError, match=r"position_tolerance_mm: .* must be above 0 and below half the pitch of 1 mm"):
        read_source_h(tmp_path / "a.csv", GRID, 5e9, tolerance)


def params_with(tolerance, root):
    raw = read_yaml(root / "params.yaml")
    raw["acquire"]["import"]["position_tolerance_mm"] = tolerance
    return parse_params(raw, "params.yaml")


def test_the_tolerance_is_a_parameter(pytestconfig):
    root = pytestconfig.rootpath
    assert load_params(root / "params.yaml").acquire.import_.position_tolerance is None
    assert params_with(0.01, root).acquire.import_.position_tolerance == pytest.approx(10 * UM)


@pytest.mark.parametrize(
    ("tolerance", "sentence"), [(0.5, "0.5 is not below half the pitch of 1 mm"), (0, "found 0 .* greater than 0")]
)
def test_an_impossible_tolerance_is_refused_before_any_work(pytestconfig, tolerance, sentence):
    with pytest.raises(ConfigError, match=rf"acquire.import.position_tolerance_mm.*({sentence})"):
        params_with(tolerance, pytestconfig.rootpath)
