"""What a reader of solved cases does, the readers by name, and which of them a folder is for.

An own format registers its class. Where a case is a folder of three files, one for each field, the class extends
`emfm.acquire.readers.folders.CaseFolders` and gives the files' names and how one is read::

    @READERS.register("my_solver")
    class MySolver(CaseFolders):
        names = ("source_H.dat", "target_E.dat", "target_H.dat")

        def read_plane(self, path: Path, wanted: WantedPlane) -> NDArray[np.float32]: ...

Other formats have all methods of `CaseReader`.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from emfm.core.errors import DataError
from emfm.core.grid import Geometry, Grid
from ttt.registry import Registry

Fields = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Source H ``(4, ny, nx)``, A/m, and target ``(12, ny, nx)``, E in V/m and H in A/m."""

AUTO: Final = "auto"
MOST_POINTS: Final = 1_000_000
"""That a table may hold where it need not hold a plane alone."""


@dataclass(frozen=True)
class WantedPlane:
    """The field that a file must hold, and what else it may be like."""

    channels: tuple[str, ...]
    """Canonical names such as ``Hx_re``, all of E or all of H."""
    grid: Grid
    """Where the field's points lie."""
    frequency: float
    """Hz; where the file states one, it must be this."""
    tolerance: float | None = None
    """How far from its place a point may lie in each direction, m; None: a thousandth of the pitch."""
    root: Path | None = None
    """The folder that links must not lead out of; None: they may lead anywhere."""
    larger: bool = False
    """Whether the file may hold further points, which are not used."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the field: ``(channels, ny, nx)``."""
        return (len(self.channels), *self.grid.shape)

    @property
    def most_points(self) -> int:
        """How many points the file may hold: those of the grid, or, where it may be larger, what memory is spent on."""
        points = self.grid.nx * self.grid.ny
        return max(points, MOST_POINTS) if self.larger else points


class CaseReader(Protocol):
    """One format of solved cases. Reads in other processes too, so it must be picklable."""

    def recognises(self, root: Path) -> bool:
        """Whether ``root`` holds any case of this format."""
        ...

    def cases(self, root: Path) -> list[str]:
        """The IDs of the cases in ``root``, ``case_2`` before ``case_10``; raises DataError for a bad one."""
        ...

    def files(self, root: Path, case: str) -> tuple[Path, ...]:
        """The files that a case consists of."""
        ...

    def read(self, root: Path, case: str, geometry: Geometry, tolerance: float | None = None, /) -> Fields:
        """The fields of a case on the planes of ``geometry``; raises DataError where it cannot be used.

        A point may lie ``tolerance`` m from its place in each direction; None: a thousandth of the pitch. Where the
        files state a frequency, it must be that of ``geometry``.
        """
        ...


READERS: Final[Registry[CaseReader]] = Registry("case reader")
"""A further format registers its class here."""


def find_reader(name: str, root: Path) -> CaseReader:
    """The reader called ``name``; for ``auto``, the one whose format ``root`` holds.

    Raises DataError where ``root`` is no folder, or holds cases of no known format or of several, and
    ConfigError for an unknown name.
    """
    if not root.is_dir():
        raise DataError(f"{root}: no such folder; name folders of cases under acquire.import.roots")
    if name != AUTO:
        return READERS.get(name, "acquire.import.reader").build()
    known = {candidate: READERS.get(candidate).build() for candidate in READERS.names()}
    fitting = [candidate for candidate, reader in known.items() if reader.recognises(root)]
    if len(fitting) == 1:
        return known[fitting[0]]
    found = f"cases of several formats ({', '.join(fitting)})" if fitting else "no cases of a known format"
    raise DataError(
        f"{root}: holds {found}; set acquire.import.reader to one of {', '.join(known)} to be told what it "
        "expects there"
    )
