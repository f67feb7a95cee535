"""Cases as files: where they lie, in which order they come, and that no link leads out of their folder."""

import os
import re
import stat
from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from emfm.acquire.readers.base import Fields, WantedPlane
from emfm.core.channels import E_CHANNELS, H_CHANNELS, SOURCE_CHANNELS, TARGET_CHANNELS
from emfm.core.errors import DataError
from emfm.core.grid import Geometry
from emfm.core.sample import checked_id

CASES_FOLDER: Final = "cases"


class CaseFolders(ABC):
    """Cases that are folders ``<root>/cases/<id>`` or ``<root>/<id>`` with three files in each, one for each field.

    An `emfm.acquire.readers.base.CaseReader`. A format adds the names of the files and how one of them is read.
    """

    names: ClassVar[tuple[str, str, str]]
    """The files of a case: source H, target E, target H."""

    @abstractmethod
    def read_plane(self, path: Path, wanted: WantedPlane) -> NDArray[np.float32]:
        """The field in a file, ``(channels, ny, nx)``, V/m or A/m.

        Raises DataError naming the file and the line, column or key that cannot be used.
        """

    def read(self, root: Path, case: str, geometry: Geometry, tolerance: float | None = None, /) -> Fields:
        """See `CaseReader`."""
        source_h, target_e, target_h = (
            self.read_plane(path, WantedPlane(channels, grid, geometry.frequency, tolerance, root))
            for path, channels, grid in zip(
                self.files(root, case),
                (SOURCE_CHANNELS, TARGET_CHANNELS[E_CHANNELS], TARGET_CHANNELS[H_CHANNELS]),
                (geometry.source, geometry.target, geometry.target),
                strict=True,
            )
        )
        return source_h, np.concatenate([target_e, target_h])

    def recognises(self, root: Path) -> bool:
        """Whether any case folder in ``root`` has one of the files."""
        return any(self._holds_any(folder) for folder in _folders(self._parent(root)))

    def cases(self, root: Path) -> list[str]:
        """The IDs of the case folders in ``root``, in natural order.

        Raises DataError for an ID that is not allowed, a case without one of its files, a folder that a link
        brings in from outside, and cases both in ``<root>/cases`` and beside it.
        """
        parent = self._parent(root)
        beside = [folder for folder in _folders(root) if parent != root and folder != parent]
        for folder in beside:
            if self._holds_any(folder):
                raise DataError(f"{folder}: a case beside {parent}; move all cases into one of the two folders")
        folders = _folders(parent)
        for folder in folders:
            checked_id(folder.name, str(parent))
            refuse_outside(folder, root)
            present = _names_in(folder)
            missing = [name for name in self.names if name not in present]
            if missing:
                raise DataError(f"{folder}: the case has no {missing[0]}; add the file, or remove the folder")
        return sorted((folder.name for folder in folders), key=natural_key)

    def files(self, root: Path, case: str) -> tuple[Path, ...]:
        """The files of a case, in the order of ``names``."""
        folder = self._parent(root) / case
        return tuple(folder / name for name in self.names)

    def _parent(self, root: Path) -> Path:
        """The folder of the case folders. ``<root>/cases`` with a case's files in it is itself a case."""
        folder = root / CASES_FOLDER
        return folder if folder.is_dir() and not self._holds_any(folder) else root

    def _holds_any(self, folder: Path) -> bool:
        return not _names_in(folder).isdisjoint(self.names)


def natural_key(name: str) -> tuple[list[int | str], str]:
    """Sorts ``case_2`` before ``case_10``; the name itself decides between ``1`` and ``01``."""
    parts: list[int | str] = list(re.split(r"([0-9]+)", name))
    parts[1::2] = [int(digits) for digits in parts[1::2]]
    return parts, name


def checked_file(path: Path, root: Path | None = None) -> int:
    """The size of the file ``path``, in bytes.

    Raises DataError where it is missing, empty or no ordinary file, or leads out of ``root`` by a link.
    """
    if root is not None:
        refuse_outside(path, root)
    try:
        facts = path.stat()
    except FileNotFoundError:
        raise DataError(f"{path}: missing; add the file, or name another") from None
    if not stat.S_ISREG(facts.st_mode):
        raise DataError(f"{path}: is not an ordinary file; put the file itself there")
    if facts.st_size == 0:
        raise DataError(f"{path}: is empty; export it again")
    return facts.st_size


def refuse_outside(path: Path, root: Path) -> None:
    """Raise DataError where a link below ``root`` leads ``path`` out of it."""
    current = root
    for part in path.relative_to(root).parts:
        current = current / part
        if current.is_symlink() and not current.resolve().is_relative_to(root.resolve()):
            raise DataError(f"{current}: is a link to a place outside of {root}; put the data themselves there")


def _folders(parent: Path) -> list[Path]:
    with os.scandir(parent) as entries:  # tells what is a folder without a further question for each
        return [parent / entry.name for entry in entries if not entry.name.startswith(".") and entry.is_dir()]


def _names_in(folder: Path) -> set[str]:
    with os.scandir(folder) as entries:
        return {entry.name for entry in entries}
