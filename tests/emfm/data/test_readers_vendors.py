"""Reading near fields of FEKO and HFSS from files made after the formats' descriptions, without the readers."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emfm.data.field_files import read_source_h
from emfm.data.readers import READERS, find_reader
from emfm.data.sample import DataError
from emfm.physics import Geometry, Grid

EXAMPLES = Path(__file__).parents[2] / "data"
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
        ("source.hfe", '#               "X"', "#               X", "line 18: .*unknown column|lacks the column 'X'"),
        ("source_H.fld", "<Hx,Hy,Hz>", "<Ex,Ey,Ez>", "line 2: declares the quantity '<Ex,Ey,Ez>', not '<Hx,Hy,Hz>'"),
        ("source_H.fld", "Complex Vector", "Vector", "line 2: declares 'Vector data', not 'Complex Vector data'"),
        ("source_H.fld", "Complex Vector", "Scalar", "line 2: declares 'Scalar data'"),
        ("source_H.fld", "X, Y, Z", "R, Phi, Z", "line 2: must be 'X, Y, Z, Complex Vector data"),
        ("source_H.fld", "Grid Output", "Output", r"line 1: must be 'Grid Output Min: \[...\]"),
        ("source_H.fld", "Min: [-1mm", "Min: [-1", r"line 1: '\[-1 -1mm 1mm\]' is not three lengths with units"),
        ("source_H.fld", "1mm", "1m", "the points do not span the grid that line 1 declares"),
        ("source_H.fld", "0mm]", '0mm] Unit: "ell"', "line 1: the unit 'ell' is not known"),
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
