"""Solved cases of the user's own, as samples in an order that depends on the input alone."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from emfm.data.readers import CaseReader, find_reader
from emfm.data.sample import DataError, Sample, checked_id
from emfm.physics.grid import Geometry

TABLE_FILE = "samples.csv"


@dataclass(frozen=True)
class _Row:
    id: str
    family: str
    case: Path
    root: int
    parameters: tuple[float, ...]


@dataclass(frozen=True)
class ImportedCases:
    """The cases of some folders: an `emfm.data.sample.SampleSource`. Files are read when a sample is asked for."""

    roots: tuple[Path, ...]
    reader: str
    geometry: Geometry
    rows: tuple[_Row, ...]
    parameter_names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.rows)

    def sample(self, row: int) -> Sample:
        """The case of ``row``; raises DataError naming the file and what is wrong with it."""
        found = self.rows[row]
        source_h, target = self._readers[found.root].read(found.case, self.geometry)
        return Sample(found.id, found.family, source_h, target, np.array(found.parameters))

    @cached_property
    def _readers(self) -> list[CaseReader]:
        return [find_reader(self.reader, root) for root in self.roots]

    def inventory_digest(self) -> str:
        """Identity of the files: their names, sizes and times of change. Reads no file."""
        digest = hashlib.sha256()
        for row in self.rows:
            for path in self._readers[row.root].files(row.case):
                facts = path.stat() if path.exists() else None
                size = (facts.st_size, facts.st_mtime_ns) if facts else "missing"
                digest.update(f"{row.id}\0{path}\0{size}\n".encode())
        return digest.hexdigest()


def open_import(roots: Sequence[Path], reader: str, geometry: Geometry) -> ImportedCases:
    """The cases in ``roots``: root after root, within one in the order of samples.csv, else sorted by ID.

    Raises DataError for a folder without cases, a table that does not fit the cases, an ID that is not
    allowed.
    """
    tables = [_root_table(root, find_reader(reader, root)) for root in roots]
    names = list(dict.fromkeys(name for table in tables for name in table.columns if name not in _KNOWN))
    rows = []
    for number, table in enumerate(tables):
        values = table.reindex(columns=names).to_numpy(np.float64)
        for place, (identifier, family, case) in enumerate(
            zip(table["id"], table["family"], table["case"], strict=True)
        ):
            rows.append(_Row(identifier, family, case, number, tuple(values[place].tolist())))
    return ImportedCases(tuple(roots), reader, geometry, tuple(rows), tuple(names))


_KNOWN = ("id", "family", "case")


def _root_table(root: Path, reader: CaseReader) -> pd.DataFrame:
    """Columns id, family, case and the parameters, a row a case."""
    cases = reader.cases(root)
    if not cases:
        raise DataError(f"{root}: holds no cases; see the README for the formats that can be imported")
    path = root / TABLE_FILE
    if not path.exists():
        return pd.DataFrame({"id": list(cases), "family": list(cases), "case": list(cases.values())})
    table = _read_table(path)
    unknown = [identifier for identifier in table["id"] if identifier not in cases]
    unlisted = sorted(set(cases) - set(table["id"]))
    if unknown:
        line = int(np.flatnonzero(table["id"] == unknown[0])[0]) + 2
        raise DataError(f"{path}: line {line}: there is no case {unknown[0]!r} in {root}; add it, or remove the line")
    if unlisted:
        raise DataError(f"{path}: does not list the case {unlisted[0]!r}; add a line for it, or remove the case")
    if "family" not in table:
        table["family"] = table["id"]
    table["case"] = [cases[identifier] for identifier in table["id"]]
    return table


def _read_table(path: Path) -> pd.DataFrame:
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read as a table ({error})") from error
    if "id" not in table or "case" in table:
        raise DataError(f"{path}: needs a column id, and may have family and parameters, but none called case")
    for line, identifier in enumerate(table["id"], start=2):
        checked_id(identifier, f"{path}: line {line}")
    repeated = table["id"][table["id"].duplicated()]
    if len(repeated):
        lines = np.flatnonzero(table["id"] == repeated.iloc[0]) + 2
        raise DataError(
            f"{path}: lines {lines[0]} and {lines[1]} both have the ID {repeated.iloc[0]!r}; give each case its own"
        )
    for name in table.columns:
        if name not in ("id", "family"):
            table[name] = _numbers(table[name], f"{path}: column {name}")
        elif not all(table[name]):
            raise DataError(f"{path}: line {list(table[name]).index('') + 2}: {name} is empty; give one")
    return table


def _numbers(cells: "pd.Series[str]", where: str) -> "pd.Series[float]":
    numbers = pd.to_numeric(cells.where(cells != "", "nan"), errors="coerce")
    bad = numbers.isna() & (cells != "") | np.isinf(numbers)
    if bad.any():
        place = int(np.flatnonzero(bad)[0])
        raise DataError(f"{where}, line {place + 2}: {cells.iloc[place]!r} is not a finite number; mend or empty the cell")
    return numbers
