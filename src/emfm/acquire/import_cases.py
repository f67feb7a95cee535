"""Solved cases of the user's own as samples, in an order that depends on the input alone."""

import hashlib
import inspect
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from emfm.acquire.case_checks import refuse_unphysical, refuse_unusable
from emfm.acquire.readers import CaseReader, find_reader
from emfm.acquire.readers.sample_table import TABLE_FILE, SampleTable, read_sample_table
from emfm.core.errors import DataError
from emfm.core.grid import Geometry
from emfm.core.sample import Sample
from ttt.files import sha256_file

KEY_BYTES = 16


@dataclass(frozen=True, eq=False)
class CaseFolder:
    """The cases of one root: which samples they are, and who reads them."""

    root: Path
    reader: CaseReader
    table: SampleTable

    def place(self, case: str) -> str:
        """The file of a case, or the folder of its files, for messages."""
        files = self.reader.files(self.root, case)
        return str(files[0] if len(files) == 1 else files[0].parent)


@dataclass(frozen=True, eq=False)
class ImportedCases:
    """The cases of some folders: an `emfm.core.sample.SampleSource`. A case is read when it is asked for."""

    geometry: Geometry
    folders: tuple[CaseFolder, ...]
    tolerance: float | None = None
    """How far a point may lie from its grid point in each direction, m; None: a thousandth of the pitch."""
    accept_unphysical: bool = False
    """Whether fields without phase, or whose E and H do not belong together, are taken."""

    def __len__(self) -> int:
        return sum(len(folder.table.ids) for folder in self.folders)

    @cached_property
    def parameter_names(self) -> tuple[str, ...]:
        """The parameters of all folders, in the order in which they first appear."""
        return tuple(dict.fromkeys(name for folder in self.folders for name in folder.table.parameter_names))

    def sample(self, row: int) -> Sample:
        """The case of ``row``; raises DataError naming the file and what is wrong with it."""
        folder, place = self._find(row)
        table = folder.table
        source_h, target = folder.reader.read(folder.root, table.ids[place], self.geometry, self.tolerance)
        where = folder.place(table.ids[place])
        refuse_unusable(source_h, target, where)
        if not self.accept_unphysical:
            refuse_unphysical(source_h, target, self.geometry, where)
        return Sample(table.ids[place], table.families[place], source_h, target, self._parameters(folder, place))

    def sample_with(
        self, row: int, source_h: NDArray[np.float32], target: NDArray[np.float32], fingerprint: NDArray[np.float64]
    ) -> Sample:
        """The case of ``row`` with fields that an earlier import has read; opens no file."""
        folder, place = self._find(row)
        table = folder.table
        parameters = self._parameters(folder, place)
        return Sample(table.ids[place], table.families[place], source_h, target, parameters, fingerprint)

    def inventory_digest(self) -> str:
        """Identity of the samples: order, families, parameters, and each file's name, size and time.

        Reads no field, so that a stopped import can soon tell whether it goes on with the same input.
        """
        digest = hashlib.sha256()
        for folder in self.folders:
            table = folder.table
            digest.update(f"{len(table.ids)} {table.parameter_names!r}\n".encode())
            digest.update(table.parameters.tobytes())
            for case, family in zip(table.ids, table.families, strict=True):
                digest.update(f"{case}\0{family}\n".encode())
        digest.update(self.case_keys.tobytes())
        return digest.hexdigest()

    @cached_property
    def case_keys(self) -> NDArray[np.uint8]:
        """A name for the fields of each case, ``(n, KEY_BYTES)``: they are the same where it is the same.

        A hash of the case's place, its reader with its code, the tolerance, and its files' names, sizes and times.
        """
        keys = bytearray()
        for folder in self.folders:
            reader = type(folder.reader)
            code = sha256_file(Path(inspect.getfile(reader)))
            common = hashlib.sha256(
                f"{folder.root.resolve()}\0{reader.__qualname__}\0{code}\0{self.tolerance}\n".encode()
            )
            for case in folder.table.ids:
                key = common.copy()
                key.update(f"{case}\n".encode())
                for path in folder.reader.files(folder.root, case):
                    facts = path.stat()
                    key.update(f"{path.name}\0{facts.st_size}\0{facts.st_mtime_ns}\n".encode())
                keys += key.digest()[:KEY_BYTES]
        return np.frombuffer(bytes(keys), np.uint8).reshape(-1, KEY_BYTES)

    def _find(self, row: int) -> tuple[CaseFolder, int]:
        """The folder that holds the case of ``row``, and the case's place in it."""
        number = bisect_right(self._ends, row)
        folder = self.folders[number]
        return folder, row - (self._ends[number] - len(folder.table.ids))

    def _parameters(self, folder: CaseFolder, place: int) -> NDArray[np.float64]:
        parameters = np.full(len(self.parameter_names), np.nan)
        names = folder.table.parameter_names
        parameters[[self.parameter_names.index(name) for name in names]] = folder.table.parameters[place]
        return parameters

    @cached_property
    def _ends(self) -> list[int]:
        """The row after the last one of each folder."""
        return list(accumulate(len(folder.table.ids) for folder in self.folders))


def open_import(
    roots: Sequence[Path],
    reader: str,
    geometry: Geometry,
    tolerance: float | None = None,
    *,
    accept_unphysical: bool = False,
) -> ImportedCases:
    """The cases in ``roots``, one root after another, each in the order of samples.csv, else of the IDs.

    The same ID in two roots is allowed: whether it is the same sample is decided when repeats are dropped.

    Args:
        roots: folders of cases, one after another.
        reader: the name of a registered reader, or ``auto``: the one whose format a root holds.
        geometry: the frequency and planes that every case must have.
        tolerance: how far a point may lie from its grid point in each direction, m; None: a thousandth of the pitch.
        accept_unphysical: see `ImportedCases`.

    Raises:
        DataError: a root is no folder of cases, or its samples.csv does not fit them.
        ConfigError: there is no reader of this name.
    """
    folders = tuple(_open_folder(root, find_reader(reader, root)) for root in roots)
    return ImportedCases(geometry, folders, tolerance, accept_unphysical)


def _open_folder(root: Path, reader: CaseReader) -> CaseFolder:
    cases = reader.cases(root)
    if not cases:
        raise DataError(f"{root}: holds no cases for this reader; name another folder, or another reader")
    return CaseFolder(root, reader, read_sample_table(root / TABLE_FILE, cases))
