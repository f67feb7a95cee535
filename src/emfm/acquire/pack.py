"""Pack the samples of a source into a store, by several processes, going on where a run stopped."""

import multiprocessing
import os
import shutil
import signal
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pandas as pd
from numpy.lib.format import dtype_to_descr, write_array_header_1_0
from numpy.lib.npyio import NpzFile
from numpy.typing import NDArray
from tqdm import tqdm

from emfm.core.block_floats import EXPONENT, MANTISSA, encode
from emfm.core.channels import SOURCE_CHANNELS, TARGET_CHANNELS
from emfm.core.errors import DataError
from emfm.core.grid import Geometry
from emfm.core.sample import Sample, SampleSource
from emfm.core.store import (
    FINGERPRINT_SIZE,
    FINGERPRINTS_FILE,
    HEADER_FILE,
    PARAMETERS_FILE,
    TABLE_FILE,
    StoreHeader,
    fingerprint,
    shard_files,
)
from ttt.files import sync_folder, write_json
from ttt.orphans import end_with_parent
from ttt.pinning import one_thread_each

_TABLE_PART = "table.npz"
_SHARD = "shard-"


@dataclass(frozen=True)
class Slice:
    """Every ``of``-th shard of a store, from the one called ``number``, which counts from 1."""

    number: int
    of: int


@dataclass(frozen=True)
class _Shard:
    number: int
    rows: range
    folder: Path

    @property
    def unfinished(self) -> Path:
        """The folder until all its files are written, and on the disk."""
        return self.folder.with_suffix(".part")


def pack(
    source: SampleSource,
    geometry: Geometry,
    origin: str,
    folder: Path,
    work: Path,
    shard_samples: int,
    workers: int,
) -> StoreHeader:
    """Write all samples of ``source`` to a store in ``folder``, which appears complete or not at all.

    ``work`` holds finished shards until then: call again with the same ``work`` after a stop, and only
    what is missing is made. It must belong to this source alone (name it by a hash of what it depends on).
    The bytes of the store do not depend on ``workers`` or on stops.

    Raises:
        DataError: a sample has the wrong shape or holds a value that is not finite.
    """
    header = _header(source, geometry, origin, shard_samples)
    shards = _shards(header, work)
    _make(shards, source, geometry, work, workers)
    _join(shards, header, folder, work)
    return header


def pack_slice(
    source: SampleSource,
    geometry: Geometry,
    part: Slice,
    work: Path,
    shard_samples: int,
    workers: int,
) -> int:
    """Make one slice of the shards of `pack` in ``work``, and no store; the number of its samples.

    Put the slices' ``work`` folders together with `adopt`, and `pack` makes the very store that it makes alone.

    Raises:
        DataError: as `pack` does.
    """
    shards = _shards(_header(source, geometry, "slice", shard_samples), work)[part.number - 1 :: part.of]
    _make(shards, source, geometry, work, workers)
    return sum(len(shard.rows) for shard in shards)


def adopt(slices: Iterable[Path], work: Path) -> None:
    """Move the finished shards of the ``slices`` to ``work``."""
    work.mkdir(parents=True, exist_ok=True)
    for folder in slices:
        for shard in sorted(folder.glob(f"{_SHARD}?????")):
            if not (work / shard.name).exists():
                shard.rename(work / shard.name)


def _header(source: SampleSource, geometry: Geometry, origin: str, shard_samples: int) -> StoreHeader:
    if len(source) == 0:
        raise DataError(f"{origin}: no samples there")
    return StoreHeader(geometry, origin, len(source), shard_samples, source.parameter_names)


def _shards(header: StoreHeader, work: Path) -> list[_Shard]:
    return [_Shard(n, rows, work / f"{_SHARD}{n:05d}") for n, rows in enumerate(header.shards())]


def _make(shards: list[_Shard], source: SampleSource, geometry: Geometry, work: Path, workers: int) -> None:
    """Make those of ``shards`` that are missing, with a progress bar over all of them."""
    work.mkdir(parents=True, exist_ok=True)
    missing = [shard for shard in shards if not shard.folder.is_dir()]
    samples, left = (sum(len(shard.rows) for shard in some) for some in (shards, missing))
    with tqdm(total=samples, desc="acquire", unit="sample", mininterval=1.0) as bar:
        bar.update(samples - left)
        for shard in _made(missing, source, geometry, workers):
            bar.update(len(shard.rows))


def _made(shards: list[_Shard], source: SampleSource, geometry: Geometry, workers: int) -> Iterable[_Shard]:
    if workers == 1 or len(shards) == 1:
        for shard in shards:
            yield _finish(_write_shard(shard, source, geometry))
        return
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, context, initializer=_start_worker, initargs=(os.getpid(), source, geometry))
    with one_thread_each(), pool:
        tasks = [pool.submit(_write_shard_in_worker, shard) for shard in shards]
        try:
            for task in as_completed(tasks):
                yield _finish(task.result())
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


_worker_input: list[tuple[SampleSource, Geometry]] = []
"""What the shards of a worker process are made of; sent once a process, as it can be large."""


