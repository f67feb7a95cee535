"""Parsers of numbers: what the fast ones take, the one that goes cell by cell reads to the same bits."""

import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from emfm.acquire.readers import fast_numbers
from emfm.acquire.readers.fast_numbers import parse_any_spelling, parse_json
from emfm.acquire.readers.tables import TextTable, parse_carefully, parse_numbers

NAMES = ["x", "Hx_re", "Hx_im"]
COLUMNS = len(NAMES)
SIGNED = [1, 2]
PIECES = (
    *("0", "-0", "-0.0", "1", "-25", "1.5", "-2.5e-3", "1E5", "1e+05", "9e99", "+1", ".5", "1.", "01", "1e999", "nan"),
    *("[1", "1]", "true", "null", '"1"', "1 2", "1_0", "9007199254740993", "18446744073709551617", "", "{}", "\xb2"),
)
ENDS = ("\n", "\r\n", "\r", "\n\n", " \n", "\t\n", "\v\n", "\f\n", ",\n", ";\n")


def lines(separators, cells=COLUMNS):
    piece = st.one_of(st.sampled_from(PIECES), st.floats(allow_nan=False, allow_infinity=False).map(repr))
    row = st.lists(piece, min_size=cells - 1, max_size=cells + 1)
    line = st.tuples(row, st.sampled_from(separators), st.sampled_from(ENDS)).map(
        lambda parts: parts[1].join(parts[0]) + parts[2]
    )
    good = st.lists(st.floats(allow_nan=False, allow_infinity=False).map(repr), min_size=cells, max_size=cells)
    return st.lists(st.one_of(line, good.map(lambda row: separators[0].join(row) + "\n")), max_size=5).map("".join)


def assert_agree(body, comma):
    by_json, by_pandas = parse_json(body, COLUMNS, SIGNED, comma), parse_any_spelling(body, COLUMNS, comma)
    if by_json is None and by_pandas is None:
        return
    careful = parse_carefully(TextTable(Path("a.csv"), "", body, 2), NAMES, "comma" if comma else "space")
    for fast, signed in ((by_json, SIGNED), (by_pandas, range(COLUMNS))):
        if fast is not None:
            np.testing.assert_array_equal(fast, careful, strict=True)
            np.testing.assert_array_equal(fast[:, signed].copy().view("u8"), careful[:, signed].copy().view("u8"))


@settings(deadline=None, max_examples=400)
@given(text=lines((",", ", ", " ,", ",\r")))
@example("1,2,3\n4,5,6,7\n8,9\n")
@example("1,2,3\n4,5,6,9e99,7,8,9\n")
@example("1,2\n3,4,5,6\n")
@example("1,2,\r3\n4,5,6\n")
@example("1,-0,3\n")
@example("1,[2,3]\n")
@example("1,2,3\n4")
@example("1,2,3\n4,5,6")
def test_lines_of_comma_separated_numbers(text):
    assert_agree(text.encode("latin-1"), comma=True)


@settings(deadline=None, max_examples=400)
@given(text=lines((" ", "  ", "\t", ",", "\v")))
@example("1 2 3\n4 5 6 7\n8 9\n")
@example("1 2,3 4\n")
@example("1 2 3\v\n")
@example("1 -0\t3\n")
def test_lines_of_numbers_apart_by_spaces(text):
    assert_agree(text.encode("latin-1"), comma=False)


@pytest.mark.parametrize(("comma", "separator"), [(True, ","), (False, "  ")])
def test_all_read_each_number_as_python_does(comma, separator):
    rng = random.Random(0)
    texts = [
        *("9007199254740993", "2.2250738585072011e-308", "5e-324", "1e-400", "-0.0", "1.7976931348623157e308"),
        *(repr(rng.uniform(-1, 1) * 10.0 ** rng.randint(-300, 300)) for _ in range(2000)),
        *(f"{rng.uniform(-1, 1) * 10.0 ** rng.randint(-40, 40):.{rng.randint(1, 40)}e}" for _ in range(2000)),
        *(f"{rng.randrange(2**52, 2**53)}.{'4' + '9' * 30 if odd % 2 else '5'}" for odd in range(2000)),
    ]
    body = "".join(separator.join(texts[place : place + 3]) + "\n" for place in range(0, len(texts), 3)).encode()
    expected = np.array([float(text) for text in texts]).reshape(-1, 3)
    careful = parse_carefully(TextTable(Path("a.csv"), "", body, 2), NAMES, "comma" if comma else "space")
    for numbers in (parse_json(body, 3, [0, 1, 2], comma), parse_any_spelling(body, 3, comma), careful):
        np.testing.assert_array_equal(numbers.copy().view(np.uint64), expected.view(np.uint64))


@pytest.mark.parametrize("text", ["1,2,3\r\n4,5,6\r\n", "-25,0,1e-5\n 1.0,\t2 ,-3E+02\n"])
def test_what_programs_write_takes_the_fast_way(text):
    assert parse_json(text.encode(), COLUMNS, SIGNED, comma=True) is not None


@pytest.mark.parametrize(
    ("number", "by_json"),
    [
        ("-0.004934697472876593", True),
        ("1.2345678901234567e-05", True),
        ("0.30000000000000004441", False),
        ("-1.234567890123456789e+00", False),
        ("123456789012345678901", False),
    ],
)
def test_numbers_of_more_digits_than_a_float64_has_are_left_to_pandas(tmp_path, monkeypatch, number, by_json):
    taken = []
    monkeypatch.setattr(fast_numbers, "parse_json", lambda *arguments: taken.append(True) or parse_json(*arguments))
    table = TextTable(tmp_path / "a.csv", "x,y,Hx_re", f"1,2,{number}\n".encode(), 2)
    assert parse_numbers(table, ["x", "y", "Hx_re"], "comma").tolist() == [[1, 2, float(number)]]
    assert bool(taken) == by_json
