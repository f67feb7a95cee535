"""Tables of points as text: a header line that names the columns, then one line of numbers a point."""

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from emfm.data.readers.folders import checked_file
from emfm.data.sample import DataError

AXES: Final = ("x", "y", "z")

_MOST_BYTES_PER_NUMBER: Final = 64
"""A file with more is not the plane that it should be; it is refused before it is read."""

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
    # What pandas would take for a number besides digits (True, nan, quoted text) has other bytes than these.
    if not table.body.translate(None, _NUMERIC + b"," if comma else _NUMERIC):
        try:
            frame = pd.read_csv(
                io.BytesIO(table.body),
                sep="," if comma else r"\s+",
                header=None,
                names=range(len(names)),
                dtype=np.float64,
                na_filter=False,
                quoting=csv.QUOTE_NONE,
                engine="c",
                low_memory=False,
            )
        except ValueError:
            raise _refusal(table, names, comma) from None
        # Where every line has numbers too many, pandas takes the first columns for an index.
        if isinstance(frame.index, pd.RangeIndex):
            return frame.to_numpy()
    raise _refusal(table, names, comma)


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
