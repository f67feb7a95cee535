"""Tables as other programs spell them: read where they have one meaning, else refused with what to change."""

import csv
import io
import logging
from pathlib import Path

import numpy as np
import pytest

from case_files import GEOMETRY, SOURCE, csv_text, random_case, solver_text, wanted
from emfm.acquire.readers import columns
from emfm.acquire.readers.csv_cases import CsvCases
from emfm.core.errors import DataError
from emfm.core.grid import Grid
from emfm.use.field_files import read_source_h

CASES = Path(__file__).parents[3] / "data" / "cases"
DEFAULT = Grid(-5e-3, -5e-3, 1e-3, 1e-3, 11, 11, 1e-3)
GRID = GEOMETRY.source
SOURCE_H = random_case(0)[0]
PLAIN = csv_text(SOURCE, SOURCE_H, GRID)
MARK = "\ufeff"


def read(path, grid=GRID):
    return read_source_h(path, grid, 5e9)


def rows_of(text):
    return [line.split(",") for line in text.splitlines()]


def joined(rows, separator, end="\n"):
    return "".join(separator.join(row) + end for row in rows)


def with_header(*names):
    """The plain table under other names of its columns."""
    return joined([names, *rows_of(PLAIN)[1:]], ",")


def decimal_commas(text):
    return text.replace(",", ";").replace(".", ",")