def _start_worker(parent: int, source: SampleSource, geometry: Geometry) -> None:
    if not end_with_parent(parent, signal.SIGKILL):
        os._exit(1)
    _worker_input[:] = [(source, geometry)]


def _write_shard_in_worker(shard: _Shard) -> _Shard:
    return _write_shard(shard, *_worker_input[0])


def _write_shard(shard: _Shard, source: SampleSource, geometry: Geometry) -> _Shard:
    folder = shard.unfinished
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    files, count = shard_files(shard.number), len(shard.rows)
    scan = (len(SOURCE_CHANNELS), *geometry.source.shape)
    field = (len(TARGET_CHANNELS), *geometry.target.shape)
    exponents = np.empty((count, *field[:-1]), EXPONENT)
    ids, families = [], []
    parameters = np.empty((count, len(source.parameter_names)))
    fingerprints = np.empty((count, FINGERPRINT_SIZE))
    # Written and not mapped: to map a new page of a file takes longer than to copy it.
    with (folder / files.source_h).open("wb") as scans, (folder / files.target).open("wb") as targets:
        _write_header(scans, (count, *scan), np.float32)
        _write_header(targets, (count, *field), MANTISSA)
        for place, row in enumerate(shard.rows):
            sample = source.sample(row)
            content = _checked_content(sample, scan, field)
            mantissas, exponents[place] = encode(sample.target)
            scans.write(np.ascontiguousarray(sample.source_h).data)
            targets.write(mantissas.data)
            parameters[place] = sample.parameters
            fingerprints[place] = content if sample.fingerprint is None else sample.fingerprint
            ids.append(sample.id)
            families.append(sample.family)
    np.save(folder / files.exponent, exponents)
    np.savez(
        folder / _TABLE_PART,
        ids=np.array(ids),
        families=np.array(families),
        parameters=parameters,
        fingerprints=fingerprints,
    )
    return shard


def _write_header(file: BinaryIO, shape: tuple[int, ...], dtype: type[Any]) -> None:
    header = {"descr": dtype_to_descr(np.dtype(dtype)), "fortran_order": False, "shape": shape}
    write_array_header_1_0(file, header)


def _finish(shard: _Shard) -> _Shard:
    """Give a shard its name once the disk holds it; by the first process, so that no other waits for the disk."""
    for path in shard.unfinished.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
    shard.unfinished.rename(shard.folder)
    sync_folder(shard.folder.parent)
    return shard


def _checked_content(sample: Sample, scan: tuple[int, ...], field: tuple[int, ...]) -> NDArray[np.float64]:
    """The sample's `fingerprint`, whose norms are finite only where all values are."""
    parts = (("source H", sample.source_h, scan), ("target", sample.target, field))
    for name, array, shape in parts:
        if array.shape != shape:
            raise DataError(f"sample {sample.id}, {name}: must have the shape {shape}, found {array.shape}")
    content = fingerprint(sample.source_h, sample.target)
    for (name, _, _), norm in zip(parts, content[::2], strict=True):
        if not np.isfinite(norm):
            problem = "holds NaN, Inf or a number too large for float32; remove or mend the sample"
            raise DataError(f"sample {sample.id}, {name}: {problem}")
    return content


def _join(shards: list[_Shard], header: StoreHeader, folder: Path, work: Path) -> None:
    """Make one folder of all shards inside ``work``, then put it in the place of ``folder``.

    Every step can be repeated after a stop: a file that is not in its shard any more has been moved.
    """
    joined = work / "joined"
    joined.mkdir(exist_ok=True)
    _join_tables(shards, header, joined)
    for shard in shards:
        for name in shard_files(shard.number):
            if (shard.folder / name).exists():
                (shard.folder / name).rename(joined / name)
    write_json(joined / HEADER_FILE, header.to_json())
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    joined.rename(folder)
    shutil.rmtree(work)


def _join_tables(shards: list[_Shard], header: StoreHeader, joined: Path) -> None:
    """Write the files that hold all samples, shard by shard: together they can be larger than the memory."""
    with (joined / TABLE_FILE).open("w", encoding="utf-8", newline="") as file:
        for place, part in enumerate(_table_parts(shards)):
            names = pd.DataFrame({"id": part["ids"], "family": part["families"]})
            names.to_csv(file, index=False, header=place == 0, lineterminator="\n")
    _join_arrays("parameters", len(header.parameter_names), shards, header, joined / PARAMETERS_FILE)
    _join_arrays("fingerprints", FINGERPRINT_SIZE, shards, header, joined / FINGERPRINTS_FILE)


def _join_arrays(name: str, columns: int, shards: list[_Shard], header: StoreHeader, path: Path) -> None:
    with path.open("wb") as file:
        _write_header(file, (header.samples, columns), np.float64)
        for part in _table_parts(shards):
            file.write(part[name].data)


def _table_parts(shards: list[_Shard]) -> Iterator[NpzFile]:
    for shard in shards:
        with np.load(shard.folder / _TABLE_PART, allow_pickle=False) as part:
            yield part
