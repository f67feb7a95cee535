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

The file says neither frequency nor phase: export at ``data.frequency_hz``; it cannot be checked.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from emfm.data.readers.base import READERS, Fields, NoParams
from emfm.data.readers.folders import CaseFolders
from emfm.data.readers.planes import POSITION_TOLERANCE, PointTable, field_on_grid
from emfm.data.readers.solver_ascii import LENGTHS
from emfm.data.readers.tables import AXES, TextTable, parse_numbers, read_text_table
from emfm.data.sample import DataError
from emfm.physics.channels import (
    E_CHANNELS,
    E_COMPONENTS,
    H_CHANNELS,
    H_COMPONENTS,
    SOURCE_CHANNELS,
    TARGET_CHANNELS,
    channel_names,
)
from emfm.physics.grid import Geometry, Grid

SOURCE_FILE: Final = "source_H.fld"
E_FILE: Final = "target_E.fld"
H_FILE: Final = "target_H.fld"

_TRIPLE: Final = r"\[([^\]]*)\]"
_EXTENT: Final = re.compile(
    rf'Grid Output Min:\s*{_TRIPLE}\s*Max:\s*{_TRIPLE}\s*Grid Size:\s*{_TRIPLE}\s*(?:Unit:\s*"(\w+)")?'
)
_LENGTH: Final = re.compile(r"([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)([a-z]+)")
_COLUMNS: Final = re.compile(r'X,\s*Y,\s*Z,\s*(.*?)\s*"(.*)"', re.IGNORECASE)
_COMPLEX: Final = "complex vector data"
_EXPRESSION: Final = re.compile(r"(?:Smooth\()?<([^<>]*)>\)?")


@READERS.register("hfss_fld", params=NoParams)
class HfssFld(CaseFolders):
    """Folders of three files of the Fields Calculator: an `emfm.data.readers.base.CaseReader`."""

    names = (SOURCE_FILE, E_FILE, H_FILE)

    def read(self, root: Path, case: str, geometry: Geometry) -> Fields:
        """The fields of a case; raises DataError where it cannot be used."""
        source_file, e_file, h_file = self.files(root, case)
        source_h = read_hfss_plane(source_file, SOURCE_CHANNELS, geometry.source, root)
        electric = read_hfss_plane(e_file, TARGET_CHANNELS[E_CHANNELS], geometry.target, root)
        magnetic = read_hfss_plane(h_file, TARGET_CHANNELS[H_CHANNELS], geometry.target, root)
        return source_h, np.concatenate([electric, magnetic])


def read_hfss_plane(path: Path, channels: Sequence[str], grid: Grid, root: Path | None = None) -> NDArray[np.float32]:
    """The channels of one field in a .fld file on ``grid``: ``(len(channels), ny, nx)``.

    Raises DataError naming the file and the line that cannot be used, also where a link leads the file out of ``root``.
    """
    columns = (*AXES, *channel_names(E_COMPONENTS if channels[0][0] == "E" else H_COMPONENTS))
    table = read_text_table(path, len(columns), grid.ny * grid.nx, root)
    second, _, body = table.body.partition(b"\n")
    _check_quantity(path, second.decode("latin-1").strip(), columns)
    points = TextTable(path, table.header, body, table.first_line + 1)
    values = parse_numbers(points, columns, "space")
    values[:, : len(AXES)] *= _point_unit(path, table.header, values)
    wanted = (*AXES, *channels)
    chosen = values[:, [columns.index(name) for name in wanted]]
    xyz, fields = np.hsplit(chosen, [len(AXES)])
    return field_on_grid(PointTable(points, wanted, xyz, fields), grid)


def _check_quantity(path: Path, line: str, columns: Sequence[str]) -> None:
    """Raise DataError where the second header line does not declare the complex vector of ``columns``."""
    quantity = columns[len(AXES)][0]
    expected = ",".join(f"{quantity}{axis}" for axis in AXES)
    match = _COLUMNS.fullmatch(line)
    if not match:
        problem = f"must be 'X, Y, Z, Complex Vector data \"<{expected}>\"', found {line[:60]!r}"
    elif match[1].casefold() != _COMPLEX:
        problem = f"declares {match[1][:40]!r}, not 'Complex Vector data'"
    else:
        found = _EXPRESSION.fullmatch(match[2].replace(" ", ""))
        if found and found[1] == expected:
            return
        problem = f"declares the quantity {match[2][:40]!r}, not '<{expected}>'"
    raise DataError(f"{path}: line 2: {problem}; export the complex vector {quantity} on a Cartesian grid")


def _point_unit(path: Path, header: str, values: NDArray[np.float64]) -> float:
    """What the coordinates are multiplied by to be in m: the unit in which they span the grid of the header."""
    match = _EXTENT.fullmatch(header)
    if not match:
        raise DataError(
            f"{path}: line 1: must be 'Grid Output Min: [...] Max: [...] Grid Size: [...]', found {header[:60]!r}; "
            "export on a grid with points included"
        )
    low, high, step = (_lengths(path, text) for text in match.groups()[:3])
    declared = match[4]
    if declared is not None and declared not in LENGTHS:
        raise DataError(
            f"{path}: line 1: the unit {declared[:20]!r} is not known; export in one of: {', '.join(LENGTHS)}"
        )
    xyz = values[:, : len(AXES)]
    tolerance = POSITION_TOLERANCE * max(step.max(), np.finfo(np.float64).tiny)
    for unit in dict.fromkeys((1.0, LENGTHS[declared or "m"])):
        ends = xyz.min(0, initial=np.inf) * unit - low, xyz.max(0, initial=-np.inf) * unit - high
        if max(np.abs(end).max() for end in ends) <= tolerance:
            return unit
    raise DataError(
        f"{path}: the points do not span the grid that line 1 declares, in m or in its unit; the file may be cut off: "
        "export it again"
    )


def _lengths(path: Path, text: str) -> NDArray[np.float64]:
    """``-5mm -5mm 1mm`` -> m, ``(3,)``."""
    matches = [_LENGTH.fullmatch(part) for part in text.replace(",", " ").split()]
    lengths = [float(match[1]) * LENGTHS[match[2]] for match in matches if match and match[2] in LENGTHS]
    if len(matches) != len(AXES) or len(lengths) != len(AXES):
        raise DataError(f"{path}: line 1: '[{text[:60]}]' is not three lengths with units; export on a Cartesian grid")
    return np.array(lengths)
