"""The optional ``samples.csv`` beside cases: their order, scene families and parameters."""

import csv
import io
import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from emfm.acquire.readers.columns import CHARACTERS, Header, read_header
from emfm.acquire.readers.folders import checked_file
from emfm.acquire.readers.spelling import has_decimal_commas, with_point
from emfm.acquire.readers.text_files import as_lines
from emfm.core.errors import DataError
from emfm.core.sample import MAX_ID_LENGTH, checked_id
from ttt.log import LOG

TABLE_FILE: Final = "samples.csv"
_ID: Final = "id"
_FAMILY: Final = "family"
_NEEDS: Final = "it needs id, may have family, and names each parameter once"


@dataclass(frozen=True, eq=False)
class SampleTable:
    """The samples of one folder, in their order."""

    ids: tuple[str, ...]
    families: tuple[str, ...]
    parameter_names: tuple[str, ...]
    parameters: NDArray[np.float64]
    """``(n, p)``, NaN where a sample has no such value."""


def read_sample_table(path: Path, cases: Sequence[str]) -> SampleTable:
    """The table ``path``, which must list exactly the IDs ``cases``; without one, the cases as they come.

    Without a column ``family`` every sample is a family of its own. Blanks around IDs and families do not count. A
    column of text is no parameter: it is left out, which is said.

    Raises:
        DataError: names the line and column of an ID that is not allowed, repeated or without a case, of a
            parameter that is no number; or a case that is not listed.
    """
    if not path.exists() and not path.is_symlink():
        return SampleTable(tuple(cases), tuple(cases), (), np.empty((len(cases), 0)))
    checked_file(path, path.parent)
    rows = _read_rows(path)
    known = set(cases)
    for identifier, line in rows.lines.items():
        if identifier not in known:
            raise DataError(f"{path}: line {line}: there is no case {identifier!r}; add it, or remove the line")
    unlisted = [case for case in cases if case not in rows.lines]
    if unlisted:
        raise DataError(
            f"{path}: does not list {len(unlisted)} of the {len(cases)} cases, the first is {unlisted[0]!r}; "
            "add a line for each, or remove the case"
        )
    names, parameters = _parameters(path, rows)
    return SampleTable(tuple(rows.lines), tuple(rows.families), names, parameters)


@dataclass
class _Rows:
    """The table as text, as it is read."""

    lines: dict[str, int] = field(default_factory=dict)
    """The line of each ID."""
    families: list[str] = field(default_factory=list)
    columns: dict[str, list[str]] = field(default_factory=dict)
    """The cells of each further column."""


def _read_rows(path: Path) -> _Rows:
    try:
        text = as_lines(path, path.read_bytes()).decode("utf-8")
        return _parse(text, path)
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: cannot be read as a CSV table ({error}); save it as UTF-8 CSV") from error


def _parse(text: str, path: Path) -> _Rows:
    stream = io.StringIO(text, newline="")
    header_line = stream.readline()
    skipped = 0
    while header_line and (not header_line.strip() or header_line.strip().casefold().startswith("sep=")):
        header_line = stream.readline()
        skipped += 1
    header, names = _read_names(header_line, f"{path}: line {skipped + 1}")
    id_column = names.index(_ID)
    family_column = names.index(_FAMILY) if _FAMILY in names else id_column
    rows = _Rows(columns={name: [] for name in names if name not in (_ID, _FAMILY)})
    reader = csv.reader(stream, delimiter=CHARACTERS[header.separator], strict=True, skipinitialspace=True)
    for cells in reader:
        line = skipped + 1 + reader.line_num
        while len(cells) > len(names) and not cells[-1].strip():  # separators at the end of each line
            cells.pop()
        if not any(cell.strip() for cell in cells):
            continue
        where = f"{path}: line {line}"
        if len(cells) != len(names):
            raise DataError(f"{where}: has {len(cells)} cells, but the header names {len(names)} columns; mend it")
        identifier = checked_id(cells[id_column].strip(), where)
        if identifier in rows.lines:
            raise DataError(
                f"{path}: lines {rows.lines[identifier]} and {line} both have the ID {identifier!r}; "
                "give each sample one line"
            )
        rows.lines[identifier] = line
        rows.families.append(_checked_family(cells[family_column], where))
        for name, cell in zip(names, cells, strict=True):
            if name in rows.columns:
                rows.columns[name].append(cell.strip())
    return rows


def _read_names(line: str, where: str) -> tuple[Header, list[str]]:
    """The header, and the names of its columns, ``id`` and ``family`` in lower case."""
    try:
        header = read_header(line)
    except ValueError as error:
        raise DataError(f"{where}: {error}; name the columns there, one separator between them") from None
    if header.separator == "space":  # a single column, whose name may have blanks
        header = read_header(line.strip() + ",")
    names = [column.written for column in header.columns]
    names = [name.casefold() if name.casefold() in (_ID, _FAMILY) else name for name in names]
    repeated = [name for place, name in enumerate(names) if name in names[:place]]
    if _ID not in names:
        raise DataError(f"{where}: has no column 'id'; {_NEEDS}; {header.described}")
    if repeated:
        problem = f"has the column {repeated[0]!r} twice"
    elif "" in names:
        problem = f"column {names.index('') + 1} has no name"
    else:
        return header, names
    raise DataError(f"{where}: {problem}; {_NEEDS}")


def _checked_family(cell: str, where: str) -> str:
    """A family without the blanks around it, its letters in one spelling of Unicode, so that equal ones are equal."""
    family = unicodedata.normalize("NFC", cell.strip())
    if not family or len(family) > MAX_ID_LENGTH or not family.isprintable():
        raise DataError(
            f"{where}: the family {family[:40]!r} is not allowed; use 1 to {MAX_ID_LENGTH} printable characters"
        )
    return family


def _parameters(path: Path, rows: _Rows) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """The columns that hold numbers, and these, ``(n, p)``."""
    lines = list(rows.lines.values())
    columns = {}
    text = []
    for name, cells in rows.columns.items():
        spelled = cells
        if any("," in cell for cell in cells):
            placed = ((f"line {line}", cell) for line, cell in zip(lines, cells, strict=True))
            if has_decimal_commas(f"{path}: the parameter {name!r}", placed):
                spelled = [with_point(cell) for cell in cells]
        if any(spelled) and not any(map(_is_number, spelled)):
            text.append(name)
        else:
            columns[name] = [
                _number(cell, name, f"{path}: line {line}") for line, cell in zip(lines, spelled, strict=True)
            ]
    if text:
        LOG.warning("%s: no parameters, as they hold text: %s", path, ", ".join(map(repr, text)))
    parameters = np.array(list(columns.values()), np.float64).reshape(len(columns), len(lines)).T
    return tuple(columns), np.ascontiguousarray(parameters)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _number(cell: str, name: str, where: str) -> float:
    if not cell:
        return math.nan
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or "_" in cell:
        raise DataError(
            f"{where}: the parameter {name!r} is {cell[:40]!r}; give a finite number, or leave it empty; a column of "
            "text alone is no parameter and may stay"
        )
    return value
