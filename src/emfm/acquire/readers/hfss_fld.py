"""HFSS fields: ``<root>/cases/<id>/`` or ``<root>/<id>/`` with source_H.fld, target_E.fld and target_H.fld.

Each is a file that the Fields Calculator of Ansys HFSS writes with "Export" on a Cartesian grid for the complex vector
E or H (the quantity itself, perhaps smoothed, before any "Real" or "AtPhase"): two header lines, then a line a point::

    Grid Output Min: [-5mm -5mm 1mm] Max: [5mm 5mm 1mm] Grid Size: [1mm 1mm 0mm]
    X, Y, Z, Complex Vector data "<Hx,Hy,Hz>"
    -5.000000000000e-03 -5.000000000000e-03 1.000000000000e-03  Re(Hx) Im(Hx) Re(Hy) Im(Hy) Re(Hz) Im(Hz)

Points come in m, or, where "points in SI" was off, in the unit that the header declares with ``Unit: "mm"``; which of
the two is decided by the grid's extent in the first line, which has its own units. E is in V/m, H in A/m, and
fields are peak phasors with exp(+jwt), as here, so nothing is converted; Hz of the source plane is not used. The
coordinates decide, whatever their order. Refused are fields that are real or scalar, and other coordinate systems.

Such a file says neither frequency nor phase: export at ``data.frequency_hz``. Where a script has added the variation
to the header (``Freq='5GHz'``, in a line of its own or behind the grid), it is compared.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from emfm.acquire.readers.base import READERS, WantedPlane
from emfm.acquire.readers.columns import AXES
from emfm.acquire.readers.folders import CaseFolders
from emfm.acquire.readers.frequency import check_statements
from emfm.acquire.readers.planes import PointTable, field_on_grid
from emfm.acquire.readers.tables import TextTable, parse_numbers, read_text_table
from emfm.acquire.readers.text_files import text_of
from emfm.acquire.readers.units import LENGTHS, length_factor
from emfm.core.channels import E_COMPONENTS, H_COMPONENTS, channel_names
from emfm.core.errors import DataError

_TRIPLE: Final = r"\[([^\]]*)\]"
_GRID: Final = "Grid Output"
_EXTENT: Final = re.compile(
    rf'Grid Output Min:\s*{_TRIPLE}\s*Max:\s*{_TRIPLE}\s*Grid Size:\s*{_TRIPLE}\s*(?:Unit:\s*"(\w+)")?(.*)'
)
_LENGTH: Final = re.compile(r"([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)([a-z]+)")
_COLUMNS: Final = re.compile(r'X,\s*Y,\s*Z,\s*(.*?)\s*"(.*)"', re.IGNORECASE)
_NO_COORDINATES: Final = re.compile(r'Complex Vector data\s*".*"', re.IGNORECASE)
_STATEMENT_LINE: Final = re.compile(rb"\s*[\w ]+\s*[:=]")
_MOST_HEADER_LINES: Final = 20
_GRID_TOLERANCE: Final = 1e-3
"""How far the points may lie beyond the grid of the header, in parts of its step."""
_COMPLEX: Final = "complex vector data"
_EXPRESSION: Final = re.compile(r"(?:Smooth\()?<([^<>]*)>\)?")


@READERS.register("hfss_fld")
class HfssFld(CaseFolders):
    """Folders of three files of the Fields Calculator."""

    names = ("source_H.fld", "target_E.fld", "target_H.fld")

    def read_plane(self, path: Path, wanted: WantedPlane) -> NDArray[np.float32]:
        """See `CaseFolders`."""
        columns = (*AXES, *channel_names(E_COMPONENTS if wanted.channels[0][0] == "E" else H_COMPONENTS))
        extent, points = _split_header(read_text_table(path, wanted.most_points, wanted.root))
        needed = (*AXES, *wanted.channels)
        places = [columns.index(name) for name in needed]
        _check_quantity(points, columns)
        check_statements(path, points.remarks, wanted.frequency)
        _check_points_included(points, columns)
        unused = [place for place in range(len(columns)) if place not in places]
        values = parse_numbers(points, columns, "space", unused)[:, places]
        xyz, fields = np.hsplit(values, [len(AXES)])
        with np.errstate(over="ignore"):  # what gets infinite is refused by its line
            xyz = xyz * _point_unit(extent, xyz)
        return field_on_grid(PointTable(points, needed, xyz, fields), wanted)


@dataclass(frozen=True)
class _Extent:
    """The grid that the header declares: the corners and the step, ``(3,)`` each, m, and the unit of points in m."""

    path: Path
    line: int
    """The number of the line that declares it."""
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    step: NDArray[np.float64]
    unit: float


def _split_header(table: TextTable) -> tuple[_Extent, TextTable]:
    """The declared grid, and the lines of points, with the line of the quantity as their header.

    What else the lines above the points say is among the remarks.
    """
    line, body, number, others = table.header.strip(), table.body, table.first_line - 1, [table.remarks]
    while not line.startswith(_GRID) and len(others) < _MOST_HEADER_LINES and body:
        others.append(line)
        head, _, body = body.partition(b"\n")
        line, number = text_of(head).strip(), number + 1
    match = _EXTENT.fullmatch(line)
    if not match:
        found, where = (line, number) if line.startswith(_GRID) else (table.header, table.first_line - 1)
        raise DataError(
            f"{table.path}: line {where}: must be 'Grid Output Min: [...] Max: [...] Grid Size: [...]', found "
            f"{found[:60]!r}; export on a grid with points included"
        )
    declares, line_of_grid = f"{table.path}: line {number}", number
    low, high, step = (_lengths(declares, text) for text in match.groups()[:3])
    unit = _declared_unit(declares, match[4])
    remarks = [*others, match[5]]
    second, _, body = body.partition(b"\n")
    while (_STATEMENT_LINE.match(second) or not second.strip()) and body and len(remarks) < _MOST_HEADER_LINES:
        remarks.append(text_of(second))
        second, _, body = body.partition(b"\n")
        number += 1
    points = TextTable(table.path, text_of(second).strip(), body, number + 2, "\n".join(remarks))
    return _Extent(table.path, line_of_grid, low, high, step, unit), points


def _check_points_included(points: TextTable, columns: Sequence[str]) -> None:
    """Raise DataError where the first line has numbers for the field alone."""
    first, _, _ = points.body.lstrip().partition(b"\n")
    if len(first.split()) == len(columns) - len(AXES):
        raise _without_points(points.path)


def _without_points(path: Path) -> DataError:
    return DataError(f"{path}: holds no points; export it again with 'Include points in output'")


def _check_quantity(points: TextTable, columns: Sequence[str]) -> None:
    """Raise DataError where the last header line does not declare the complex vector of ``columns``."""
    line, quantity = points.header, columns[len(AXES)][0]
    expected = ",".join(f"{quantity}{axis}" for axis in AXES)
    match = _COLUMNS.fullmatch(line)
    if _NO_COORDINATES.fullmatch(line):
        raise _without_points(points.path)
    if not match:
        problem = f"must be 'X, Y, Z, Complex Vector data \"<{expected}>\"', found {line[:60]!r}"
    elif match[1].casefold() != _COMPLEX:
        problem = f"declares {match[1][:40]!r}, not 'Complex Vector data'"
    else:
        found = _EXPRESSION.fullmatch(match[2].replace(" ", ""))
        if found and found[1] == expected:
            return
        problem = f"declares the quantity {match[2][:40]!r}, not '<{expected}>'"
    raise DataError(f"{points.header_place}: {problem}; export the complex vector {quantity} on a Cartesian grid")


def _declared_unit(where: str, unit: str | None) -> float:
    """The metres in a unit that the header declares for the points; 1 where it declares none."""
    if unit is None:
        return 1.0
    try:
        return length_factor(unit)
    except ValueError as known:
        raise DataError(f"{where}: the unit {unit[:20]!r} is not known; export in one of: {known}") from None


def _point_unit(extent: _Extent, xyz: NDArray[np.float64]) -> float:
    """What the coordinates are multiplied by to be in m: the unit in which they span the grid of the header."""
    tolerance = _GRID_TOLERANCE * max(extent.step.max(), np.finfo(np.float64).tiny)
    low, high = xyz.min(0, initial=np.inf), xyz.max(0, initial=-np.inf)
    for unit in dict.fromkeys((1.0, extent.unit)):
        ends = low * unit - extent.low, high * unit - extent.high
        if max(np.abs(end).max() for end in ends) <= tolerance:
            return unit
    raise DataError(
        f"{extent.path}: the points do not span the grid that line {extent.line} declares, in m or in its unit; the "
        "file may be cut off: export it again"
    )


def _lengths(where: str, text: str) -> NDArray[np.float64]:
    """``-5mm -5mm 1mm`` -> m, ``(3,)``."""
    matches = [_LENGTH.fullmatch(part) for part in text.replace(",", " ").split()]
    lengths = [float(match[1]) * LENGTHS[match[2]] for match in matches if match and match[2] in LENGTHS]
    if len(matches) != len(AXES) or len(lengths) != len(AXES):
        raise DataError(
            f"{where}: '[{text[:60]}]' is not three lengths with units (known: {', '.join(LENGTHS)}); export on a "
            "Cartesian grid"
        )
    return np.array(lengths)
