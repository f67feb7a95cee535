"""Solver ASCII exports: ``<root>/<id>/`` or ``<root>/cases/<id>/`` with source_H.txt, target_E.txt, target_H.txt.

The header names each column with its unit, as field solvers export it::

    x [mm]  y [mm]  z [mm]  ExRe [V/m]  ExIm [V/m]  EyRe [V/m] ...
    ---------------------------------------------------------------

Columns stand in any order and in any unit of the lists below; rows stand in any order.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from emfm.data.readers.base import READERS, Fields, NoParams, case_folders, inside
from emfm.data.readers.tables import check_columns, place_on_grid
from emfm.data.sample import DataError
from emfm.physics.channels import E_CHANNELS, H_CHANNELS, SOURCE_CHANNELS, TARGET_CHANNELS
from emfm.physics.grid import Geometry, Grid

SOURCE_FILE: Final = "source_H.txt"
E_FILE: Final = "target_E.txt"
H_FILE: Final = "target_H.txt"

_PREFIXES: Final = {"": 1.0, "k": 1e3, "m": 1e-3, "u": 1e-6, "µ": 1e-6, "n": 1e-9}
_LENGTHS: Final = {"m": 1.0, "cm": 1e-2, "mm": 1e-3, "um": 1e-6, "µm": 1e-6}
_FIELDS: Final = {
    "E": {f"{prefix}V/m": factor for prefix, factor in _PREFIXES.items()},
    "H": {f"{prefix}A/m": factor for prefix, factor in _PREFIXES.items()},
}
_COLUMN: Final = re.compile(r"(\w+)\s*\[\s*([^\]\s]+)\s*\]")
_CHANNEL: Final = re.compile(r"([EH][xyz])_?(Re|Im)", re.IGNORECASE)


@READERS.register("solver_ascii", params=NoParams)
class SolverAscii:
    """Folders of three ASCII exports."""

    def __init__(self, params: None = None) -> None:
        pass

    def cases(self, root: Path) -> Mapping[str, Path]:
        """See `emfm.data.readers.base.CaseReader`."""
        return case_folders(root, (SOURCE_FILE, E_FILE, H_FILE))

    def files(self, case: Path) -> list[Path]:
        """See `emfm.data.readers.base.CaseReader`."""
        return [case / name for name in (SOURCE_FILE, E_FILE, H_FILE)]

    def read(self, case: Path, geometry: Geometry) -> Fields:
        """See `emfm.data.readers.base.CaseReader`."""
        for path in self.files(case):
            inside(path, case)
        source = read_export(case / SOURCE_FILE, SOURCE_CHANNELS, geometry.source)
        electric = read_export(case / E_FILE, TARGET_CHANNELS[E_CHANNELS], geometry.target)
        magnetic = read_export(case / H_FILE, TARGET_CHANNELS[H_CHANNELS], geometry.target)
        return source, np.concatenate([electric, magnetic])


def read_export(path: Path, channels: Sequence[str], grid: Grid) -> NDArray[np.float32]:
    """The channels of an export on ``grid``: ``(len(channels), ny, nx)``, V/m or A/m.

    Raises DataError naming the file and the row, column or unit that cannot be used.
    """
    lines = _lines(path)
    names, factors = _parse_header(lines[0], str(path))
    check_columns(names, ("x", "y", "z", *channels), str(path))
    skipped = 2 if len(lines) > 1 and set(lines[1].strip()) <= set("-=") else 1
    table = _numbers([line for line in lines[skipped:] if line.strip()], len(names), str(path), skipped + 1)
    columns = {name: table[:, n] * factors[n] for n, name in enumerate(names)}
    return place_on_grid(columns, channels, grid, str(path), skipped + 1)


def _lines(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        raise DataError(f"{path}: missing; a case needs {SOURCE_FILE}, {E_FILE} and {H_FILE}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read as text ({error}); export the case again") from error
    if not lines or not lines[0].strip():
        raise DataError(f"{path}: is empty or begins with an empty line; export the case again")
    return lines


def _parse_header(line: str, where: str) -> tuple[list[str], list[float]]:
    """The columns by our names, and the factor of each to metres, V/m or A/m."""
    names, factors = [], []
    for name, unit in _COLUMN.findall(line):
        channel = _CHANNEL.fullmatch(name)
        if name.lower() in ("x", "y", "z"):
            names.append(name.lower())
            units: Mapping[str, float] = _LENGTHS
        elif channel:
            component = channel[1][0].upper() + channel[1][1].lower()
            names.append(f"{component}_{channel[2].lower()}")
            units = _FIELDS[component[0]]
        else:
            raise DataError(f"{where}: row 1: unknown column {name!r}; known are x, y, z and such as ExRe and HzIm")
        if unit not in units:
            raise DataError(f"{where}: row 1: {name} has the unit {unit!r}; allowed: {', '.join(units)}")
        factors.append(units[unit])
    leftover = _COLUMN.sub("", line).strip()
    if leftover or not names:
        raise DataError(
            f"{where}: row 1: no header with units such as 'x [mm]  ExRe [V/m]' (found {line.strip()[:60]!r}); export the "
            "case with its header"
        )
    return names, factors


def _numbers(lines: list[str], columns: int, where: str, first_row: int) -> NDArray[np.float64]:
    cells = [line.split() for line in lines]
    for number, row in enumerate(cells, start=first_row):
        if len(row) != columns:
            raise DataError(f"{where}: row {number} has {len(row)} numbers, the header {columns}; export the case again")
    try:
        return np.array(cells, dtype=np.float64).reshape(len(cells), columns)
    except ValueError as error:
        raise DataError(f"{where}: {_first_bad(cells, first_row)} is not a number; export the case again") from error


def _first_bad(cells: list[list[str]], first_row: int) -> str:
    for number, row in enumerate(cells, start=first_row):
        for cell in row:
            try:
                float(cell)
            except ValueError:
                return f"row {number}: {cell!r}"
    return "a cell"
