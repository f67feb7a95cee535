"""ASCII exports of field solvers: ``<root>/cases/<id>/`` or ``<root>/<id>/`` with three ``.txt`` files.

``source_H.txt``, ``target_E.txt`` and ``target_H.txt``, each with a header such as::

    x [mm]   y [mm]   z [mm]   ExRe [V/m]   ExIm [V/m]   EyRe [V/m]   EyIm [V/m]   EzRe [V/m]   EzIm [V/m]
    ------------------------------------------------------------------------------------------------------

This is what CST Studio's "Export Plot Data (ASCII)" writes for a complex field. Columns come in the order and
the units that the header declares, rows in any order; the dashed line may be absent. A solver exports all
three components, so ``source_H.txt`` may hold Hz, which is not used. Fields must be peak phasors with
exp(+jwt), as they are in CST.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from emfm.data.readers.base import READERS, Fields, NoParams
from emfm.data.readers.folders import CaseFolders
from emfm.data.readers.planes import PointTable, field_on_grid
from emfm.data.readers.tables import (
    AXES,
    TextTable,
    check_columns,
    parse_numbers,
    read_text_table,
)
from emfm.data.sample import DataError
from emfm.physics.channels import (
    E_CHANNELS,
    H_CHANNELS,
    H_COMPONENTS,
    SOURCE_CHANNELS,
    TARGET_CHANNELS,
    channel_names,
)
from emfm.physics.grid import Geometry, Grid

SOURCE_FILE: Final = "source_H.txt"
E_FILE: Final = "target_E.txt"
H_FILE: Final = "target_H.txt"

LENGTHS: Final = {
    "m": 1.0,
    "cm": 1e-2,
    "mm": 1e-3,
    "um": 1e-6,
    "nm": 1e-9,
    "in": 25.4e-3,
    "mil": 25.4e-6,
    "ft": 0.3048,
}
_PREFIXES: Final = {"": 1.0, "n": 1e-9, "u": 1e-6, "m": 1e-3, "k": 1e3, "M": 1e6}
_NUMERATORS: Final = {"E": "V", "H": "A"}
_COLUMN: Final = re.compile(r"(\S+?)\s*\[([^\[\]]*)\]\s*")
_UNIT: Final = re.compile(r"([numkM]?)([VA])/(\w+)")
_MICRO: Final = str.maketrans("\u00b5\u03bc", "uu")


@READERS.register("solver_ascii", params=NoParams)
class SolverAscii(CaseFolders):
    """Folders of three ASCII exports: an `emfm.data.readers.base.CaseReader`."""

    names = (SOURCE_FILE, E_FILE, H_FILE)

    def read(self, root: Path, case: str, geometry: Geometry) -> Fields:
        """The fields of a case; raises DataError where it cannot be used."""
        source_file, e_file, h_file = self.files(root, case)
        source_h = read_solver_source(source_file, geometry.source, root)
        electric = _read_plane(e_file, TARGET_CHANNELS[E_CHANNELS], (), geometry.target, root)
        magnetic = _read_plane(h_file, TARGET_CHANNELS[H_CHANNELS], (), geometry.target, root)
        return source_h, np.concatenate([electric, magnetic])


def read_solver_source(path: Path, grid: Grid, root: Path | None = None) -> NDArray[np.float32]:
    """Source H of an export on ``grid``: ``(4, ny, nx)``, A/m; columns of Hz are not used.

    Raises DataError naming the file and the line, column or unit that cannot be used, also where a link
    leads the file out of ``root``.
    """
    unused = [name for name in channel_names(H_COMPONENTS) if name not in SOURCE_CHANNELS]
    return _read_plane(path, SOURCE_CHANNELS, unused, grid, root)


def _read_plane(
    path: Path, channels: Sequence[str], unused: Sequence[str], grid: Grid, root: Path | None
) -> NDArray[np.float32]:
    needed = (*AXES, *(_solver_name(channel) for channel in channels))
    table = read_text_table(path, len(needed) + len(unused), grid.ny * grid.nx, root)
    columns = _declared_columns(table)
    names = [name for name, _ in columns]
    check_columns(path, names, needed, [_solver_name(channel) for channel in unused])
    factors = [_factor(path, name, unit) for name, unit in columns]
    table = _below_dashes(table)
    values = parse_numbers(table, names, "space") * factors
    places = [names.index(name) for name in needed]
    xyz, fields = values[:, places[: len(AXES)]], values[:, places[len(AXES) :]]
    return field_on_grid(PointTable(table, needed, xyz, fields), grid)


def _solver_name(channel: str) -> str:
    """``Ex_re`` -> ``ExRe``."""
    component, part = channel.split("_")
    return component + part.capitalize()


def _declared_columns(table: TextTable) -> list[tuple[str, str]]:
    """The names and units of the header."""
    columns: list[tuple[str, str]] = _COLUMN.findall(table.header)
    if not columns or _COLUMN.sub("", table.header):
        raise DataError(
            f"{table.path}: line 1: must name columns and units, such as 'x [mm] y [mm] z [mm] HxRe [A/m]', "
            f"found {table.header[:60]!r}; export the field with its header"
        )
    return columns


def _factor(path: Path, name: str, unit: str) -> float:
    """What the numbers of a column are multiplied by to be in m, V/m or A/m."""
    text = unit.strip().translate(_MICRO)
    if name in AXES:
        if text in LENGTHS:
            return LENGTHS[text]
        allowed = ", ".join(LENGTHS)
    else:
        numerator = _NUMERATORS[name[0]]
        match = _UNIT.fullmatch(text)
        if match and match[2] == numerator and match[3] in LENGTHS:
            return _PREFIXES[match[1]] / LENGTHS[match[3]]
        allowed = f"{numerator}/m, k{numerator}/m, m{numerator}/m and the like"
    raise DataError(f"{path}: line 1: the column {name} has the unit {unit!r}; export it in one of: {allowed}")


def _below_dashes(table: TextTable) -> TextTable:
    """The table without the dashed line that may stand beneath the header."""
    line, _, rest = table.body.partition(b"\n")
    dashes = line.strip()
    if not dashes or dashes.strip(b"-"):
        return table
    return TextTable(table.path, table.header, rest, table.first_line + 1)
