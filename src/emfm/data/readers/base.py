"""What a reader of cases does, and which reader a folder is for."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from emfm.data.sample import DataError, checked_id
from emfm.physics.grid import Geometry
from ttt.config import ConfigError, Section
from ttt.registry import Registry

Fields = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Source H ``(4, ny, nx)``, A/m, and target ``(12, ny, nx)``, V/m and A/m."""

AUTO: Final = "auto"


class CaseReader(Protocol):
    """One format of solved cases."""

    def cases(self, root: Path) -> Mapping[str, Path]:
        """Where each case of ``root`` is (a folder or a file), by ID; empty where the format is not there."""
        ...

    def files(self, case: Path) -> list[Path]:
        """The files that a case consists of."""
        ...

    def read(self, case: Path, geometry: Geometry) -> Fields:
        """The fields of a case on the planes of ``geometry``; raises DataError where it cannot be used."""
        ...


READERS: Final[Registry[CaseReader]] = Registry("case reader")
"""``build(None) -> CaseReader``. A further format registers itself here."""


class NoParams(Section):
    """A reader takes no parameters."""


def find_reader(name: str, root: Path) -> CaseReader:
    """The reader called ``name``; for ``auto``, the one whose format ``root`` holds.

    Raises DataError where ``root`` is no folder or holds the format of no reader or of several.
    """
    if not root.is_dir():
        raise DataError(f"{root}: no such folder; name folders of cases under acquire.import.roots")
    if name != AUTO:
        try:
            return READERS.get(name, "acquire.import.reader").build(None)
        except ConfigError as error:
            raise DataError(str(error)) from error
    readers = {known: READERS.get(known).build(None) for known in READERS.names()}
    fitting = [known for known, reader in readers.items() if reader.cases(root)]
    if len(fitting) != 1:
        found = f"cases of several formats ({', '.join(fitting)})" if fitting else "no cases of any known format"
        raise DataError(
            f"{root}: holds {found}; set acquire.import.reader to one of {', '.join(READERS.names())}"
        )
    return readers[fitting[0]]


def case_folders(root: Path, names: tuple[str, ...]) -> dict[str, Path]:
    """The folders ``<root>/cases/<id>`` or ``<root>/<id>`` that hold any of the files ``names``, by ID."""
    parent = root / "cases" if (root / "cases").is_dir() else root
    found = {}
    for folder in sorted(parent.iterdir(), key=lambda path: natural_key(path.name)):
        if folder.is_dir() and any((folder / name).exists() for name in names):
            inside(folder, root)
            found[checked_id(folder.name, str(folder))] = folder
    return found


def inside(path: Path, root: Path) -> None:
    """Raise DataError where ``path`` leads out of ``root`` by a link."""
    if not path.resolve().is_relative_to(root.resolve()):
        raise DataError(f"{path}: is a link to a place outside of {root}; put the files themselves there")


def natural_key(name: str) -> list[tuple[int, int | str]]:
    """Sorts ``case_2`` before ``case_10``."""
    parts: list[tuple[int, int | str]] = []
    for part in re.split(r"(\d+)", name):
        parts.append((0, int(part)) if part.isdecimal() else (1, part))
    return parts


def to_float32(values: NDArray[Any], where: str) -> NDArray[np.float32]:
    """``values`` rounded to float32; raises DataError for NaN, Inf or a number that is too large."""
    with np.errstate(over="ignore"):
        rounded = np.asarray(values).astype(np.float32)
    if not np.isfinite(rounded).all():
        place = tuple(int(index) for index in np.argwhere(~np.isfinite(rounded))[0])
        raise DataError(
            f"{where}: the value at [channel, y, x] = {list(place)} is NaN, Inf or too large; solve the case again or "
            "remove it"
        )
    return rounded
