"""Reading near fields of FEKO and HFSS from files made after the formats' descriptions, without the readers."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emfm.acquire.readers import READERS, find_reader
from emfm.core.errors import DataError
from emfm.core.grid import Geometry, Grid
from emfm.use.field_files import read_source_h

EXAMPLES = Path(__file__).parents[3] / "data"
CASES = EXAMPLES / "cases"
DEFAULT = Grid(-5e-3, -5e-3, 1e-3, 1e-3, 11, 11, 1e-3)
GEOMETRY = Geometry(5e9, Grid(-1e-3, -1e-3, 2e-3, 2e-3, 2, 2, 1e-3), Grid(-2e-3, -2e-3, 4e-3, 4e-3, 2, 2, 5e-3))
POINTS = np.array([[10, 20], [30, 40]])
"""What identifies a point ``[y, x]`` in the files; channel c of it is ``point + 1 + c``, H in mA/m."""

SOURCE_H = np.array([POINTS + 1 + channel for channel in range(4)]) * 1e-3
TARGET = np.concatenate([np.array([POINTS + 1 + channel for channel in range(6)]) * unit for unit in (1, 1e-3)])

FILES = {"feko": ("source.hfe", "target.efe", "target.hfe"), "hfss": ("source_H.fld", "target_E.fld", "target_H.fld")}
READER = {"feko": "feko", "hfss": "hfss_fld"}


def read(solver, root, geometry=GEOMETRY):
    return READERS.get(READER[solver]).build().read(root, "board_1", geometry)


@pytest.fixture(params=["feko", "hfss"])
def solver(request):
    return request.param


@pytest.fixture
def copied(tmp_path):
    """Makes a copy of a solver's example whose files may be changed."""

    def copy(solver):
        shutil.copytree(EXAMPLES / solver, tmp_path / solver)
        return tmp_path / solver

    return copy


