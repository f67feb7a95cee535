"""The packed store: all samples in few large files that numpy can memory-map, plus a sample table.

A folder with

- ``store.json``: the geometry, the channel names, the number of samples, the names of the parameters;
- ``samples.csv``: ``id,family``, one line a sample;
- ``parameters.npy``: float64 ``(n, p)``, what made each sample;
- ``fingerprints.npy``: float64 ``(n, 4)``, see `fingerprint`;
- ``source_H-00000.npy``, ...: float32 ``(m, 4, ny, nx)``, with ``shard_samples`` samples in every file but the last;
- ``target-00000.npy``, ``target_exponent-00000.npy``, ...: the targets as int16 ``(m, 12, ny, nx)`` times two to the
  power of int8 ``(m, 12, ny)``, see `emfm.core.block_floats`.
"""

import json
import mmap
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, Self, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from emfm.core.block_floats import EXPONENT, MANTISSA, rounding, scaled
from emfm.core.channels import SOURCE_CHANNELS, TARGET_CHANNELS
from emfm.core.errors import DataError
from emfm.core.grid import Geometry, Grid
from ttt.files import DAMAGED

FORMAT = 2
HEADER_FILE = "store.json"
TABLE_FILE = "samples.csv"
PARAMETERS_FILE = "parameters.npy"
FINGERPRINTS_FILE = "fingerprints.npy"
FINGERPRINT_SIZE = 4
_Number = TypeVar("_Number", bound=np.generic)
_REMEDY = "make the store anew with `dvc repro acquire`, or fetch it with `dvc pull`"


@dataclass(frozen=True)
class StoreHeader:
    """What ``store.json`` says about a store."""

    geometry: Geometry
    origin: str
    samples: int
    shard_samples: int
    parameter_names: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The header as plain values; lengths in metres, frequency in Hz."""
        return {
            "format": FORMAT,
            "origin": self.origin,
            "samples": self.samples,
            "shard_samples": self.shard_samples,
            "frequency": self.geometry.frequency,
            "source": asdict(self.geometry.source),
            "target": asdict(self.geometry.target),
            "source_channels": list(SOURCE_CHANNELS),
            "target_channels": list(TARGET_CHANNELS),
            "target_values": "target * 2**target_exponent",
            "parameters": list(self.parameter_names),
        }

    @classmethod
    def read(cls, folder: Path) -> Self:
        """The header of the store in ``folder``; raises DataError where it is none."""
        path = folder / HEADER_FILE
        try:
            raw = json.loads(path.read_text(encoding="utf-8"))
            channels = [*raw["source_channels"], *raw["target_channels"]]
            if raw["format"] != FORMAT or channels != [*SOURCE_CHANNELS, *TARGET_CHANNELS]:
                raise DataError(f"{path}: another format or channel layout than this version reads; {_REMEDY}")
            for name in ("samples", "shard_samples"):
                if type(raw[name]) is not int or raw[name] < 1:
                    raise ValueError(f"{name} is {raw[name]!r}, not a whole number above 0")
            geometry = Geometry(raw["frequency"], Grid(**raw["source"]), Grid(**raw["target"]))
            return cls(geometry, raw["origin"], raw["samples"], raw["shard_samples"], tuple(raw["parameters"]))
        except FileNotFoundError:
            raise DataError(f"{folder}: no packed store there ({HEADER_FILE} is missing); {_REMEDY}") from None
        except DataError:
            raise
        except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
            raise DataError(f"{path}: damaged ({error}); {_REMEDY}") from error

    def shards(self) -> list[range]:
        """The rows that each shard file holds."""
        starts = range(0, self.samples, self.shard_samples)
        return [range(start, min(start + self.shard_samples, self.samples)) for start in starts]


class ShardFiles(NamedTuple):
    """The names of a shard's files."""

    source_h: str
    target: str
    exponent: str


def shard_files(shard: int) -> ShardFiles:
    """The names of the files of a shard by number."""
    return ShardFiles(f"source_H-{shard:05d}.npy", f"target-{shard:05d}.npy", f"target_exponent-{shard:05d}.npy")


