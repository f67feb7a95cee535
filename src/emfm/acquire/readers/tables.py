"""Tables of points as text: a header line that names the columns, then one line of numbers a point."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from emfm.acquire.readers.columns import AXES, CHARACTERS, Separator, described
from emfm.acquire.readers.fast_numbers import parse_fast
from emfm.acquire.readers.folders import checked_file
from emfm.acquire.readers.spelling import Row, split_rows, with_points
from emfm.acquire.readers.text_files import as_lines, text_of
from emfm.core.errors import DataError

_MOST_BYTES_PER_POINT: Final = 1536
"""24 columns of 64 bytes: a file with more is not the plane that it should be; it is refused before it is read."""

_LONGEST_HEADER: Final = 4096
_REMARK: Final = (b"#", b"%")
_SEPARATOR_LINE: Final = re.compile(rb"sep=.?", re.IGNORECASE)
_BELOW_HEADER: Final = re.compile(rb"\"?[-+.]?\d|--")
_MOST_REMARKS: Final = 100

_NUMBER: Final = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_NOT_FINITE: Final = re.compile(r"[+-]?(nan|inf|infinity)", re.IGNORECASE)
_GAP: Final = re.compile(r"nan|na|n/a|-*|", re.IGNORECASE)
_DIGIT: Final = re.compile(rb"\d")


@dataclass(frozen=True)
class TextTable:
    """A file's header line, and the bytes of the lines below it."""

    path: Path
    header: str
    body: bytes
    first_line: int
    """The number of the body's first line in the file."""
    remarks: str = ""
    """What stands above the header."""

    @property
    def header_place(self) -> str:
        """The file and the line of the header, for errors."""
        return f"{self.path}: line {self.first_line - 1}"

    def line(self, row: int) -> int:
        """The number in the file of the line that holds row ``row`` of the table; lines without digits hold none."""
        filled = [number for number, text in enumerate(self.body.splitlines()) if _DIGIT.search(text)]
        return self.first_line + filled[row]


def read_text_table(path: Path, points: int, root: Path | None = None) -> TextTable:
    """The header and body of a text file that should hold a line for each of ``points`` points.

    Blank lines, remarks (``#``, ``%``) and the ``sep=;`` of spreadsheets may stand above the header, which may begin
    as a remark itself.

    Raises DataError where the file is missing, empty, far larger than that, cut off, or without a header.
    """
    size = checked_file(path, root)
    if size > _MOST_BYTES_PER_POINT * (points + 2):
        raise DataError(
            f"{path}: has {size} bytes, far more than the plane's {points} points need; export that plane alone"
        )
    content = as_lines(path, path.read_bytes())
    if not content.endswith(b"\n"):
        raise DataError(
            f"{path}: does not end with a line break, so it may be cut off; export it again, or add one if "
            "the file is whole"
        )
    head, _, body = content.partition(b"\n")
    first_line = 2
    remarks: list[str] = []
    while len(remarks) < _MOST_REMARKS and body and _stands_above_header(head, body):
        remarks.append(text_of(head).strip())
        head, _, body = body.partition(b"\n")
        first_line += 1
    if len(head) > _LONGEST_HEADER:
        raise DataError(f"{path}: line {first_line - 1}: is longer than any header; give the names of columns there")
    return TextTable(path, text_of(head).strip(" \r"), body, first_line, "\n".join(remarks))


def parse_numbers(
    table: TextTable,
    names: Sequence[str],
    separator: Separator,
    unused: Collection[int] = (),
    gaps: Collection[int] = (),
) -> NDArray[np.float64]:
    """The numbers below the header, each the float64 nearest to its decimal text: ``(rows, len(names))``.

    Args:
        table: a file's lines.
        names: of its columns, for errors.
        separator: between the columns.
        unused: places of columns that may hold anything.
        gaps: places of columns that may be empty or NaN somewhere, where the result is NaN.

    Raises:
        DataError: names the line and the column of what is not a number, or may be one of two.
    """
    signed = [place for place, name in enumerate(names) if name.casefold() not in AXES]
    body, comma = _with_commas(table.body, separator), separator != "space"
    numbers = None if body is None else parse_fast(body, len(names), signed, comma)
    return parse_carefully(table, names, separator, unused, gaps) if numbers is None else numbers


def parse_carefully(
    table: TextTable,
    names: Sequence[str],
    separator: Separator,
    unused: Collection[int] = (),
    gaps: Collection[int] = (),
) -> NDArray[np.float64]:
    """The numbers as `parse_numbers` gives them, cell by cell, however they are spelled."""
    found = split_rows(table.body, table.first_line, len(names), separator)
    rows = with_points(table.path, found, len(names), unused)
    for row in rows:
        where = f"{table.path}: line {row.line}"
        if len(row.cells) != len(names):
            raise DataError(f"{where}: {_miscounted(row, names, separator)}")
        for place, (name, cell) in enumerate(zip(names, row.cells, strict=True)):
            if place in gaps and _GAP.fullmatch(cell):
                row.cells[place] = "nan"
            elif not _NUMBER.fullmatch(cell):
                problem = "is not finite" if _NOT_FINITE.fullmatch(cell) else "is not a number"
                raise DataError(f"{where}, column {name}: {cell[:30]!r} {problem}; solve or export the case again")
    return np.array([[float(cell) for cell in row.cells] for row in rows]).reshape(-1, len(names))


def _with_commas(body: bytes, separator: Separator) -> bytes | None:
    """``body`` with commas for semicolons or tabs; None where it has commas that mean something else."""
    if separator in ("comma", "space"):
        return body
    return None if b"," in body else body.replace(CHARACTERS[separator].encode(), b",")


def _stands_above_header(line: bytes, below: bytes) -> bool:
    """Whether a line is blank, a remark or a spreadsheet's mark: the header is the last line above the numbers."""
    text = line.strip()
    if not text or _SEPARATOR_LINE.fullmatch(text):
        return True
    return text.startswith(_REMARK) and not _BELOW_HEADER.match(below[:_LONGEST_HEADER].lstrip())


def _miscounted(row: Row, names: Sequence[str], separator: Separator) -> str:
    """What is wrong with a line that does not hold a number for each column."""
    line = CHARACTERS[separator].join(row.cells)
    others: list[Separator] = ["comma", "semicolon", "tab"]
    others = [other for other in others if other != separator and line.count(CHARACTERS[other]) >= len(names) - 1 > 0]
    if others:
        return (
            f"its numbers are separated by {described(others[0])}, but the names of the columns by "
            f"{described(separator)}; use one of them throughout"
        )
    problem = f"has {len(row.cells)} numbers, but the header names {len(names)} columns"
    if separator == "comma" and len(row.cells) > len(names) and "." not in line:
        return (
            f"{problem}; where commas are decimal marks, too, no program can tell which are which: write decimal "
            "points, or separate the columns by ';'"
        )
    return f"{problem}; the file may be cut off: export it again"
