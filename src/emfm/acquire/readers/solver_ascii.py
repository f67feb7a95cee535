"""ASCII exports of field solvers: ``<root>/cases/<id>/`` or ``<root>/<id>/`` with three ``.txt`` files.

``source_H.txt``, ``target_E.txt`` and ``target_H.txt``, each with a header such as::

    x [mm]   y [mm]   z [mm]   ExRe [V/m]   ExIm [V/m]   EyRe [V/m]   EyIm [V/m]   EzRe [V/m]   EzIm [V/m]
    ------------------------------------------------------------------------------------------------------

This is what CST Studio's "Export Plot Data (ASCII)" writes for a complex field, and its ASCIIExport with the file
type csv and any separator (``x [mm];y [mm];...``). Columns come in the order and the units that the header declares,
rows in any order; the dashed line may be absent. A solver exports all three components, so ``source_H.txt`` may hold
Hz, which is not used, as further columns are not. Fields must be peak phasors with exp(+jwt), as they are in CST.

CST writes no frequency into the file. What a remark above the header states of it is compared.
"""

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from emfm.acquire.readers.base import READERS, Fields
from emfm.acquire.readers.columns import AXES
from emfm.acquire.readers.folders import CaseFolders
from emfm.acquire.readers.named_tables import TableFormat, read_named_plane
from emfm.core.channels import E_CHANNELS, H_CHANNELS, SOURCE_CHANNELS, TARGET_CHANNELS
from emfm.core.grid import Geometry, Grid

SOURCE_FILE: Final = "source_H.txt"
E_FILE: Final = "target_E.txt"
H_FILE: Final = "target_H.txt"


@READERS.register("solver_ascii")
class SolverAscii(CaseFolders):
    """Folders of three ASCII exports: an `emfm.acquire.readers.base.CaseReader`."""

    names = (SOURCE_FILE, E_FILE, H_FILE)

    def read(self, root: Path, case: str, geometry: Geometry, tolerance: float | None = None) -> Fields:
        """The fields of a case; raises DataError where it cannot be used."""
        source_file, e_file, h_file = self.files(root, case)
        common = (_FORMAT, root, geometry.frequency, tolerance)
        source_h = read_named_plane(source_file, SOURCE_CHANNELS, geometry.source, *common)
        electric = read_named_plane(e_file, TARGET_CHANNELS[E_CHANNELS], geometry.target, *common)
        magnetic = read_named_plane(h_file, TARGET_CHANNELS[H_CHANNELS], geometry.target, *common)
        return source_h, np.concatenate([electric, magnetic])


def read_solver_source(
    path: Path,
    grid: Grid,
    root: Path | None = None,
    frequency: float | None = None,
    tolerance: float | None = None,
    larger: bool = False,
) -> NDArray[np.float32]:
    """Source H of an export on ``grid``: ``(4, ny, nx)``, A/m; columns of Hz are not used.

    See `emfm.acquire.readers.named_tables.read_named_plane`. Raises DataError naming the file and the line, column or
    unit that cannot be used, also where a link leads the file out of ``root``.
    """
    return read_named_plane(path, SOURCE_CHANNELS, grid, _FORMAT, root, frequency, tolerance, larger)


def _solver_name(name: str) -> str:
    """``Ex_re`` -> ``ExRe``."""
    if name in AXES:
        return name
    component, part = name.split("_")
    return component + part.capitalize()


_FORMAT: Final = TableFormat(spell=_solver_name, has_units=True, ruled=True)
