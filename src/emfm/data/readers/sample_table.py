"""The optional ``samples.csv`` beside cases: their order, scene families and parameters."""

import csv
import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TextIO

import numpy as np
from numpy.typing import NDArray

from emfm.data.readers.folders import checked_file
from emfm.data.sample import MAX_ID_LENGTH, DataError, checked_id

TABLE_FILE: Final = "samples.csv"
_ID: Final = "id"
_FAMILY: Final = "family"


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

    Without a column ``family`` every sample is a family of its own.

    Raises:
        DataError: names the line and column of an ID that is not allowed, repeated or without a case, of a
            parameter that is no number; or a case that is not listed.
    """
    if not path.exists() and not path.is_symlink():
        return SampleTable(tuple(cases), tuple(cases), (), np.empty((len(cases), 0)))
    checked_file(path, path.parent)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            table, lines = _parse(file, path)
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: cannot be read as a CSV table ({error}); save it as UTF-8 CSV") from error
    known = set(cases)
    for identifier, line in lines.items():
        if identifier not in known:
            raise DataError(f"{path}: line {line}: there is no case {identifier!r}; add it, or remove the line")
    unlisted = [case for case in cases if case not in lines]
    if unlisted:
        raise DataError(
            f"{path}: does not list {len(unlisted)} of the {len(cases)} cases, the first is {unlisted[0]!r}; "
            "add a line for each, or remove the case"
        )
    return table


def _parse(file: TextIO, path: Path) -> tuple[SampleTable, dict[str, int]]:
    """The table, and the line of each ID."""
    reader = csv.reader(file, strict=True)
    header = [name.strip() for name in next(reader, [])]
    _check_header(header, path)
    id_column = header.index(_ID)
    family_column = header.index(_FAMILY) if _FAMILY in header else id_column
    numeric = [place for place, name in enumerate(header) if name not in (_ID, _FAMILY)]
    lines: dict[str, int] = {}
    families: list[str] = []
    values = array("d")
    for cells in reader:
        if not cells:
            continue
        where = f"{path}: line {reader.line_num}"
        if len(cells) != len(header):
            raise DataError(f"{where}: has {len(cells)} cells, but the header names {len(header)} columns; mend it")
        identifier = checked_id(cells[id_column], where)
        if identifier in lines:
            raise DataError(
                f"{path}: lines {lines[identifier]} and {reader.line_num} both have the ID {identifier!r}; "
                "give each sample one line"
            )
        lines[identifier] = reader.line_num
        families.append(_checked_family(cells[family_column], where))
        values.extend(_number(cells[place], header[place], where) for place in numeric)
    names = tuple(header[place] for place in numeric)
    parameters = np.array(values).reshape(len(lines), len(names))
    return SampleTable(tuple(lines), tuple(families), names, parameters), lines


def _check_header(header: list[str], path: Path) -> None:
    repeated = [name for place, name in enumerate(header) if name in header[:place]]
    if _ID not in header:
        problem = "has no column 'id'"
    elif repeated:
        problem = f"has the column {repeated[0]!r} twice"
    elif "" in header:
        problem = f"column {header.index('') + 1} has no name"
    else:
        return
    raise DataError(f"{path}: line 1: {problem}; it needs id, may have family, and names each parameter once")


def _checked_family(family: str, where: str) -> str:
    if not family or len(family) > MAX_ID_LENGTH or not family.isprintable():
        raise DataError(
            f"{where}: the family {family[:40]!r} is not allowed; use 1 to {MAX_ID_LENGTH} printable characters"
        )
    return family


def _number(cell: str, name: str, where: str) -> float:
    text = cell.strip()
    if not text:
        return math.nan
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or "_" in text:
        raise DataError(f"{where}: the parameter {name!r} is {text[:40]!r}; give a finite number, or leave it empty")
    return value