def change(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_each_value_lands_in_its_channel_and_at_its_point(solver):
    source_h, target = read(solver, EXAMPLES / solver)
    np.testing.assert_array_equal(source_h, SOURCE_H.astype(np.float32))
    np.testing.assert_array_equal(target, TARGET.astype(np.float32))


def test_the_reader_is_found_by_the_files(solver):
    reader = find_reader("auto", EXAMPLES / solver)
    assert type(reader) is type(READERS.get(READER[solver]).build())
    assert reader.cases(EXAMPLES / solver) == ["board_1"]


def test_source_h_is_an_input_of_inference(solver):
    path = EXAMPLES / solver / "board_1" / FILES[solver][0]
    np.testing.assert_array_equal(read_source_h(path, GEOMETRY.source, 5e9), SOURCE_H.astype(np.float32))


def test_of_several_frequencies_the_one_asked_for_is_taken():
    half = Geometry(2.5e9, GEOMETRY.source, GEOMETRY.target)
    source_h, target = read("feko", EXAMPLES / "feko", half)
    np.testing.assert_array_equal(source_h, -SOURCE_H.astype(np.float32))
    np.testing.assert_array_equal(target, -TARGET.astype(np.float32))


def test_a_frequency_that_the_file_does_not_have_is_refused():
    other = Geometry(4e9, GEOMETRY.source, GEOMETRY.target)
    with pytest.raises(DataError, match=r"source.hfe: has no field at 4e\+09 Hz \(it has 2.5e\+09, 5e\+09\); .*mend"):
        read("feko", EXAMPLES / "feko", other)


def test_another_plane_is_refused_with_the_point(solver):
    moved = Geometry(5e9, GEOMETRY.source, Grid(-2e-3, -2e-3, 4e-3, 4e-3, 2, 2, 6e-3))
    with pytest.raises(DataError, match=r"line \d+: the point .* z = 5 mm is not on the expected plane, .* z = 6 mm"):
        read(solver, EXAMPLES / solver, moved)


def test_a_larger_plane_is_refused_with_what_is_missing(solver):
    larger = Geometry(5e9, GEOMETRY.source, Grid(-2e-3, -2e-3, 4e-3, 4e-3, 3, 2, 5e-3))
    with pytest.raises(DataError, match=r"has no line for 2 of the 6 points"):
        read(solver, EXAMPLES / solver, larger)


@pytest.mark.parametrize(
    ("name", "old", "new", "sentence"),
    [
        ("target.efe", "Electric Field Values", "Magnetic Field Values", "Result Type is 'Magnetic Field Values'"),
        ("target.hfe", "Magnetic Field Values", "Magnetic Vector Potential", "Result Type is .*export the file of H"),
        ("source.hfe", "System: Cartesian", "System: Spherical", "Coordinate System is 'Spherical', not 'Cartesian'"),
        ("source.hfe", "#Result Type", "#Result Units: dBuA/m\n#Result Type", "Result Units is 'dBuA/m', not 'A/m'"),
        ("source.hfe", "#Result Type", "#Spatial Units: mm\n#Result Type", "Spatial Units is 'mm', not 'm'"),
        ("source.hfe", "#Result Type", "#Origin: (0, 0, 0.001)\n#Result Type", "Origin is .* in the global axes"),
        ("source.hfe", "#Result Type", "#U-Vector: x\n#Result Type", "U-Vector is 'x'"),
        ("source.hfe", '"Im(Hy)"', '"Im(Hz)"', r"lacks the column 'Im\(Hy\)'"),
        ("source.hfe", "#No. of X Samples: 2", "#No. of X Samples: 3", "has 4 points, but its header says 6"),
        ("source.hfe", "#No. of X Samples: 2\n", "", "a block has no line '#No. of X Samples: ...'"),
        ("source.hfe", "#Frequency:   5.0", "#Frequency:   five5.0", "'#Frequency: five5.0.*' is not a number"),
        ("source.hfe", "#Frequency:   2.5", "#Frequency:   5.0", "has 2 near-field requests at 5e"),
        ("source.hfe", "4.40000000E-02", "NaN", "is not finite; solve or export the case again"),
        ("source.hfe", '#               "X"', "#               X", "line 31: lacks the column 'X'; found Y, Z, Re"),
        ("source.hfe", '"Re(Hx)"', '"Re(Ex)"', r"line 31: lacks the column 'Re\(Hx\)'; found X, Y, Z, Re\(Ex\)"),
        ("source_H.fld", "<Hx,Hy,Hz>", "<Ex,Ey,Ez>", "line 2: declares the quantity '<Ex,Ey,Ez>', not '<Hx,Hy,Hz>'"),
        ("source_H.fld", "Complex Vector", "Vector", "line 2: declares 'Vector data', not 'Complex Vector data'"),
        ("source_H.fld", "Complex Vector", "Scalar", "line 2: declares 'Scalar data'"),
        ("source_H.fld", "X, Y, Z", "R, Phi, Z", "line 2: must be 'X, Y, Z, Complex Vector data"),
        ("source_H.fld", "Grid Output", "Output", r"line 1: must be 'Grid Output Min: \[...\]"),
        ("source_H.fld", "Min: [-1mm", "Min: [-1", r"line 1: '\[-1 -1mm 1mm\]' is not three lengths with units"),
        ("source_H.fld", "1mm", "1m", "the points do not span the grid that line 1 declares"),
        ("source_H.fld", "0mm]", '0mm] Unit: "ell"', "line 1: the unit 'ell' is not known; export in one of: m, meter"),
        (
            "source_H.fld",
            "0mm]",
            "0ell]",
            r"line 1: '\[2mm 2mm 0ell\]' is not three lengths with units \(known: m, met",
        ),
        ("source_H.fld", "X, Y, Z, Complex", "Complex", "holds no points; export it again with 'Include points in out"),
        ("source_H.fld", "4.1000000000000002e-02", "Nan", "line 6, column Hx_re: 'Nan' is not finite"),
        ("source_H.fld", "4.1000000000000002e-02", "", "line 6.* has 8 numbers|line 6: has 8 numbers"),
    ],
)
def test_a_defect_is_refused_where_it_is(copied, name, old, new, sentence):
    solver = "hfss" if name.endswith(".fld") else "feko"
    root = copied(solver)
    change(root / "board_1" / name, old, new)
    with pytest.raises(DataError, match=rf"{name}.*({sentence})"):
        read(solver, root)


def test_comments_and_blank_lines_may_stand_anywhere(copied):
    root = copied("feko")
    path = root / "board_1" / "source.hfe"
    path.write_text("".join(f"{line}** a remark\n\n" for line in path.read_text().splitlines(keepends=True)))
    np.testing.assert_array_equal(read("feko", root)[0], SOURCE_H.astype(np.float32))


def test_numbers_without_a_header_are_refused(copied):
    root = copied("feko")
    (root / "board_1" / "source.hfe").write_text("1 2 3\n")
    with pytest.raises(DataError, match=r"source.hfe: line 1: numbers without names of columns before"):
        read("feko", root)


def test_a_line_without_end_is_not_read_into_memory(copied):
    root = copied("feko")
    (root / "board_1" / "source.hfe").write_bytes(b"#" + b" " * 10_000_000)
    with pytest.raises(DataError, match=r"source.hfe: line 1: is longer than any line of such a file"):
        read("feko", root)


def test_a_volume_is_refused_as_more_than_a_plane(copied):
    root = copied("feko")
    path = root / "board_1" / "target.efe"
    path.write_text(path.read_text().rstrip("\n") + "\n" + " 1 1 1 1 1 1 1 1 1\n" * 100)
    with pytest.raises(DataError, match=r"target.efe: .*has more points than the plane; export that plane alone"):
        read("feko", root)


def test_points_may_come_in_the_unit_that_the_header_declares(copied):
    root = copied("hfss")
    path = root / "board_1" / "source_H.fld"
    first, second, *points = path.read_text().splitlines()
    rows = [line.split() for line in points]
    in_mm = [" ".join([*(str(1e3 * float(value)) for value in row[:3]), *row[3:]]) for row in rows]
    path.write_text("\n".join([f'{first} Unit: "mm"', second, *in_mm]) + "\n")
    np.testing.assert_array_equal(read("hfss", root)[0], SOURCE_H.astype(np.float32))


AEDT_LENGTHS = {
    **{"fm": 1e-15, "pm": 1e-12, "nm": 1e-9, "um": 1e-6, "mm": 1e-3, "cm": 1e-2, "dm": 0.1, "meter": 1, "km": 1e3},
    **{"uin": 25.4e-9, "mil": 25.4e-6, "in": 25.4e-3, "ft": 0.3048, "yd": 0.9144, "mile": 1609.344},
}


@pytest.mark.parametrize("unit", AEDT_LENGTHS)
def test_every_unit_of_aedt_is_known_in_the_grid_and_for_the_points(copied, unit):
    root = copied("hfss")
    path = root / "board_1" / "source_H.fld"
    _, second, *points = path.read_text().splitlines()

    def lengths(*millimetres):
        return " ".join(f"{value * 1e-3 / AEDT_LENGTHS[unit]!r}{unit}" for value in millimetres)

    first = f"Grid Output Min: [{lengths(-1, -1, 1)}] Max: [{lengths(1, 1, 1)}] Grid Size: [{lengths(2, 2, 0)}] "
    path.write_text("\n".join([first, second, *points]) + "\n")
    np.testing.assert_array_equal(read("hfss", root)[0], SOURCE_H.astype(np.float32))
    rows = [line.split() for line in points]
    in_unit = [" ".join([*(repr(float(cell) / AEDT_LENGTHS[unit]) for cell in row[:3]), *row[3:]]) for row in rows]
    path.write_text("\n".join([f'{first}Unit: "{unit}"', second, *in_unit]) + "\n")
    np.testing.assert_array_equal(read("hfss", root)[0], SOURCE_H.astype(np.float32))


def test_an_export_without_points_says_what_to_tick():
    with pytest.raises(DataError, match=r"scan.fld: holds no points; export it again with 'Include points in output'"):
        read_source_h(CASES / "hfss_without_points" / "scan.fld", DEFAULT, 5e9)


def test_names_of_another_field_are_refused_at_their_line():
    sentence = r"column_names_of_e.hfe: line 16: lacks the column 'Re\(Hx\)'; found X, Y, Z, Re\(Ex\), Im"
    with pytest.raises(DataError, match=sentence):
        read_source_h(CASES / "feko_messages" / "column_names_of_e.hfe", DEFAULT, 5e9)


@pytest.mark.parametrize(
    "vectors",
    [
        "#Origin: (0.0, 0.0, 0.0)\n#U-Vector: (1.0, 0.0, 0.0)\n#V-Vector: (0.0, 1.0, 0.0)",
        "#U-Vector: (10.0, 0.0, 0.0)\n#V-Vector: (0.0, 10.0, 0.0)",
        "#Origin: (0, 1.2E-017, -0.0)\n#U-Vector: (1, 1.2E-017, 0)\n#V-Vector: (-6.1E-17, 1, 0)",
        "#U-Vector: (0.01, 0, 0)\n#V-Vector: 0 2.5E-3 1E-12",
    ],
)
def test_the_global_axes_may_be_given_by_any_point_on_them(copied, vectors):
    root = copied("feko")
    change(root / "board_1" / "source.hfe", "#Result Type", f"{vectors}\n#Result Type")
    np.testing.assert_array_equal(read("feko", root)[0], SOURCE_H.astype(np.float32))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("U-Vector", "(-1, 0, 0)"),
        ("U-Vector", "(1, 0.001, 0)"),
        ("U-Vector", "(0, 0, 0)"),
        ("U-Vector", "(1, 0)"),
        ("U-Vector", "(nan, 0, 0)"),
        ("U-Vector", "(inf, 0, 0)"),
        ("V-Vector", "(1, 0, 0)"),
        ("V-Vector", "(0, 0, 5)"),
        ("Origin", "(0, 0, 1E-4)"),
        ("Origin", "(nan, 0, 0)"),
    ],
)
def test_a_plane_that_is_moved_or_turned_is_refused(copied, key, value):
    root = copied("feko")
    change(root / "board_1" / "source.hfe", "#Result Type", f"#{key}: {value}\n#Result Type")
    with pytest.raises(DataError, match=f"{key} is .*request the near field in the global axes"):
        read("feko", root)