def all_quoted(text, delimiter=","):
    stream = io.StringIO()
    csv.writer(stream, delimiter=delimiter, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(rows_of(text))
    return stream.getvalue()


@pytest.fixture(scope="module")
def right():
    """The scan that all cases of the default size hold."""
    lines = (CASES / "csv_source_with_hz" / "scan.csv").read_text().splitlines()[1:]
    table = np.array([[float(cell) for cell in line.split(",")] for line in lines])
    assert (table[:, 0].reshape(11, 11) == np.arange(-5, 6)).all()
    return table[:, 3:7].T.reshape(4, 11, 11).astype(np.float32)


@pytest.mark.parametrize(
    "name",
    [
        "csv_misleading_messages/semicolon_decimal_comma.csv",
        "csv_misleading_messages/units_in_header.csv",
        "csv_misleading_messages/utf16_powershell.csv",
        "csv_source_with_hz/scan.csv",
        "cst_semicolon_export/scan.txt",
        "hfss_meter/grid_in_meter.fld",
        "feko_axis_vectors/u_of_length_10.hfe",
    ],
)
def test_a_scan_that_was_refused_is_read(name, right):
    np.testing.assert_array_max_ulp(read(CASES / name, DEFAULT), right, maxulp=1)


SPELLINGS = {
    "old Mac": PLAIN.replace("\n", "\r"),
    "old Mac with a line feed at the end": PLAIN.replace("\n", "\r") + "\n",
    "Windows": PLAIN.replace("\n", "\r\n"),
    "Windows twice": PLAIN.replace("\n", "\r\r\n"),
    "tabs": PLAIN.replace(",", "\t"),
    "blanks": PLAIN.replace(",", "   "),
    "semicolons": PLAIN.replace(",", ";"),
    "semicolons and decimal commas": decimal_commas(PLAIN),
    "tabs and decimal commas": decimal_commas(PLAIN).replace(";", "\t"),
    "blanks and decimal commas": decimal_commas(PLAIN).replace(";", "  "),
    "quotes": all_quoted(PLAIN),
    "quotes and semicolons": all_quoted(PLAIN, ";"),
    "quotes and decimal commas": all_quoted(PLAIN.replace(".", "@")).replace("@", ","),
    "quotes after blanks": all_quoted(PLAIN).replace(",", ", "),
    "separators at the ends": PLAIN.replace("\n", ",\n"),
    "semicolons at the ends": decimal_commas(PLAIN).replace("\n", ";;\n"),
    "a separator at the end of the header": PLAIN.replace("\n", ",\n", 1),
    "separators at the ends of the numbers": PLAIN.partition("\n")[0] + PLAIN.partition("\n")[2].join(["\n", ""]),
    "blank lines": PLAIN.replace("\n", "\n\n"),
    "blank lines above": "\n\n" + PLAIN,
    "blank rows of a spreadsheet": PLAIN + ",,,,,,\n" * 3,
    "the mark of a spreadsheet": "sep=;\n" + decimal_commas(PLAIN),
    "savetxt": "# " + PLAIN,
    "remarks": "# measured on Monday, x and y\n% by the scanner\n" + PLAIN,
    "a minus sign of typesetting": PLAIN.replace(",-", ",\u2212"),
    "upper case": with_header("X", "Y", "Z", "HX_RE", "HX_IM", "HY_RE", "HY_IM"),
    "lower case": with_header("x", "y", "z", "hx_re", "hx_im", "hy_re", "hy_im"),
    "names of CST": with_header("x", "y", "z", "HxRe", "HxIm", "HyRe", "HyIm"),
    "names of FEKO": with_header("X", "Y", "Z", "Re(Hx)", "Im(Hx)", "Re(Hy)", "Im(Hy)"),
    "long names": with_header("x", "y", "z", "Hx_real", "Hx_imag", "real(Hy)", "imag(Hy)"),
    "units": with_header(
        "x [mm]", "y[mm]", "z (mm)", "Hx_re [A/m]", "Hx_im (A/m)", "Hy_re [a/m]", "Re(Hy) [A/m]"
    ).replace("Re(Hy)", "Hy_im"),
    "units of the coordinates": with_header("x_mm", "Y_mm", "z/mm", *SOURCE),
    "an index": joined([[str(n) if n else "", *row] for n, row in enumerate(rows_of(PLAIN))], ","),
    "an index and tabs": joined([[str(n) if n else "", *row] for n, row in enumerate(rows_of(PLAIN))], "\t"),
}
ENCODINGS = {
    "UTF-8": lambda text: text.encode(),
    "UTF-8 with a mark": lambda text: (MARK + text).encode(),
    "UTF-16": lambda text: text.encode("utf-16"),
    "UTF-16, big end first": lambda text: (MARK + text).encode("utf-16-be"),
    "UTF-16 without a mark": lambda text: text.encode("utf-16-le"),
    "UTF-32": lambda text: text.encode("utf-32"),
}


@pytest.mark.parametrize("encoding", sorted(ENCODINGS))
@pytest.mark.parametrize("spelling", sorted(SPELLINGS))
def test_what_has_one_meaning_is_read_to_the_same_bits(tmp_path, spelling, encoding):
    path = tmp_path / "a.csv"
    path.write_bytes(ENCODINGS[encoding](SPELLINGS[spelling]))
    np.testing.assert_array_equal(read(path).view(np.uint32), SOURCE_H.view(np.uint32))


def scaled(factors):
    """The plain table with its columns divided by ``factors``."""
    names, *rows = rows_of(PLAIN)
    numbers = [[repr(float(cell) / factor) for cell, factor in zip(row, factors, strict=True)] for row in rows]
    return names, numbers


def test_units_behind_the_names_hold_each_for_its_column(tmp_path):
    names, numbers = scaled([1e3, 1e3, 1, 1e-3, 1, 1e-6, 1e3])
    units = ["[m]", "(m)", "", "[mA/m]", "", "[\u00b5A/m]", "[A/mm]"]
    path = tmp_path / "a.csv"
    for encoding in ("utf-8", "latin-1"):
        header = [f"{name} {unit}" for name, unit in zip(names, units, strict=True)]
        path.write_bytes(joined([header, *numbers], ",").encode(encoding))
        np.testing.assert_allclose(read(path), SOURCE_H, rtol=1e-6)


@pytest.mark.parametrize(
    ("names", "unit"),
    [
        (("Hx_abs", "Hx_phase", "Hy_abs", "Hy_phase"), 180 / np.pi),
        (("|Hx|", "phase(Hx)", "HyMag", "HyPhase"), 180 / np.pi),
        (("Amp(Hx)", "Hx_phase_deg", "abs(Hy) [A/m]", "arg(Hy) [\u00b0]"), 180 / np.pi),
        (("hx_magnitude", "Hx_phase [rad]", "hy_amplitude", "Hy_phase_rad"), 1),
    ],
)
def test_amplitude_and_phase_are_read_as_real_and_imaginary_parts(tmp_path, names, unit):
    _, *rows = rows_of(PLAIN)
    numbers = np.array([[float(cell) for cell in row] for row in rows])
    polar = numbers.copy()
    for place in (3, 5):
        phasors = numbers[:, place] + 1j * numbers[:, place + 1]
        polar[:, place], polar[:, place + 1] = np.abs(phasors), unit * np.angle(phasors)
    path = tmp_path / "a.csv"
    cells = [[repr(float(number)) for number in row] for row in polar]
    path.write_text(joined([["x", "y", "z", *names], *cells], ","))
    found, expected = (field[0::2] + 1j * field[1::2] for field in (read(path), SOURCE_H.astype(float)))
    assert (np.abs(found - expected) <= 1e-6 * np.abs(expected)).all()


def test_one_component_may_be_given_by_parts_and_another_by_amplitude(tmp_path, caplog):
    _, *rows = rows_of(PLAIN)
    header = ["x", "y", "z", "Hx_re", "Hx_im", "Hy_abs", "Hy_phase", "Hx_abs"]
    path = tmp_path / "a.csv"
    path.write_text(joined([header, *([*row, "7"] for row in rows)], ","))
    parts = read(path)
    np.testing.assert_array_equal(parts[:2], SOURCE_H[:2])
    amplitude, phase = SOURCE_H[2].astype(float), np.radians(SOURCE_H[3].astype(float))
    np.testing.assert_allclose(parts[2], amplitude * np.cos(phase), atol=1e-6 * np.abs(amplitude).max())
    assert "not used, here and in files like it: 'Hx_abs'" in caplog.text


def test_a_unit_that_is_not_known_is_refused_with_those_that_are(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(PLAIN.replace("Hx_im", "Hx_im [dBuA/m]"))
    with pytest.raises(DataError, match=r"a.csv: line 1: the column Hx_im has the unit 'dBuA/m'; .* one of: A/m, kA/m"):
        read(path)


def with_column(name, cells, separator=","):
    """The plain table with one column more."""
    rows = rows_of(PLAIN)
    return joined([[*row, cell] for row, cell in zip(rows, [name, *cells], strict=True)], separator)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("cells", [["7"] * 12, ["", "a b", "nan", "1e999"] * 3, ["1;2", "3,4", '"', "5"] * 3])
def test_a_column_that_nothing_needs_may_hold_anything(tmp_path, monkeypatch, caplog, separator, cells):
    monkeypatch.setattr(columns, "_SAID", set())
    quoted = [f'"{cell}"' if cell in ("1;2", "3,4") else cell.replace('"', "") for cell in cells]
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text(with_column("note", quoted, separator))
        with caplog.at_level(logging.WARNING):
            np.testing.assert_array_equal(read(tmp_path / name), SOURCE_H)
    assert [record.getMessage() for record in caplog.records] == [
        f"{tmp_path / 'a.csv'}: not used, here and in files like it: 'note'"
    ]


@pytest.mark.parametrize("name", ["Hz_re", "hz_im", "Ez_re", "ExRe", "Re(Hz)"])
def test_other_components_are_left_out_without_a_word(tmp_path, caplog, name):
    (tmp_path / "a.csv").write_text(with_column(name, ["1"] * 12))
    np.testing.assert_array_equal(read(tmp_path / "a.csv"), SOURCE_H)
    assert not caplog.records


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            with_header("a", "b", "c", "d", "e", "f", "g"),
            r"line 1: lacks the column 'x'; found a, b, .* \(separated by ','",
        ),
        (
            PLAIN.replace(",", "|"),
            r"lacks the column 'x'; found x\|y\|z.* in any order; separate them by ',', ';' or tabs",
        ),
        (
            PLAIN.partition("\n")[2],
            "line 1: lacks the column 'x'; found numbers: the file has no line that names the co",
        ),
        (
            with_header("x", "y", "z", "Hx_abs", "Hx_db", "Hy_abs", "Hy_phase"),
            "lacks the column 'Hx_re'; found x, y, z, Hx_abs.*; give real and imaginary part of each component in colum"
            r"ns of their own, or amplitude and phase \(Hx_abs and Hx_phase, degrees\)",
        ),
        (with_header("x", "y", "z", "Hx_re", "HxRe", "Hy_re", "Hy_im"), "line 1: lacks the column 'Hx_im'; found"),
        (with_column("HX_RE", ["1"] * 12), "line 1: has the column 'Hx_re' twice; found"),
        (
            PLAIN.replace("z,Hx_re", "z;Hx_re", 1),
            "line 1: separates columns both by ',' and by ';', found 'x,y,z;Hx_re",
        ),
        (
            PLAIN.partition("\n")[0] + "\n" + decimal_commas(PLAIN).partition("\n")[2],
            "line 2: its numbers are separated by ';', but the names of the columns by ','",
        ),
        (
            PLAIN.partition("\n")[0] + "\n" + PLAIN.partition("\n")[2].replace(",", ";"),
            "line 2: its numbers are separated by ';', but the names of the columns by ','; use one",
        ),
        (
            PLAIN.replace(".", ","),
            r"line 2: has \d+ numbers, but the header names 7 columns; where commas are decimal marks, too, no program",
        ),
        (
            decimal_commas(PLAIN).replace(",", ".", 1),
            r"line 2 has the number .*,.* and line 2 .*: comma or point may be the decimal mark; write decimal points",
        ),
    ],
)
def test_what_is_ambiguous_is_named_and_not_guessed(tmp_path, text, sentence):
    path = tmp_path / "a.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=f"a.csv: .*({sentence})"):
        read(path)


