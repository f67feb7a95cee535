"""Reading CSV cases: coordinates decide, and every defect is refused where it is."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from case_files import E_FIELD, GEOMETRY, SOURCE, csv_text, random_case, wanted, write_csv_case
from emfm.acquire.readers.csv_cases import CsvCases
from emfm.core.errors import DataError
from emfm.core.grid import Grid

GRID = GEOMETRY.source


@pytest.fixture
def case(tmp_path):
    source_h, target = random_case(0)
    write_csv_case(tmp_path / "a", source_h, target)
    return tmp_path / "a"


def read_source(path):
    return CsvCases().read_plane(path, wanted())


def edit(path, change):
    """Apply ``change`` to the lines of a file, without their ends."""
    lines = path.read_text().splitlines()
    path.write_text("\n".join(change(lines)) + "\n")


def replace_cell(line, name, text):
    """A change: the cell in column ``name`` of line ``line`` becomes ``text``."""

    def change(lines):
        cells = lines[line - 1].split(",")
        cells[lines[0].split(",").index(name)] = text
        return [*lines[: line - 1], ",".join(cells), *lines[line:]]

    return change


@pytest.mark.parametrize("seed", range(5))
def test_shuffled_rows_and_columns_give_the_same_bits(tmp_path, seed):
    source_h, target = random_case(seed)
    write_csv_case(tmp_path / "a", source_h, target, seed=seed)
    read_h, read_target = CsvCases().read(tmp_path, "a", GEOMETRY)
    assert read_h.dtype == read_target.dtype == np.float32
    np.testing.assert_array_equal(read_h.view(np.uint32), source_h.view(np.uint32))
    np.testing.assert_array_equal(read_target.view(np.uint32), target.view(np.uint32))


def test_each_channel_lands_where_its_coordinates_say(tmp_path):
    x, y = np.meshgrid(GRID.x, GRID.y)
    ramps = np.stack([x, y, x + 1, y + 1]).astype(np.float32)
    path = tmp_path / "source_H.csv"
    path.write_text(csv_text(SOURCE, ramps, GRID, seed=3))
    np.testing.assert_array_equal(read_source(path), ramps)


def test_every_decimal_is_read_as_if_by_python(tmp_path):
    rng = np.random.default_rng(0)
    hard = [
        f"{1 + 2.0**-24:.25e}",
        f"{1 + 3 * 2.0**-24:.40f}",
        "9007199254740993",
        "2.2250738585072011e-38",
        "7e-46",
        "-0",
    ]
    hard += [f"{value:.17g}" for value in rng.normal(size=40)] + [f"{value:.30e}" for value in rng.normal(size=40)]
    path = tmp_path / "source_H.csv"
    for text in hard:
        path.write_text(csv_text(SOURCE, random_case(0)[0], GRID))
        edit(path, replace_cell(2, "Hx_re", text))
        assert read_source(path)[0, 0, 0] == np.float32(float(text))


def test_a_byte_order_mark_and_windows_line_ends_are_no_obstacle(case):
    path = case / "source_H.csv"
    before = read_source(path)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n") + b"\r\n")
    np.testing.assert_array_equal(read_source(path), before)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda lines: [lines[0].replace("Hy_re", "Hz_re"), *lines[1:]], "line 1: lacks the column 'Hy_re'"),
        (lambda lines: [lines[0].replace("Hy_re", "Hx_re"), *lines[1:]], "line 1: lacks the column 'Hy_re'"),
        (
            lambda lines: [f"{line},{'Hx_re' if n == 0 else 0}" for n, line in enumerate(lines)],
            "line 1: has the column 'Hx_re' twice",
        ),
        (lambda lines: [lines[0]], "has no line for 12 of the 12 points"),
        (lambda lines: lines[1:], "line 1: lacks the column 'x'"),
        (
            lambda lines: lines[:5] + lines[6:],
            r"has no line for 1 of the 12 points, the first at x = -1, y = 0, z = 1 mm; export the whole plane",
        ),
        (
            lambda lines: [*lines[:7], "", lines[2], *lines[7:]],
            "lines 3 and 9 give the same point, x = -2, y = 0, z = 1 mm; keep one",
        ),
        (lambda lines: [lines[0], lines[1] + ",7", *lines[2:]], "line 2: has 8 numbers, but the header names 7"),
        (
            lambda lines: [lines[0], *(line + ",7" for line in lines[1:])],
            "line 2: has 8 numbers, but the header names 7 columns",
        ),
        (lambda lines: [*lines[:-1], lines[-1].rpartition(",")[0]], "line 13: has 6 numbers.*cut off"),
        (replace_cell(4, "Hy_im", "abc"), "line 4, column Hy_im: 'abc' is not a number"),
        (replace_cell(4, "Hy_im", ""), "line 4, column Hy_im: '' is not a number"),
        (replace_cell(4, "Hy_im", "1e"), "line 4, column Hy_im: '1e' is not a number"),
        (replace_cell(4, "Hy_im", "1_0"), "line 4, column Hy_im: '1_0' is not a number"),
        (replace_cell(4, "Hy_im", "True"), "line 4, column Hy_im: 'True' is not a number"),
        (replace_cell(4, "Hy_im", '"1.5x"'), "line 4, column Hy_im: '1.5x' is not a number"),
        (replace_cell(4, "Hy_im", "\xb2"), "line 4, column Hy_im: .* is not a number"),
        (replace_cell(4, "Hy_im", "1.5+2j"), "line 4, column Hy_im: '1.5.2j' is not a number"),
        (replace_cell(4, "Hy_im", "nan"), "line 4, column Hy_im: 'nan' is not finite; solve"),
        (replace_cell(4, "Hy_im", "-Inf"), "line 4, column Hy_im: '-Inf' is not finite"),
        (replace_cell(4, "Hy_im", "1e999"), "line 4, column Hy_im: is not finite"),
        (replace_cell(4, "x", "1e999"), "line 4, column x: is not finite"),
        (replace_cell(4, "Hy_im", "1e39"), "line 4, column Hy_im: is too large for float32; check its unit"),
        (replace_cell(4, "z", "1.01"), "line 4: the point x = -2, y = 1, z = 1.01 mm is not on the expected plane"),
        (replace_cell(4, "x", "-2.002"), "line 4: the point x = -2.002, y = 1, z = 1 mm is not on the expected"),
        (replace_cell(4, "x", "-3"), "line 4: the point x = -3, y = 1, z = 1 mm is not on the expected"),
        (replace_cell(4, "y", "2"), "line 4: the point x = -2, y = 2, .*y -1 to 1 mm by 1 mm, z = 1 mm"),
        (replace_cell(4, "x", "1e300"), "line 4: the point .* is not on the expected plane"),
    ],
)
def test_a_defect_is_refused_where_it_is(case, change, sentence):
    edit(case / "source_H.csv", change)
    with pytest.raises(DataError, match=f"a/source_H.csv: {sentence}"):
        CsvCases().read(case.parent, "a", GEOMETRY)


def test_coordinates_in_metres_are_refused_with_a_hint_at_the_unit(case):
    path = case / "source_H.csv"
    edit(
        path,
        lambda lines: [
            lines[0],
            *(",".join(["-0.002", "-0.001", "0.001", *line.split(",")[3:]]) for line in lines[1:]),
        ],
    )
    with pytest.raises(DataError, match=r"z = 0.001 mm is not on the expected plane.*check the unit of x, y and z"):
        read_source(path)


def test_rounded_coordinates_are_taken_for_their_grid_point(case):
    path = case / "source_H.csv"
    before = read_source(path)
    edit(path, replace_cell(4, "x", "-2.0009"))
    edit(path, replace_cell(5, "z", "0.9991"))
    np.testing.assert_array_equal(read_source(path), before)


@pytest.mark.parametrize("name", ["source_H.csv", "target_E.csv", "target_H.csv"])
def test_a_missing_or_empty_file_is_refused(case, name):
    (case / name).write_bytes(b"")
    with pytest.raises(DataError, match=f"a/{name}: is empty; export it again"):
        CsvCases().read(case.parent, "a", GEOMETRY)
    (case / name).unlink()
    with pytest.raises(DataError, match=f"a/{name}: missing; add the file"):
        CsvCases().read(case.parent, "a", GEOMETRY)
    (case / name).mkdir()
    with pytest.raises(DataError, match=f"a/{name}: is not an ordinary file"):
        CsvCases().read(case.parent, "a", GEOMETRY)


def test_a_file_far_larger_than_the_plane_is_not_read(case):
    with (case / "target_E.csv").open("a") as file:
        file.truncate(1 << 40)
    with pytest.raises(DataError, match=r"target_E.csv: has 1099511627776 bytes, far more than .* 20 points"):
        CsvCases().read(case.parent, "a", GEOMETRY)


def test_swapped_files_are_refused(case):
    (case / "target_H.csv").replace(case / "target_E.csv")
    with pytest.raises(DataError, match=r"target_E.csv: line 1: lacks the column 'Ex_re'"):
        CsvCases().read(case.parent, "a", GEOMETRY)


@pytest.mark.parametrize("is_file", [True, False])
def test_a_link_that_leads_out_of_the_root_is_refused(tmp_path, is_file):
    write_csv_case(tmp_path / "elsewhere" / "b", *random_case(1))
    write_csv_case(tmp_path / "root" / "a", *random_case(0))
    link = tmp_path / "root" / ("a/source_H.csv" if is_file else "b")
    link.unlink(missing_ok=True)
    link.symlink_to(tmp_path / "elsewhere/b" / ("source_H.csv" if is_file else ""))
    with pytest.raises(DataError, match=f"{link}: is a link to a place outside of .*/root; put the data"):
        CsvCases().read(tmp_path / "root", "a" if is_file else "b", GEOMETRY)


def test_a_link_within_the_root_and_a_root_that_is_a_link_are_read(tmp_path):
    write_csv_case(tmp_path / "root" / "a", *random_case(0))
    (tmp_path / "root" / "b").symlink_to(tmp_path / "root" / "a")
    (tmp_path / "link").symlink_to(tmp_path / "root")
    source_h, _ = CsvCases().read(tmp_path / "link", "b", GEOMETRY)
    np.testing.assert_array_equal(source_h, random_case(0)[0])


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    path = tmp_path_factory.mktemp("cut") / "source_H.csv"
    path.write_text(csv_text(SOURCE, random_case(0)[0], GRID))
    return path, path.read_bytes(), read_source(path)


@settings(deadline=None, max_examples=150)
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_file_cut_off_anywhere_is_refused(whole, share):
    path, content, _ = whole
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(DataError, match=r"source_H.csv"):
        read_source(path)


@settings(deadline=None, max_examples=150)
@given(place=st.floats(0, 1, exclude_max=True), junk=st.binary(min_size=1, max_size=6))
def test_damage_is_refused_or_leaves_a_field_of_finite_numbers(whole, place, junk):
    path, content, _ = whole
    start = int(place * len(content))
    path.write_bytes(content[:start] + junk + content[start + len(junk) :])
    try:
        damaged = read_source(path)
    except DataError:
        return
    assert damaged.shape == (4, *GRID.shape)
    assert np.isfinite(damaged).all()


def test_any_finite_float32_is_read_back_to_the_same_bits(tmp_path):
    grid = Grid(0.0, 0.0, 1e-3, 1e-3, 40, 50, 1e-3)
    bits = np.random.default_rng(0).integers(0, 2**32, (6, *grid.shape), dtype=np.uint32)
    field = np.nan_to_num(bits.view(np.float32), nan=-0.0, posinf=1e-45, neginf=3.4028235e38)
    (tmp_path / "target_E.csv").write_text(csv_text(E_FIELD, field, grid, seed=1))
    read = CsvCases().read_plane(tmp_path / "target_E.csv", wanted(E_FIELD, grid))
    np.testing.assert_array_equal(read.view(np.uint32), field.view(np.uint32))
