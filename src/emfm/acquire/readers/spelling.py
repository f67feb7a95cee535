"""Numbers as other programs spell them: quoted, with decimal commas, with separators at the ends of lines.

What may mean two numbers is refused.
"""

import csv
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from emfm.acquire.readers.columns import CHARACTERS, Separator
from emfm.acquire.readers.text_files import text_of
from emfm.core.errors import DataError

_DECIMAL_COMMA: Final = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?")
_THOUSANDS: Final = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+")
_WITH_MARKS: Final = re.compile(r"[+-]?[\d.,]*\d([eE][+-]?\d+)?")
_BLANK: Final = " \t\u00a0"
_BLANKS: Final = re.compile(f"[{_BLANK}]+")
_MINUS: Final = "\u2212"


@dataclass(frozen=True)
class Row:
    """The cells of one line that holds any, with the line's number in the file."""

    line: int
    cells: list[str]


def split_rows(body: bytes, first_line: int, columns: int, separator: Separator) -> list[Row]:
    """The lines of a table's body, blank cells at their ends and quotes removed.

    A line whose quotes cannot be understood is one cell.
    """
    rows = []
    for line, content in enumerate(body.splitlines(), start=first_line):
        cells = _cells(text_of(content), separator)
        while len(cells) > columns and not cells[-1]:
            cells.pop()
        if any(cells):
            rows.append(Row(line, cells))
    return rows


def with_points(path: Path, rows: list[Row], columns: int, unused: Collection[int]) -> list[Row]:
    """``rows`` with decimal points for decimal commas, and zeros in the columns ``unused``, whose content is ignored.

    Raises DataError where a comma may as well separate thousands.
    """
    used = [place for place in range(columns) if place not in unused]
    whole = [row for row in rows if len(row.cells) == columns]
    if has_decimal_commas(str(path), ((f"line {row.line}", row.cells[place]) for row in whole for place in used)):
        rows = [Row(row.line, [with_point(cell) for cell in row.cells]) for row in rows]
    for row in rows:
        if len(row.cells) == columns:
            for place in unused:
                row.cells[place] = "0"
    return rows


def has_decimal_commas(where: str, cells: Iterable[tuple[str, str]]) -> bool:
    """Whether the commas in a table's numbers are decimal ones; each cell comes with its place.

    Raises DataError where other numbers have decimal points, or all with a comma look like thousands.
    """
    comma = point = None
    decimal = False
    for place, cell in cells:
        if not _WITH_MARKS.fullmatch(cell):
            continue
        if "," in cell:
            comma = comma or (place, cell)
            decimal = decimal or _THOUSANDS.fullmatch(cell) is None
        if "." in cell:
            point = point or (place, cell)
    if comma is None:
        return False
    if point is not None:
        raise DataError(
            f"{where}: {comma[0]} has the number {comma[1][:30]!r} and {point[0]} {point[1][:30]!r}: comma or point "
            "may be the decimal mark; write decimal points and no other marks"
        )
    if not decimal:
        raise DataError(
            f"{where}: {comma[0]} has the number {comma[1][:30]!r}, whose comma may be a decimal one or stand between "
            "thousands; write decimal points and no other marks"
        )
    return True


def with_point(cell: str) -> str:
    """A number with a decimal point in the place of its decimal comma; what is none stays as it is."""
    return cell.replace(",", ".") if _DECIMAL_COMMA.fullmatch(cell) else cell


def _cells(text: str, separator: Separator) -> list[str]:
    if separator == "space":
        cells = [cell.strip('"') for cell in _BLANKS.split(text.strip(_BLANK)) if cell]
    elif '"' in text:
        try:
            cells = next(csv.reader([text], delimiter=CHARACTERS[separator], skipinitialspace=True))
        except (csv.Error, StopIteration):
            return [text]
    else:
        cells = text.split(CHARACTERS[separator])
    return [cell.strip(_BLANK).replace(_MINUS, "-") for cell in cells]