@pytest.mark.parametrize("cell", ["1,234", "-12,345,678"])
def test_commas_that_may_stand_between_thousands_are_named(tmp_path, cell):
    whole = np.arange(48, dtype=np.float32).reshape(4, *GRID.shape)
    text = csv_text(SOURCE, whole, GRID).replace(".0", "").replace(",", ";")
    path = tmp_path / "a.csv"
    path.write_text(text.replace(";47\n", f";{cell}\n"))
    with pytest.raises(DataError, match=f"a.csv: line 13 has the number '{cell}', whose comma may be a decimal one or"):
        read(path)


@pytest.mark.parametrize("cell", ["abc", "nan", "0,5x", "1,2,3", ""])
def test_a_cell_that_is_no_number_is_named_in_any_spelling(tmp_path, cell):
    lines = decimal_commas(PLAIN).splitlines()
    lines[3] = ";".join([*lines[3].split(";")[:-1], cell])
    for text in ("\n".join(lines) + "\n", "\r".join(lines) + "\r"):
        (tmp_path / "a.csv").write_bytes(text.encode("utf-16"))
        with pytest.raises(DataError, match=rf"a.csv: line 4, column Hy_im: '{cell}' is not (a number|finite)"):
            read(tmp_path / "a.csv")


def test_a_cell_with_separators_in_quotes_does_not_make_up_for_a_missing_one(tmp_path):
    lines = PLAIN.splitlines()
    cells = lines[5].split(",")
    lines[5] = ",".join([*cells[:5], f'"{cells[5]},{cells[6]}"'])
    (tmp_path / "a.csv").write_text("\n".join(lines) + "\n")
    with pytest.raises(DataError, match=r"a.csv: line 6: has 6 numbers, but the header names 7 columns"):
        read(tmp_path / "a.csv")


