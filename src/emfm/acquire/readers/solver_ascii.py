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

from emfm.acquire.readers.base import READERS, WantedPlane
from emfm.acquire.readers.columns import AXES
from emfm.acquire.readers.folders import CaseFolders
from emfm.acquire.readers.named_tables import TableFormat, read_named_plane


@READERS.register("solver_ascii")
class SolverAscii(CaseFolders):
    """Folders of three ASCII exports."""

    names = ("source_H.txt", "target_E.txt", "target_H.txt")

    def read_plane(self, path: Path, wanted: WantedPlane) -> NDArray[np.float32]:
        """See `emfm.acquire.readers.named_tables.read_named_plane`; columns that are not wanted are not used."""
        return read_named_plane(path, wanted, _FORMAT)


def _solver_name(name: str) -> str:
    """``Ex_re`` -> ``ExRe``."""
    if name in AXES:
        return name
    component, part = name.split("_")
    return component + part.capitalize()


_FORMAT: Final = TableFormat(spell=_solver_name, has_units=True, ruled=True)
