"""What a reader of solved cases does, the readers by name, and which of them a folder is for."""

from pathlib import Path
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from emfm.core.errors import DataError
from emfm.core.grid import Geometry
from ttt.registry import Registry

Fields = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Source H ``(4, ny, nx)``, A/m, and target ``(12, ny, nx)``, E in V/m and H in A/m."""

AUTO: Final = "auto"


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

    def read(self, root: Path, case: str, geometry: Geometry, tolerance: float | None = None) -> Fields:
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