def with_decimal_commas(text):
    lines = text.split("\n")
    return "\n".join(line if line[:1] in "#*GX" else line.replace(".", ",") for line in lines)


ENCODINGS = {
    "a mark": lambda text: b"\xef\xbb\xbf" + text.encode(),
    "UTF-16": lambda text: text.encode("utf-16"),
    "UTF-16 without a mark": lambda text: text.encode("utf-16-be"),
    "Windows": lambda text: text.replace("\n", "\r\n").encode(),
    "a mark and Windows": lambda text: b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode(),
    "old Mac": lambda text: text.replace("\n", "\r").encode(),
    "a mark and old Mac": lambda text: b"\xef\xbb\xbf" + text.replace("\n", "\r").encode(),
    "UTF-16 and old Mac": lambda text: text.replace("\n", "\r").encode("utf-16"),
    "decimal commas": lambda text: with_decimal_commas(text).encode(),
    "blank lines": lambda text: text.replace("\n", "\n\n").encode(),
}


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_files_that_passed_through_an_editor_are_read(copied, solver, encoding):
    root = copied(solver)
    for name in FILES[solver]:
        path = root / "board_1" / name
        path.write_bytes(ENCODINGS[encoding](path.read_text()))
    source_h, target = read(solver, root)
    np.testing.assert_array_equal(source_h, SOURCE_H.astype(np.float32))
    np.testing.assert_array_equal(target, TARGET.astype(np.float32))


