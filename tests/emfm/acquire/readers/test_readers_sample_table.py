"""samples.csv as other programs write it."""

import logging
from pathlib import Path

import numpy as np
import pytest

from emfm.acquire.readers.sample_table import read_sample_table
from emfm.core.errors import DataError

CASES = Path(__file__).parents[3] / "data" / "cases"
TABLE = "id,family,height_mm,width\nb,f 1,0.8,2\na,f 1,1.6,\nc,g,-1e-3,4.5\n"
PARAMETERS = [[0.8, 2], [1.6, np.nan], [-1e-3, 4.5]]


def read(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_sample_table(path, ["a", "b", "c"])


def test_blanks_around_a_family_do_not_make_another_one():
    path = CASES / "samples_csv_family_blanks" / "root" / "samples.csv"
    table = read_sample_table(path, ["c0000", "c0001", "c0002"])
    assert table.families == ("a", "a", "a")
    assert table.ids == ("c0000", "c0001", "c0002")
    assert table.parameter_names == ("h",)
    np.testing.assert_array_equal(table.parameters, [[1], [2], [3]])


@pytest.mark.parametrize(
    "families",
    [("a", "\u00a0a", "a\t"), ("\u00e9", "e\u0301", " e\u0301 "), ('"a"', '" a"', "a")],
)
def test_families_that_look_the_same_are_the_same(tmp_path, families):
    lines = "".join(f"{case}, {family}\n" for case, family in zip("abc", families, strict=True))
    assert len(set(read(tmp_path / "samples.csv", f"id,family\n{lines}").families)) == 1


SPELLINGS = {
    "plain": TABLE.encode(),
    "a mark": b"\xef\xbb\xbf" + TABLE.encode(),
    "UTF-16": TABLE.encode("utf-16"),
    "UTF-16 without a mark": TABLE.encode("utf-16-le"),
    "Windows": TABLE.replace("\n", "\r\n").encode(),
    "old Mac": TABLE.replace("\n", "\r").encode(),
    "tabs": TABLE.replace(",", "\t").encode(),
    "semicolons": TABLE.replace(",", ";").encode(),
    "semicolons and decimal commas": TABLE.replace(",", ";").replace(".", ",").encode(),
    "Excel": TABLE.replace(",", ";").replace(".", ",").replace("\n", "\r\n").encode("utf-16"),
    "quotes": TABLE.replace("0.8", '"0,8"').replace("1.6", '"1,6"').replace("4.5", '"4,5"').encode(),
    "the mark of a spreadsheet": b"sep=;\n" + TABLE.replace(",", ";").encode(),
    "blanks": TABLE.replace(",", " , ").encode(),
    "separators at the ends": TABLE.replace("\n", ",\n").encode(),
    "blank rows": TABLE.encode() + b",,,\n\n",
    "names in upper case": TABLE.replace("id,family", "ID,Family").encode(),
    "no line end": TABLE.rstrip().encode(),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_what_has_one_meaning_is_read(tmp_path, spelling):
    table = read(tmp_path / "samples.csv", SPELLINGS[spelling])
    assert (table.ids, table.families) == (("b", "a", "c"), ("f 1", "f 1", "g"))
    assert table.parameter_names == ("height_mm", "width")
    np.testing.assert_array_equal(table.parameters, PARAMETERS)


def test_a_column_of_text_is_no_parameter_and_is_said(tmp_path, caplog):
    path = tmp_path / "samples.csv"
    with caplog.at_level(logging.WARNING):
        table = read(path, "id,material,h,note\na,FR4,1,\nb,Rogers 4350,2,\nc,,3,\n")
    assert table.parameter_names == ("h", "note")
    np.testing.assert_array_equal(table.parameters, [[1, np.nan], [2, np.nan], [3, np.nan]])
    assert [record.getMessage() for record in caplog.records] == [
        f"{path}: no parameters, as they hold text: 'material'"
    ]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("id,h\na,1\nb,thick\nc,2\n", "line 3: the parameter 'h' is 'thick'; give a finite number, or leave it empty"),
        ("name;h\na;1\n", r"line 1: has no column 'id'; .*; found name, h \(separated by ';'\)"),
        ("id|h\na|1\n", r"line 1: has no column 'id'; .*; found id\|h"),
        ("id;h,w\na;1\n", "line 1: separates columns both by ',' and by ';'"),
        (
            "id;h\na;1,5\nb;1.5\nc;2\n",
            "the parameter 'h': line 2 has the number '1,5' and line 3 '1.5': comma or point",
        ),
        ("id;h\na;1,500\nb;2\nc;3\n", "the parameter 'h': line 2 has the number '1,500', whose comma may be a decimal"),
        ("sep=;\n\nid;h\na;1\nb;x\nc;2\n", "line 5: the parameter 'h' is 'x'"),
        ("id,h\na,1,5\nb,2\nc,3\n", "line 2: has 3 cells, but the header names 2 columns"),
        ("id,h\na,1\na ,2\nc,3\n", "lines 2 and 3 both have the ID 'a'"),
        ("id,family\na,f\nb, \nc,f\n", "line 3: the family '' is not allowed"),
        (TABLE.encode("utf-16")[:-1], "begins as UTF-16 text, but goes on otherwise"),
        (TABLE.replace("f 1", "f\u00e9").encode("latin-1"), "cannot be read as a CSV table .*; save it as UTF-8 CSV"),
    ],
)
def test_what_is_ambiguous_or_wrong_is_named(tmp_path, content, sentence):
    with pytest.raises(DataError, match=f"samples.csv: {sentence}"):
        read(tmp_path / "samples.csv", content)
