"""The numbers of a whole table at once: those that `emfm.acquire.readers.tables.parse_carefully` finds cell by cell.

That function takes some fifty times as long. What is not taken here may be a table all the same: it is left to that
function, which also says what is wrong.
"""

import csv
import io
import re
import threading
from functools import lru_cache
from typing import Final

import numpy as np
import pandas as pd
import simdjson
from numpy.typing import NDArray

_LINE_END: Final = 9e99
"""Stands for the end of a line in a flat list of numbers; a list that holds it as a number too is read otherwise."""

_LONG: Final = re.compile(rb"[1-9](?:\d{18}|[.\d]{19})")
"""A number of so many digits takes the parser of JSON ten times as long as pandas."""

_INTEGER_MINUS_ZERO: Final = (b"-0,", b"-0\n", b"-0 ", b"-0\t")
"""JSON has no such integer: it would lose its sign."""

_NOT_IN_A_LINE: Final = (b"\r", b"[")
_NOT_IN_A_LINE_OF_WORDS: Final = (*_NOT_IN_A_LINE, b",", b"\v", b"\f")
"""What would pass in the list that is made of a body, but is refused in the body, or means something else there."""

_NUMERIC: Final = b"0123456789+-.eE \t\r\n"


def parse_fast(body: bytes, columns: int, signed: list[int], comma: bool) -> NDArray[np.float64] | None:
    """The numbers of ``body``, ``(rows, columns)``, or None; zeros keep their sign in the columns ``signed``.

    Between the numbers stand commas, or without ``comma`` blanks.
    """
    first_line, _, _ = body.partition(b"\n")
    numbers = None if _LONG.search(first_line) else parse_json(body, columns, signed, comma)
    return parse_any_spelling(body, columns, comma) if numbers is None else numbers


def parse_json(body: bytes, columns: int, signed: list[int], comma: bool) -> NDArray[np.float64] | None:
    """The numbers of ``body``, ``(rows, columns)``, where JSON spells all of them so and no line is blank.

    None for any other text, a faulty one included. Zeros keep their sign in the columns ``signed``. The whole body is
    one list to the parser of JSON, with a number that fields never have at the end of each line, so that a line with
    numbers too many or too few is noticed.
    """
    text = body.replace(b"\r\n", b"\n") if b"\r" in body else body
    if not text.endswith(b"\n") or any(sign in text for sign in (_NOT_IN_A_LINE if comma else _NOT_IN_A_LINE_OF_WORDS)):
        return None
    end = b"%.0e" % _LINE_END
    marked = text.replace(b"\n", (b",%b," if comma else b" %b ") % end)
    lines = (len(marked) - len(text)) // (len(end) + 1)
    listed = marked if comma else b",".join([*marked.split(), b""])
    try:
        parsed = _parser(threading.get_ident()).parse(b"[%b0]" % listed)
        assert isinstance(parsed, simdjson.Array)
        flat: NDArray[np.float64] = np.frombuffer(parsed.as_buffer(of_type="d"))[:-1]
    except (TypeError, ValueError, RuntimeError):  # the last for integers of more than 64 bits
        return None
    if flat.size != lines * (columns + 1):
        return None
    ends = flat == _LINE_END
    if np.count_nonzero(ends) != lines or not ends[columns :: columns + 1].all():
        return None
    table = flat.reshape(lines, columns + 1)[:, :columns]
    if not table[:, signed].all() and any(spelling in text for spelling in _INTEGER_MINUS_ZERO):
        return None
    return table


@lru_cache(maxsize=4)
def _parser(_thread: int) -> simdjson.Parser:
    """The parser of a thread, which keeps its memory: to get that anew for each file takes as long as reading it."""
    return simdjson.Parser()


def parse_any_spelling(body: bytes, columns: int, comma: bool) -> NDArray[np.float64] | None:
    """The numbers of ``body``, ``(rows, columns)``, also spelled ``+1``, ``.5`` or ``1.``; None for a faulty text."""
    # What pandas would take for a number besides digits (True, nan, quoted text) has other bytes than these.
    if body.translate(None, _NUMERIC + b"," if comma else _NUMERIC):
        return None
    try:
        frame = pd.read_csv(
            io.BytesIO(body),
            sep="," if comma else r"\s+",
            header=None,
            names=range(columns),
            dtype=np.float64,
            na_filter=False,
            quoting=csv.QUOTE_NONE,
            engine="c",
            low_memory=False,
        )
    except ValueError:
        return None
    # Where every line has numbers too many, pandas takes the first columns for an index.
    return frame.to_numpy() if isinstance(frame.index, pd.RangeIndex) else None