def test_a_damaged_encoding_is_refused(copied, solver):
    root = copied(solver)
    path = root / "board_1" / FILES[solver][0]
    path.write_bytes(path.read_text().encode("utf-16")[:-1])
    with pytest.raises(DataError, match=rf"{FILES[solver][0]}: begins as UTF-16 text, but goes on otherwise"):
        read(solver, root)


def test_a_component_that_nothing_needs_may_be_nan(copied):
    root = copied("hfss")
    change(root / "board_1" / "source_H.fld", "4.5999999999999999e-02", "Nan")
    np.testing.assert_array_equal(read("hfss", root)[0], SOURCE_H.astype(np.float32))


@pytest.mark.parametrize(
    "statement",
    [
        "Freq='5GHz'",
        "Freq='5000MHz' Phase='0deg'",
        "Frequency: 5 GHz",
        'Freq="5.0e9Hz"',
        "frequency_hz = 5e9",
        "Freq=5",
    ],
)
@pytest.mark.parametrize("place", ["above", "behind", "below"])
def test_a_frequency_in_the_header_is_compared(copied, statement, place):
    root = copied("hfss")
    path = root / "board_1" / "source_H.fld"
    first, *rest = path.read_text().splitlines()
    header = {"above": [statement, first], "behind": [f"{first} {statement}"], "below": [first, statement]}[place]
    path.write_text("\n".join([*header, *rest]) + "\n")
    np.testing.assert_array_equal(read("hfss", root)[0], SOURCE_H.astype(np.float32))
    other = Geometry(2.4e9, GEOMETRY.source, GEOMETRY.target)
    with pytest.raises(
        DataError, match=r"source_H.fld: has no field at 2.4e\+09 Hz \('[Ff]req.*5.*mend data.frequency_hz"
    ):
        read("hfss", root, other)


