"""Reading ASCII exports of solvers: order and units as the header declares them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from case_files import E_FIELD, GEOMETRY, H_FIELD, SOURCE, random_case, solver_text, wanted, write_solver_case
from emfm.acquire.readers.solver_ascii import SolverAscii
from emfm.core.errors import DataError

SOURCE_H, TARGET = random_case(0)
GRID = GEOMETRY.source


@pytest.fixture
def case(tmp_path):
    write_solver_case(tmp_path / "a", SOURCE_H, TARGET)
    return tmp_path / "a"


def edit(path, change):
    """Apply ``change`` to the text of a file."""
    path.write_text(change(path.read_text()))


def test_an_export_is_read_to_the_same_bits(case):
    source_h, target = SolverAscii().read(case.parent, "a", GEOMETRY)
    assert source_h.dtype == target.dtype == np.float32
    np.testing.assert_array_equal(source_h, SOURCE_H)
    np.testing.assert_array_equal(target, TARGET)


def test_the_dashed_line_may_be_absent_and_the_source_may_lack_hz(tmp_path):
    path = tmp_path / "source_H.txt"
    path.write_text(solver_text(SOURCE, SOURCE_H, GRID, dashes=False))
    np.testing.assert_array_equal(SolverAscii().read_plane(path, wanted()), SOURCE_H)


def test_real_parts_may_stand_before_imaginary_parts(case):
    parts_apart = [0, 2, 4, 1, 3, 5]
    names = [H_FIELD[place] for place in parts_apart]
    (case / "target_H.txt").write_text(solver_text(names, TARGET[6:][parts_apart], GEOMETRY.target))
    _, target = SolverAscii().read(case.parent, "a", GEOMETRY)
    np.testing.assert_array_equal(target, TARGET)


@pytest.mark.parametrize(
    ("length", "metres"),
    [("m", 1), ("cm", 1e-2), ("mm", 1e-3), ("um", 1e-6), ("µm", 1e-6), ("nm", 1e-9), ("mil", 25.4e-6), ("in", 25.4e-3)],
)
@pytest.mark.parametrize(
    ("e_unit", "e_factor", "h_unit", "h_factor"),
    [("V/m", 1, "A/m", 1), ("kV/m", 1e3, "mA/m", 1e-3), ("mV/m", 1e-3, "uA/m", 1e-6), ("V/mm", 1e3, "A/cm", 100)],
)
def test_the_units_of_the_header_hold(case, length, metres, e_unit, e_factor, h_unit, h_factor):
    units, factors = (length, e_unit, h_unit), (metres, e_factor, h_factor)
    for name, names, fields in (("E", E_FIELD, TARGET[:6]), ("H", H_FIELD, TARGET[6:])):
        text = solver_text(names, fields, GEOMETRY.target, units, factors)
        (case / f"target_{name}.txt").write_text(text, encoding="utf-8")
    _, target = SolverAscii().read(case.parent, "a", GEOMETRY)
    np.testing.assert_allclose(target, TARGET, rtol=1e-6)


def test_a_micro_sign_in_latin_1_is_understood(tmp_path):
    path = tmp_path / "source_H.txt"
    path.write_bytes(solver_text(SOURCE, SOURCE_H, GRID, ("µm", "", "A/m"), (1e-6, 1, 1)).encode("latin-1"))
    np.testing.assert_array_equal(SolverAscii().read_plane(path, wanted()), SOURCE_H)


def swap_units(text):
    return text.replace("[A/m]", "[V/m]")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (swap_units, r"line 1: the column HxRe has the unit 'V/m'; export it in one of: A/m, kA/m, mA/m"),
        (lambda text: text.replace("x [mm]", "x [V/m]"), "line 1: the column x has the unit 'V/m'; export .*m, cm, mm"),
        (lambda text: text.replace("[mm]", "[furlong]"), "line 1: the column x has the unit 'furlong'"),
        (lambda text: text.replace("[A/m]", "[T]"), "line 1: the column HxRe has the unit 'T'"),
        (lambda text: text.replace(" [A/m]", ""), "line 1: must name columns and units, such as"),
        (lambda text: text.partition("\n")[2], "line 1: must name columns and units, such as"),
        (lambda text: text.replace("HyRe", "HyMag"), "line 1: lacks the column 'HyRe'"),
        (lambda text: text.replace("HxIm", "HxRe"), "line 1: lacks the column 'HxIm'"),
        (lambda text: text.replace("z [mm]", "z [m] "), "line 3: the point .*z = 1000 mm is not on the expected plane"),
        (lambda text: text[: len(text) // 2] + "\n", r"line \d+.*(has \d numbers|is not a number)"),
        (lambda text: text[: len(text) // 2], "does not end with a line break, so it may be cut off"),
        (
            lambda text: text.replace(".", ",", 9),
            "line 3 has the number .* and line .*: comma or point may be",
        ),
        (
            lambda text: "\n".join(line + " 1" if n > 1 else line for n, line in enumerate(text.splitlines())) + "\n",
            "line 3: has 10 numbers, but the header names 9 columns",
        ),
        (lambda text: "\n".join(text.splitlines()[:-1]) + "\n", "has no line for 1 of the 12 points"),
        (
            lambda text: text[:-200] + text[-200:].replace("e", "\ve"),
            r"line \d+, column H.*: '.*x0be.*' is not a number",
        ),
        (lambda text: text + text.splitlines()[-1] + "\n", "lines 14 and 15 give the same point"),
    ],
)
def test_a_defect_is_refused_where_it_is(case, change, sentence):
    edit(case / "source_H.txt", change)
    with pytest.raises(DataError, match=f"a/source_H.txt: {sentence}"):
        SolverAscii().read(case.parent, "a", GEOMETRY)


def test_a_volume_is_refused_as_more_than_a_plane(case):
    edit(case / "target_E.txt", lambda text: text + "".join(text.splitlines(keepends=True)[2:]) * 10)
    with pytest.raises(DataError, match=r"target_E.txt: has .* far more than the plane's 20 points"):
        SolverAscii().read(case.parent, "a", GEOMETRY)


@pytest.fixture(scope="module")
def export(tmp_path_factory):
    path = tmp_path_factory.mktemp("export") / "source_H.txt"
    return path, solver_text(SOURCE, SOURCE_H, GRID).encode()


@settings(deadline=None, max_examples=150)
@given(place=st.floats(0, 1, exclude_max=True), junk=st.binary(min_size=1, max_size=6))
def test_damage_is_refused_or_leaves_a_field_of_finite_numbers(export, place, junk):
    path, content = export
    start = int(place * len(content))
    path.write_bytes(content[:start] + junk + content[start + len(junk) :])
    try:
        damaged = SolverAscii().read_plane(path, wanted())
    except DataError:
        return
    assert np.isfinite(damaged).all()


@settings(deadline=None, max_examples=100)
@given(share=st.floats(0, 1, exclude_max=True))
def test_an_export_cut_off_anywhere_is_refused(export, share):
    path, content = export
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(DataError, match=r"source_H.txt"):
        SolverAscii().read_plane(path, wanted())