def test_line_numbers_count_what_stands_above_and_between(tmp_path):
    lines = PLAIN.splitlines()
    text = "\n".join(["sep=,", "# a remark", *lines[:4], ",,,,,,", "", lines[2], *lines[4:]]) + "\n"
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(DataError, match=r"a.csv: lines 5 and 9 give the same point"):
        read(tmp_path / "a.csv")


def test_text_that_does_not_go_on_as_it_begins_is_refused(tmp_path):
    whole = PLAIN.encode("utf-16")
    for content, sentence in ((whole[:-1], "begins as UTF-16 text, but goes on"), (whole[:-20], "may be cut off")):
        (tmp_path / "a.csv").write_bytes(content)
        with pytest.raises(DataError, match=f"a.csv: .*{sentence}"):
            read(tmp_path / "a.csv")


def test_a_header_beyond_all_bounds_is_refused(tmp_path):
    (tmp_path / "a.csv").write_text("x" * 5000 + "\n" + PLAIN.partition("\n")[2])
    with pytest.raises(DataError, match=r"a.csv: line 1: is longer than any header"):
        read(tmp_path / "a.csv")


EXPORT = solver_text(SOURCE, SOURCE_H, GRID, dashes=False).replace("\r\n", "\n")
EXPORT_ROWS = [
    ["x [mm]", "y [mm]", "z [mm]", "HxRe [A/m]", "HxIm [A/m]", "HyRe [A/m]", "HyIm [A/m]"],
    *(line.split() for line in EXPORT.splitlines()[1:]),
]
EXPORTS = {
    "semicolons": joined(EXPORT_ROWS, ";"),
    "commas": joined(EXPORT_ROWS, ","),
    "commas and blanks": joined(EXPORT_ROWS, ", "),
    "tabs": joined(EXPORT_ROWS, "\t"),
    "semicolons and decimal commas": joined(EXPORT_ROWS, ";").replace(".", ","),
    "fixed width": EXPORT,
    "fixed width and decimal commas": EXPORT.replace(".", ","),
    "quotes": "".join(";".join(f'"{cell}"' for cell in row) + "\n" for row in EXPORT_ROWS),
    "semicolons at the ends": joined(EXPORT_ROWS, ";", ";\n"),
    "a rule": joined(EXPORT_ROWS[:1], ";") + "-" * 80 + "\n" + joined(EXPORT_ROWS[1:], ";"),
    "blank lines": joined(EXPORT_ROWS, ";", "\n\n"),
    "old Mac": joined(EXPORT_ROWS, ";", "\r"),
    "Windows": joined(EXPORT_ROWS, ";", "\r\n"),
    "lower case": joined([[name.replace("H", "h") for name in EXPORT_ROWS[0]], *EXPORT_ROWS[1:]], ";"),
    "another order": joined([[*row[3:], *row[:3]] for row in EXPORT_ROWS], ";"),
}