@settings(deadline=None, max_examples=60)
@given(solver=st.sampled_from(sorted(FILES)), which=st.integers(0, 2), share=st.floats(0, 1, exclude_max=True))
def test_a_file_cut_off_anywhere_is_refused_or_read_whole(tmp_path_factory, solver, which, share):
    root = tmp_path_factory.mktemp("cut") / solver
    shutil.copytree(EXAMPLES / solver, root)
    path = root / "board_1" / FILES[solver][which]
    content = path.read_bytes()
    kept = content[: int(share * len(content))]
    path.write_bytes(kept)
    try:
        source_h, target = read(solver, root)
    except DataError:
        return
    assert kept.strip() == content.strip()
    np.testing.assert_array_equal(source_h, SOURCE_H.astype(np.float32))
    np.testing.assert_array_equal(target, TARGET.astype(np.float32))


@settings(deadline=None, max_examples=100)
@given(
    solver=st.sampled_from(sorted(FILES)),
    which=st.integers(0, 2),
    place=st.floats(0, 1, exclude_max=True),
    junk=st.binary(min_size=1, max_size=6),
)
def test_damage_is_refused_or_leaves_a_field_of_finite_numbers(tmp_path_factory, solver, which, place, junk):
    root = tmp_path_factory.mktemp("damaged") / solver
    shutil.copytree(EXAMPLES / solver, root)
    path = root / "board_1" / FILES[solver][which]
    content = path.read_bytes()
    start = int(place * len(content))
    path.write_bytes(content[:start] + junk + content[start + len(junk) :])
    try:
        fields = read(solver, root)
    except DataError:
        return
    assert all(np.isfinite(field).all() for field in fields)
