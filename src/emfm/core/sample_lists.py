"""Lists of sample IDs, and the samples of a store that they name."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from emfm.core.errors import DataError
from emfm.core.grid import Geometry
from emfm.core.store import Store
from ttt.text import decoded

AT_ONCE: Final = 64
"""Samples to read at a time: twice as fast as hundreds, whose fields the processor's cache does not hold."""


@dataclass(frozen=True)
class SampleList:
    """Samples of a store, in the order of ``rows``."""

    store: Store
    ids: tuple[str, ...]
    rows: NDArray[np.int64]
    """``(n,)``: where the samples are in the store."""

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def geometry(self) -> Geometry:
        """Frequency and planes of the samples."""
        return self.store.geometry

    @property
    def digest(self) -> str:
        """SHA-256 of the samples' IDs, content (by fingerprint) and order."""
        digest = hashlib.sha256("\n".join(self.ids).encode())
        digest.update(np.ascontiguousarray(self.store.fingerprints[self.rows]).tobytes())
        return digest.hexdigest()

    @property
    def family_names(self) -> NDArray[np.str_]:
        """The scene family of each sample, ``(n,)``."""
        return self.store.table["family"].to_numpy()[self.rows].astype(str)

    @property
    def families(self) -> NDArray[np.int64]:
        """The number of each sample's family, ``(n,)``."""
        numbers: NDArray[np.int64] = np.unique(self.family_names, return_inverse=True)[1]
        return numbers

    def part(self, places: list[int]) -> "SampleList":
        """The samples at some places of the list."""
        return SampleList(self.store, tuple(self.ids[place] for place in places), self.rows[places])

    def in_store_order(self) -> "SampleList":
        """The same samples in the order in which they are on the disk."""
        return self.part(np.argsort(self.rows, kind="stable").tolist())

    def first(self, count: int | None) -> "SampleList":
        """The first ``count`` samples (None: all)."""
        return self if count is None else self.part(list(range(min(count, len(self)))))

    def spread(self, count: int) -> "SampleList":
        """``count`` of the samples, far apart in the list, so that they come from different families.

        Fewer are the first of more: sample 0, then halves, quarters and so on, as bits are read backwards.
        """
        bits = (len(self) - 1).bit_length()
        return self.part(sorted(range(len(self)), key=lambda place: f"{place:0{bits}b}"[::-1])[:count])

    def batches(self, size: int = AT_ONCE) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32]]]:
        """Source H and target of ``size`` samples at a time."""
        for start in range(0, len(self), size):
            rows = self.rows[start : start + size]
            yield self.store.source_h(rows), self.store.target(rows)


def open_samples(store: Store, ids_file: Path, first: int | None = None) -> SampleList:
    """The samples that ``ids_file`` lists, or its first so many.

    Raises DataError where the file is missing or damaged, lists fewer, or names a sample that the store
    does not have.
    """
    ids = read_ids(ids_file)
    if first is not None and first > len(ids):
        raise DataError(f"{ids_file}: lists {len(ids)} samples, but {first} are asked for; ask for fewer")
    chosen = ids[:first]
    return SampleList(store, tuple(chosen), store.rows_of(chosen, str(ids_file)))


def whole_store(store: Store) -> SampleList:
    """Every sample of ``store``, in its order."""
    return SampleList(store, tuple(store.table["id"]), np.arange(len(store)))


def read_ids(path: Path) -> list[str]:
    """The sample IDs in a file, one a line; raises DataError for none, an empty line or a repeated one."""
    try:
        ids = decoded(path.read_bytes()).splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read ({error}); make it with `dvc repro group_split`") from error
    if not ids:
        raise DataError(f"{path}: lists no samples; write one ID a line")
    seen: dict[str, int] = {}
    for number, identifier in enumerate(ids, start=1):
        if not identifier or identifier in seen:
            what = f"repeats line {seen[identifier]}" if identifier else "is empty"
            raise DataError(f"{path}: line {number} {what}; list each sample once")
        seen[identifier] = number
    return ids
