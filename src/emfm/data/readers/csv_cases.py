"""CSV cases: ``<root>/cases/<id>/`` or ``<root>/<id>/`` with source_H.csv, target_E.csv and target_H.csv.

Columns ``x,y,z`` in mm and the channels by name, in V/m and A/m; rows and columns in any order.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from emfm.data.readers.base import READERS, Fields, NoParams
from emfm.data.readers.folders import CaseFolders
from emfm.data.readers.planes import PointTable, field_on_grid
from emfm.data.readers.tables import AXES, check_columns, parse_numbers, read_text_table
from emfm.physics.channels import E_CHANNELS, H_CHANNELS, SOURCE_CHANNELS, TARGET_CHANNELS
from emfm.physics.grid import Geometry, Grid

SOURCE_FILE: Final = "source_H.csv"
E_FILE: Final = "target_E.csv"
H_FILE: Final = "target_H.csv"
_MM: Final = 1e-3


@READERS.register("csv_cases", params=NoParams)
class CsvCases(CaseFolders):
    """Folders of three CSV files: an `emfm.data.readers.base.CaseReader`."""

    names = (SOURCE_FILE, E_FILE, H_FILE)

    def read(self, root: Path, case: str, geometry: Geometry) -> Fields:
        """The fields of a case; raises DataError where it cannot be used."""
        source_file, e_file, h_file = self.files(root, case)
        source_h = read_csv_plane(source_file, SOURCE_CHANNELS, geometry.source, root)
        electric = read_csv_plane(e_file, TARGET_CHANNELS[E_CHANNELS], geometry.target, root)
        magnetic = read_csv_plane(h_file, TARGET_CHANNELS[H_CHANNELS], geometry.target, root)
        return source_h, np.concatenate([electric, magnetic])


def read_csv_plane(path: Path, channels: Sequence[str], grid: Grid, root: Path | None = None) -> NDArray[np.float32]:
    """The channels of a CSV file on ``grid``: ``(len(channels), ny, nx)``.

    Raises DataError naming the file and the line or column that cannot be used, also where a link leads the
    file out of ``root``.
    """
    needed = (*AXES, *channels)
    table = read_text_table(path, len(needed), grid.ny * grid.nx, root)
    names = [name.strip().strip('"') for name in table.header.split(",")]
    check_columns(path, names, needed)
    numbers = parse_numbers(table, names, "comma")
    xyz = numbers[:, [names.index(axis) for axis in AXES]] * _MM
    fields = numbers[:, [names.index(channel) for channel in channels]]
    return field_on_grid(PointTable(table, needed, xyz, fields), grid)