class Store:
    """A packed store, opened for reading. Arrays are memory-mapped: opening costs no reading."""

    def __init__(self, folder: Path) -> None:
        """Open the store in ``folder``; raises DataError where a file is missing or not what it must be."""
        self.folder = folder
        self.header = StoreHeader.read(folder)
        self.table: pd.DataFrame = _read_table(folder / TABLE_FILE, self.header.samples)
        """Columns ``id`` and ``family``; the index is the row in the store."""
        source, target = self.header.geometry.source.shape, self.header.geometry.target.shape
        self._source_h: list[NDArray[np.float32]] = []
        self._target: list[NDArray[np.int16]] = []
        self._exponent: list[NDArray[np.int8]] = []
        for number, rows in enumerate(self.header.shards()):
            files, count = shard_files(number), len(rows)
            scans = (count, len(SOURCE_CHANNELS), *source)
            fields = (count, len(TARGET_CHANNELS), *target)
            self._source_h.append(_open_array(folder / files.source_h, scans, np.float32))
            self._target.append(_open_array(folder / files.target, fields, MANTISSA))
            self._exponent.append(_open_array(folder / files.exponent, fields[:-1], EXPONENT))

    def __len__(self) -> int:
        return self.header.samples

    @property
    def geometry(self) -> Geometry:
        """Frequency and planes of every sample."""
        return self.header.geometry

    @property
    def target_rounding(self) -> float:
        """By how much, relative L2, two equal targets may at most differ as they are stored."""
        return rounding(self.geometry.target.nx)

    @property
    def parameters(self) -> NDArray[np.float64]:
        """What made each sample: ``(n, p)``, NaN where a sample has no such value."""
        shape = (len(self), len(self.header.parameter_names))
        return _open_array(self.folder / PARAMETERS_FILE, shape, np.float64)

    @property
    def fingerprints(self) -> NDArray[np.float64]:
        """The content of each sample in four numbers, ``(n, 4)``: see `fingerprint`."""
        return _open_array(self.folder / FINGERPRINTS_FILE, (len(self), FINGERPRINT_SIZE), np.float64)

    def source_h(self, rows: Sequence[int] | NDArray[np.int64]) -> NDArray[np.float32]:
        """Source H of ``rows``, in their order: ``(len(rows), 4, ny, nx)``, A/m."""
        return self._gather(self._source_h, rows, np.float32)

    def target(self, rows: Sequence[int] | NDArray[np.int64]) -> NDArray[np.float32]:
        """Target E (V/m) and H (A/m) of ``rows``, in their order: ``(len(rows), 12, ny, nx)``."""
        return scaled(self._gather(self._target, rows, np.float32), self._gather(self._exponent, rows, EXPONENT))

    def rows_of(self, ids: Sequence[str], where: str) -> NDArray[np.int64]:
        """The rows of samples by ID (of the first, where one is repeated); raises DataError for an unknown ID."""
        index = self.table.drop_duplicates("id").reset_index().set_index("id")["index"]
        rows = index.reindex(list(ids))
        if rows.isna().any():
            line = int(np.flatnonzero(rows.isna())[0])
            raise DataError(
                f"{where}: line {line + 1}: the store {self.folder} has no sample {ids[line]!r}; list IDs that it has"
            )
        return rows.to_numpy(np.int64)

    def _gather(
        self, shards: Sequence[NDArray[Any]], rows: Sequence[int] | NDArray[np.int64], dtype: type[_Number]
    ) -> NDArray[_Number]:
        wanted = np.asarray(rows, np.int64)
        if wanted.size and (wanted.min() < 0 or wanted.max() >= len(self)):
            raise IndexError(f"rows must be within 0 and {len(self) - 1}")
        out = np.empty((len(wanted), *shards[0].shape[1:]), dtype)
        numbers, places = np.divmod(wanted, self.header.shard_samples)
        for number in np.unique(numbers):
            _fetch(shards[number], places[numbers == number])
        plain = [np.asarray(shard) for shard in shards]
        # One after another, cast on the way: an indexed choice of rows is a copy, which is then copied again.
        for place, (number, row) in enumerate(zip(numbers.tolist(), places.tolist(), strict=True)):
            out[place] = plain[number][row]
        return out


def _fetch(array: NDArray[Any], rows: NDArray[np.int64]) -> None:
    """Have the system read ``rows`` of a mapped array from the disk, all at once and nothing beside them.

    What it reads ahead on its own is lost where a store is larger than the memory and its rows are asked for in any
    order: ten times what is needed.
    """
    if isinstance(array, np.memmap) and isinstance(array.base, mmap.mmap) and hasattr(mmap, "MADV_WILLNEED"):
        size = array.nbytes // len(array)
        for row in rows.tolist():
            start = (array.offset + row * size) // mmap.PAGESIZE * mmap.PAGESIZE
            array.base.madvise(mmap.MADV_WILLNEED, start, array.offset + (row + 1) * size - start)


def fingerprint(source_h: NDArray[np.float32], target: NDArray[np.float32]) -> NDArray[np.float64]:
    """A sample's content in four numbers: norm and projection on a fixed unit vector, of source H and of target.

    Two samples with the same fields have the same fingerprint up to rounding, and two different ones, in
    practice, never: the unit vector is made from an irrational rotation, which no symmetry of fields shares.
    """
    return np.array([value for array in (source_h, target) for value in _norm_and_projection(array)])


def _norm_and_projection(array: NDArray[np.float32]) -> tuple[float, float]:
    values = array.ravel().astype(np.float64)
    # Not by a BLAS, whose sums depend on its threads.
    norm_squared, projection = (np.einsum("i,i", values, other) for other in (values, _unit_weights(values.size)))
    return float(np.sqrt(norm_squared)), float(projection)


@lru_cache(maxsize=4)
def _unit_weights(size: int) -> NDArray[np.float64]:
    golden = 0.618_033_988_749_894_9
    weights = (np.arange(1, size + 1) * golden) % 1.0 - 0.5
    unit: NDArray[np.float64] = weights / np.sqrt(np.sum(weights * weights))
    return unit


def _read_table(path: Path, samples: int) -> pd.DataFrame:
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read ({error}); {_REMEDY}") from error
    if list(table.columns) != ["id", "family"] or len(table) != samples:
        raise DataError(f"{path}: must hold the columns id,family and {samples} lines; {_REMEDY}")
    return table


def _open_array(path: Path, shape: tuple[int, ...], dtype: type[Any]) -> NDArray[Any]:
    try:
        array: NDArray[Any] = np.load(path, mmap_mode="r" if 0 not in shape else None, allow_pickle=False)
    except DAMAGED as error:
        raise DataError(f"{path}: cannot be read as an array ({error}); {_REMEDY}") from error
    if isinstance(array.base, mmap.mmap) and hasattr(mmap, "MADV_RANDOM"):
        array.base.madvise(mmap.MADV_RANDOM)
    if array.shape != shape or array.dtype != dtype:
        raise DataError(f"{path}: must be {np.dtype(dtype).name} {shape}, found {array.dtype} {array.shape}; {_REMEDY}")
    return array
