"""Tables of points as text: a header line that names the columns, then one line of numbers a point."""

import csv
import io
import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final, Literal

import numpy as np
import pandas as pd
import simdjson
from numpy.typing import NDArray

from emfm.data.readers.folders import checked_file
from emfm.data.sample import DataError

AXES: Final = ("x", "y", "z")

_MOST_BYTES_PER_NUMBER: Final = 64
"""A file with more is not the plane that it should be; it is refused before it is read."""

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
_NUMBER: Final = re.compile(rb"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_NOT_FINITE: Final = re.compile(rb"[+-]?(nan|inf|infinity)", re.IGNORECASE)


@dataclass(frozen=True)
class TextTable:
    """A file's header line, and the bytes of the lines below it."""

    path: Path
    header: str
    body: bytes
    first_line: int
    """The number of the body's first line in the file."""

    def line(self, row: int) -> int:
        """The number in the file of the line that holds row ``row`` of the table, blank lines skipped."""
        filled = [number for number, text in enumerate(self.body.splitlines()) if text.strip()]
        return self.first_line + filled[row]


def read_text_table(path: Path, columns: int, points: int, root: Path | None = None) -> TextTable:
    """The header and body of a text file that should hold ``columns`` numbers for each of ``points`` points.

    Raises DataError where the file is missing, empty, far larger than that, or cut off.
    """
    size = checked_file(path, root)
    if size > _MOST_BYTES_PER_NUMBER * columns * (points + 2):
        raise DataError(
            f"{path}: has {size} bytes, far more than the plane's {points} points with {columns} columns "
            "need; export that plane alone"
        )
    content = path.read_bytes()
    if not content.endswith(b"\n"):
        raise DataError(
            f"{path}: does not end with a line break, so it may be cut off; export it again, or add one if "
            "the file is whole"
        )
    head, _, body = content.partition(b"\n")
    try:
        header = head.decode("utf-8-sig")
    except UnicodeDecodeError:
        header = head.decode("latin-1")  # the micro sign of programs that know no UTF-8
    return TextTable(path, header.strip(), body, first_line=2)


def check_columns(path: Path, found: Sequence[str], needed: Sequence[str], ignored: Sequence[str] = ()) -> None:
    """Raise DataError where ``found`` are not the columns ``needed``, each once, in any order."""
    missing = [f"lacks the column {name!r}" for name in needed if name not in found]
    repeated = [f"has the column {name!r} twice" for name in needed if found.count(name) > 1]
    unknown = [f"has an unknown column {name!r}" for name in found if name not in (*needed, *ignored)]
    for problem in (*missing, *repeated, *unknown):
        raise DataError(f"{path}: line 1: {problem}; the columns must be {', '.join(needed)}, in any order")


def parse_numbers(table: TextTable, names: Sequence[str], separator: Literal["comma", "space"]) -> NDArray[np.float64]:
    """The numbers below the header, each the float64 nearest to its decimal text: ``(rows, len(names))``.

    Raises DataError naming the line and the column of what is not a number.
    """
    comma = separator == "comma"
    signed = [place for place, name in enumerate(names) if name not in AXES]
    first_line, _, _ = table.body.partition(b"\n")
    numbers = None if _LONG.search(first_line) else parse_json(table.body, len(names), signed, comma)
    if numbers is None:
        numbers = parse_any_spelling(table.body, len(names), comma)
    if numbers is None:
        raise _refusal(table, names, comma)
    return numbers


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
def _parser(thread: int) -> simdjson.Parser:  # noqa: ARG001
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


def _refusal(table: TextTable, names: Sequence[str], comma: bool) -> DataError:
    """The first cell that holds no number, or line that holds too few or too many, as an error."""
    for number, line in enumerate(table.body.splitlines(), start=table.first_line):
        cells = line.split(b"," if comma else None)
        if not line.strip():
            continue
        where = f"{table.path}: line {number}"
        for name, cell in zip(names, cells, strict=False):
            text = cell.strip()
            if not _NUMBER.fullmatch(text):
                problem = "is not finite" if _NOT_FINITE.fullmatch(text) else "is not a number"
                shown = text[:30].decode("latin-1")
                return DataError(f"{where}, column {name}: {shown!r} {problem}; solve or export the case again")
        if len(cells) != len(names):
            return DataError(
                f"{where}: has {len(cells)} numbers, but the header names {len(names)} columns; the file may "
                "be cut off: export it again"
            )
    return DataError(f"{table.path}: holds characters that no table of numbers has; export it again")
