"""CSV cases: ``<root>/cases/<id>/`` or ``<root>/<id>/`` with source_H.csv, target_E.csv and target_H.csv.

Columns ``x,y,z`` in mm and the channels by name, in V/m and A/m; rows and columns in any order. What other programs
write is read where it has one meaning: columns separated by ``;``, tabs or blanks, decimal commas there, quotes, names
such as ``hx_re`` or ``HxRe``, units behind names (``x [m]``), UTF-16, a byte order mark, any line end. Further columns
are not used, but one of frequencies is compared with the frequency of the samples.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from emfm.acquire.readers.base import READERS, Fields
from emfm.acquire.readers.folders import CaseFolders
from emfm.acquire.readers.named_tables import TableFormat, read_named_plane
from emfm.core.channels import E_CHANNELS, H_CHANNELS, SOURCE_CHANNELS, TARGET_CHANNELS
from emfm.core.grid import Geometry, Grid

SOURCE_FILE: Final = "source_H.csv"
E_FILE: Final = "target_E.csv"
H_FILE: Final = "target_H.csv"

_FORMAT: Final = TableFormat(spell=str, has_units=False, ruled=True)


@READERS.register("csv_cases")
class CsvCases(CaseFolders):
    """Folders of three CSV files: an `emfm.acquire.readers.base.CaseReader`."""

    names = (SOURCE_FILE, E_FILE, H_FILE)

    def read(self, root: Path, case: str, geometry: Geometry, tolerance: float | None = None) -> Fields:
        """The fields of a case; raises DataError where it cannot be used."""
        source_file, e_file, h_file = self.files(root, case)
        common = (root, geometry.frequency, tolerance)
        source_h = read_csv_plane(source_file, SOURCE_CHANNELS, geometry.source, *common)
        electric = read_csv_plane(e_file, TARGET_CHANNELS[E_CHANNELS], geometry.target, *common)
        magnetic = read_csv_plane(h_file, TARGET_CHANNELS[H_CHANNELS], geometry.target, *common)
        return source_h, np.concatenate([electric, magnetic])


def read_csv_plane(
    path: Path,
    channels: Sequence[str],
    grid: Grid,
    root: Path | None = None,
    frequency: float | None = None,
    tolerance: float | None = None,
    larger: bool = False,
) -> NDArray[np.float32]:
    """The channels of a CSV file on ``grid``: ``(len(channels), ny, nx)``.

    See `emfm.acquire.readers.named_tables.read_named_plane`. Raises DataError naming the file and the line or column that
    cannot be used, also where a link leads the file out of ``root``.
    """
    return read_named_plane(path, channels, grid, _FORMAT, root, frequency, tolerance, larger)
