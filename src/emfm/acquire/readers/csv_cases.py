"""CSV cases: ``<root>/cases/<id>/`` or ``<root>/<id>/`` with source_H.csv, target_E.csv and target_H.csv.

Columns ``x,y,z`` in mm and the channels by name, in V/m and A/m; rows and columns in any order. What other programs
write is read where it has one meaning: columns separated by ``;``, tabs or blanks, decimal commas there, quotes, names
such as ``hx_re`` or ``HxRe``, units behind names (``x [m]``), UTF-16, a byte order mark, any line end. Further columns
are not used, but one of frequencies is compared with the frequency of the samples.
"""

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from emfm.acquire.readers.base import READERS, WantedPlane
from emfm.acquire.readers.folders import CaseFolders
from emfm.acquire.readers.named_tables import TableFormat, read_named_plane

_FORMAT: Final = TableFormat(spell=str, has_units=False, ruled=True)


@READERS.register("csv_cases")
class CsvCases(CaseFolders):
    """Folders of three CSV files."""

    names = ("source_H.csv", "target_E.csv", "target_H.csv")

    def read_plane(self, path: Path, wanted: WantedPlane) -> NDArray[np.float32]:
        """See `emfm.acquire.readers.named_tables.read_named_plane`."""
        return read_named_plane(path, wanted, _FORMAT)