@pytest.mark.parametrize("encoding", sorted(ENCODINGS))
@pytest.mark.parametrize("spelling", sorted(EXPORTS))
def test_an_export_of_cst_is_read_whatever_separates_its_columns(tmp_path, spelling, encoding):
    path = tmp_path / "a.txt"
    path.write_bytes(ENCODINGS[encoding](EXPORTS[spelling]))
    np.testing.assert_array_equal(read(path), SOURCE_H)


def test_an_export_of_cst_called_csv_is_read_in_its_units(tmp_path):
    path = tmp_path / "source_H.csv"
    path.write_text(EXPORTS["semicolons"].replace("[mm]", "[m]"))
    with pytest.raises(DataError, match=r"x = -2000, .* is not on the expected plane"):
        CsvCases().read_plane(path, wanted())
    path.write_text(EXPORTS["semicolons"])
    np.testing.assert_array_equal(CsvCases().read_plane(path, wanted()), SOURCE_H)


def test_a_wrong_export_of_cst_says_what_it_found(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text(EXPORTS["semicolons"].replace("HxIm", "HxMag"))
    with pytest.raises(
        DataError, match=r"line 1: lacks the column 'HxIm'; found x \[mm\], .*HxMag .*\(separated by ';'\)"
    ):
        read(path)
