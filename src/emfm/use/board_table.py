"""A table of the boards that were scanned: which ground plane lay below which scan."""

import csv
import io
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from emfm.core.errors import DataError
from emfm.plates.ground_plane import Board
from emfm.plates.told_board import COPPER, CORNERS, HEIGHT, told_board

INPUT: Final = "input"
COLUMNS: Final = (INPUT, *CORNERS, HEIGHT, COPPER)
"""Of the table; `COPPER` may be left out, and others may stand beside."""


def read_boards(path: Path, inputs: Iterable[Path]) -> dict[Path, Board]:
    """The board below each of the ``inputs`` that the CSV table ``path`` names with a ground plane.

    Cells of a scan without one are empty. Raises DataError naming the line where the table has no such columns, names
    no input, one twice, or no board.
    """
    by_name = {each.name: each for each in inputs}
    boards: dict[Path, Board] = {}
    seen: dict[str, int] = {}
    for line, cells in enumerate(_rows(path), start=2):
        where, name = f"{path}: line {line}", cells.pop(INPUT, "")
        if name not in by_name:
            raise DataError(f"{where}: '{name}' is none of the inputs; correct {INPUT}, or remove the line")
        if name in seen:
            raise DataError(f"{where}: '{name}' stands in line {seen[name]} already; remove one of them")
        seen[name] = line
        try:
            board = told_board({key: _number(cell) for key, cell in cells.items() if key in COLUMNS and cell})
        except DataError as error:
            raise DataError(f"{where}: {error}") from error
        if board is not None:
            boards[by_name[name]] = board
    return boards


def _rows(path: Path) -> list[dict[str, str]]:
    """The lines as text by column, without blanks around."""
    try:
        reader = csv.DictReader(io.StringIO(path.read_text("utf-8-sig")), strict=True, skipinitialspace=True)
        names, rows = reader.fieldnames or (), list(reader)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: cannot be read as a CSV table ({error}); save it as UTF-8 CSV") from error
    needed = [name for name in COLUMNS if name != COPPER]
    missing = [name for name in needed if name not in names]
    if missing:
        raise DataError(f"{path}: has no column {', '.join(missing)}; it needs {', '.join(needed)}, lengths in mm")
    for line, row in enumerate(rows, start=2):
        if None in row or None in row.values():
            raise DataError(f"{path}: line {line}: has more or fewer cells than the header names columns; mend it")
    return [{name: cell.strip() for name, cell in row.items()} for row in rows]


def _number(cell: str) -> float | str:
    """The cell itself where it is no number."""
    try:
        return float(cell)
    except ValueError:
        return cell
