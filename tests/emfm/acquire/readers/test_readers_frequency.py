"""Files that state a frequency are held to the one that is asked for."""

import numpy as np
import pytest

from case_files import GEOMETRY, SOURCE, csv_text, random_case, solver_text, write_csv_case, write_npz_case
from emfm.acquire.import_cases import open_import
from emfm.acquire.readers.frequency import frequency_units
from emfm.core.errors import DataError
from emfm.use.field_files import read_source_h

GRID = GEOMETRY.source
SOURCE_H, TARGET = random_case(0)


@pytest.mark.parametrize(
    ("name", "units"),
    [
        ("frequency_hz", (1.0,)),
        ("Freq_GHz", (1e9,)),
        ("f [MHz]", (1e6,)),
        ("f_hz", (1.0,)),
        ("frequency (kHz)", (1e3,)),
        ("frequency", (1.0, 1e3, 1e6, 1e9, 1e12)),
        ("f", None),
        ("x", None),
        ("frequency_index", None),
        ("field_hz", None),
    ],
)
def test_names_of_frequencies(name, units):
    assert frequency_units(name) == units


@pytest.mark.parametrize(
    ("key", "stated"),
    [
        ("frequency_hz", np.float64(5e9)),
        ("frequency_hz", np.array([5_000_000_000])),
        ("frequency_hz", np.float32(5e9)),
        ("freq_ghz", np.float64(5)),
        ("frequency", np.int64(5000)),
    ],
)
def test_the_frequency_of_an_npz_file_may_stand_in_it(tmp_path, key, stated):
    np.savez(tmp_path / "a.npz", x=SOURCE_H, y=TARGET, **{key: stated})
    source = open_import([tmp_path], "auto", GEOMETRY)
    np.testing.assert_array_equal(source.sample(0).target, TARGET)
    np.savez(tmp_path / "scan.npz", scan=SOURCE_H, **{key: stated})
    np.testing.assert_array_equal(read_source_h(tmp_path / "scan.npz", GRID, 5e9), SOURCE_H)


@pytest.mark.parametrize(
    ("key", "stated", "sentence"),
    [
        (
            "frequency_hz",
            2.4e9,
            r"has no field at 5e\+09 Hz \(its array 'frequency_hz' says 2.4e\+09 Hz\); solve or exp",
        ),
        ("freq_ghz", 2.4, r"\(its array 'freq_ghz' says 2.4e\+09 Hz\)"),
        ("frequency", 2.4, r"\(its array 'frequency' says 2.4\); .*mend data.frequency_hz; .* a model of the scan's"),
        ("frequency_hz", np.nan, r"says nan Hz"),
        ("frequency_hz", [2e9, 5e9], r"array frequency_hz: must be one number, the frequency; found float64 .* \(2,\)"),
        ("frequency_hz", "5 GHz", r"array frequency_hz: must be one number, the frequency; found <U5"),
        ("frequency_hz", np.array(5e9, object), r"array frequency_hz: must be one number, the frequency; found object"),
    ],
)
def test_another_frequency_in_an_npz_file_is_refused_by_import_and_inference(tmp_path, key, stated, sentence):
    np.savez(tmp_path / "a.npz", x=SOURCE_H, y=TARGET, **{key: stated})
    with pytest.raises(DataError, match=f"a.npz: .*{sentence}"):
        open_import([tmp_path], "auto", GEOMETRY).sample(0)
    with pytest.raises(DataError, match=f"a.npz: .*{sentence}"):
        read_source_h(tmp_path / "a.npz", GRID, GEOMETRY.frequency)


def case_with_column(root, name, cells):
    """The only case of ``root``, with one column more in target_E.csv."""
    write_csv_case(root / "a", SOURCE_H, TARGET)
    path = root / "a" / "target_E.csv"
    table = zip(path.read_text().splitlines(), [name, *cells], strict=True)
    path.write_text("".join(f"{line},{cell}\n" for line, cell in table))
    return open_import([root], "auto", GEOMETRY)


@pytest.mark.parametrize(("name", "cell"), [("frequency_hz", "5e9"), ("f [GHz]", "5"), ("freq", "5000")])
def test_a_column_of_the_right_frequency_is_no_obstacle(tmp_path, name, cell):
    np.testing.assert_array_equal(case_with_column(tmp_path / "root", name, [cell] * 20).sample(0).target, TARGET)


@pytest.mark.parametrize(
    ("cells", "sentence"),
    [
        (["2.4e9"] * 20, r"line 2, column frequency_hz says 2.4e\+09 Hz"),
        (["5e9"] * 19 + ["6e9"], r"line 21, column frequency_hz says 6e\+09 Hz"),
    ],
)
def test_a_column_of_another_frequency_is_refused(tmp_path, cells, sentence):
    source = case_with_column(tmp_path / "root", "frequency_hz", cells)
    with pytest.raises(DataError, match=rf"target_E.csv: has no field at 5e\+09 Hz \({sentence}"):
        source.sample(0)


@pytest.mark.parametrize(
    ("name", "text"),
    [("a.csv", csv_text(SOURCE, SOURCE_H, GRID)), ("a.txt", solver_text(SOURCE, SOURCE_H, GRID))],
)
def test_a_remark_above_the_header_that_states_the_frequency_is_compared(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(f"# h-field\n# Frequency: 5 GHz\n{text}", newline="")
    np.testing.assert_array_equal(read_source_h(path, GRID, 5e9), SOURCE_H)
    with pytest.raises(DataError, match=r"has no field at 2.4e\+09 Hz \('Frequency: 5 GHz' says 5e\+09 Hz\)"):
        read_source_h(path, GRID, 2.4e9)


def test_files_without_a_frequency_are_taken_as_they_are(tmp_path):
    write_npz_case(tmp_path / "a.npz", SOURCE_H, TARGET)
    np.testing.assert_array_equal(read_source_h(tmp_path / "a.npz", GRID, 1e9), SOURCE_H)
