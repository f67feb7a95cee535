"""What was imported, kept for the next import, so that adding cases reads only those.

DVC removes a stage's outputs before it runs. So the files of a complete store are linked into a folder of their own,
or copied where the file system has no hard links. DVC may later replace the store by a copy; from then on, too, what is
kept takes the store's size again. Beside them lie each case's key, and last an index with what all of it depends on
and the hash of every file: what lacks it, or does not agree with it, is not used.
"""

import json
import shutil
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from emfm.acquire.import_cases import KEY_BYTES, ImportedCases
from emfm.core.sample import Sample
from emfm.core.store import Store
from ttt.files import DAMAGED, sha256_file, write_json, write_text

_INDEX: Final = "index.json"
_KEYS: Final = "case_keys.npy"
_STORE: Final = "store"


@dataclass(frozen=True, eq=False)
class PartlyKept:
    """The cases of an import, some of which an earlier one has read: an `emfm.core.sample.SampleSource`."""

    cases: ImportedCases
    store: Path
    """The packed store of the earlier import."""
    rows: NDArray[np.int64]
    """``(n,)``: where the fields of each case stand in that store; -1 where the case is to be read."""

    def __len__(self) -> int:
        return len(self.cases)

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """See `SampleSource`."""
        return self.cases.parameter_names

    def sample(self, row: int) -> Sample:
        """The case of ``row``; raises DataError where it cannot be used."""
        kept = int(self.rows[row])
        if kept < 0:
            return self.cases.sample(row)
        store, fingerprints = self._opened
        return self.cases.sample_with(row, store.source_h([kept])[0], store.target([kept])[0], fingerprints[kept])

    @cached_property
    def _opened(self) -> tuple[Store, NDArray[np.float64]]:
        store = Store(self.store)
        return store, store.fingerprints


def find_kept(cases: ImportedCases, folder: Path, identity: str, threads: int) -> PartlyKept | None:
    """``cases`` with the fields of those that `keep_import` has left in ``folder`` and that have not changed.

    None where there is nothing of this ``identity`` that can be trusted; then what is left of it is removed. Reads
    and hashes all that was kept, with so many ``threads``.
    """
    coming, current = _places(folder)
    keys = _trusted_keys(coming, identity, threads)
    if keys is not None:
        shutil.rmtree(current, ignore_errors=True)
        coming.rename(current)
    else:
        keys = _trusted_keys(current, identity, threads)
    if keys is None:
        forget_import(folder)
        return None
    known = {key.tobytes(): row for row, key in enumerate(keys)}
    rows = np.array([known.get(key.tobytes(), -1) for key in cases.case_keys], np.int64)
    return PartlyKept(cases, current / _STORE, rows)


def keep_import(store: Path, keys: NDArray[np.uint8], folder: Path, identity: str, threads: int) -> None:
    """Keep the complete ``store``, whose cases have these ``keys``, in ``folder``, in the place of an earlier one.

    Stopped at any moment, it leaves the earlier one, the new one or both. Raises OSError where the disk is full.
    """
    coming, current = _places(folder)
    shutil.rmtree(coming, ignore_errors=True)
    (coming / _STORE).mkdir(parents=True)
    for path in sorted(store.iterdir()):
        _link(path, coming / _STORE / path.name)
    np.save(coming / _KEYS, keys)
    write_json(coming / _INDEX, {"identity": identity, "files": _hashes(coming, _files(coming), threads)})
    shutil.rmtree(current, ignore_errors=True)
    coming.rename(current)


def forget_import(folder: Path) -> None:
    """Remove what was kept."""
    for place in _places(folder):
        shutil.rmtree(place, ignore_errors=True)


def note_inventory(folder: Path, cases: ImportedCases) -> None:
    """Note beside ``folder`` which cases were imported, as they were when they were opened."""
    write_text(_inventory(folder), cases.inventory_digest())


def changed_since(folder: Path, cases: ImportedCases) -> bool:
    """Whether ``cases`` are known to be others than those of `note_inventory`: more, fewer, or with other files."""
    try:
        return _inventory(folder).read_text(encoding="utf-8") != cases.inventory_digest()
    except FileNotFoundError:
        return False


def _inventory(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.inventory")


def _places(folder: Path) -> tuple[Path, Path]:
    """Where a kept import may lie: the one that is being put there, and the one before it."""
    return folder.with_name(f"{folder.name}.next"), folder


def _trusted_keys(place: Path, identity: str, threads: int) -> NDArray[np.uint8] | None:
    """The key of each row of the store kept in ``place``; None where any of its files is not as the index says."""
    try:
        index: dict[str, Any] = json.loads((place / _INDEX).read_text(encoding="utf-8"))
        if index["identity"] != identity or index["files"] != _hashes(place, list(index["files"]), threads):
            return None
        keys: NDArray[np.uint8] = np.load(place / _KEYS, allow_pickle=False)
    except DAMAGED:
        return None
    return keys if keys.ndim == 2 and keys.shape[1] == KEY_BYTES else None


def _hashes(place: Path, names: Iterable[str], threads: int) -> dict[str, str]:
    names = list(names)
    with ThreadPoolExecutor(threads) as pool:
        return dict(zip(names, pool.map(lambda name: sha256_file(place / name), names), strict=True))


def _files(place: Path) -> list[str]:
    return sorted(path.relative_to(place).as_posix() for path in place.rglob("*") if path.is_file())


def _link(source: Path, target: Path) -> None:
    try:
        target.hardlink_to(source)
    except OSError:
        shutil.copyfile(source, target)
