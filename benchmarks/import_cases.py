"""How fast solved cases are imported, against a plain loop of `pandas.read_csv`, and how much memory that takes.

    python benchmarks/import_cases.py

simulates cases of the size of params.yaml, writes them as CSV and npz files, lists them several times over by hard
links, so that all stay in the page cache, and measures in one run.
"""

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from machine import ROOT, peak_memory, pin_libraries, run_part

if TYPE_CHECKING:
    from emfm.physics import Geometry

DISTINCT = 200
LISTED = 3000
ADDED = 300
SHARD = 250
PROCESSES = (1, 2)
REPEATS = 2


def measure() -> dict[str, Any]:
    """Cases a second by each way, best of `REPEATS` taken in turn, and the memory of imports of two sizes, MB."""
    from emfm.settings import load_params

    geometry = load_params(ROOT / "params.yaml").data.geometry()
    with tempfile.TemporaryDirectory(dir=ROOT, prefix=".benchmark-") as name:
        folder = Path(name)
        write_cases(folder)
        roots = {kind: folder / kind for kind in ("csv", "npz")}
        for kind, root in roots.items():
            list_cases(folder / f"distinct-{kind}", root, range(LISTED))
        rates: dict[str, float] = {}
        for _ in range(REPEATS):
            for way, rate in measured_once(folder, roots, geometry):
                rates[way] = max(rate, rates.get(way, 0.0))
        half = folder / "half"
        list_cases(folder / "distinct-csv", half, range(LISTED // 2))
        memory = {str(size): peak_apart(root, folder) for size, root in ((LISTED // 2, half), (LISTED, roots["csv"]))}
    return {
        "cases": LISTED,
        "added": ADDED,
        "cases_per_second": rates,
        "times_the_pandas_loop": rates["import csv, 2 processes"] / rates["three pandas.read_csv, 1 process"],
        "largest_process_mb": memory,
    }


def measured_once(folder: Path, roots: dict[str, Path], geometry: "Geometry") -> Iterable[tuple[str, float]]:
    """Each way of reading the cases, with its cases a second from start to complete store."""
    warm(roots.values())
    yield "three pandas.read_csv, 1 process", pandas_rate(roots["csv"])
    for kind, root in roots.items():
        for processes in PROCESSES:
            yield f"import {kind}, {processes} processes", LISTED / import_seconds(root, folder, geometry, processes)
    import_seconds(roots["csv"], folder, geometry, PROCESSES[-1], keep=True)
    list_cases(folder / "distinct-csv", roots["csv"], range(LISTED, LISTED + ADDED))
    seconds = import_seconds(roots["csv"], folder, geometry, PROCESSES[-1], keep=True)
    yield f"import csv again with {ADDED} cases added, {PROCESSES[-1]} processes", (LISTED + ADDED) / seconds
    for number in range(LISTED, LISTED + ADDED):
        shutil.rmtree(roots["csv"] / f"c{number}")
    shutil.rmtree(folder / "kept")


def import_seconds(root: Path, folder: Path, geometry: "Geometry", processes: int, keep: bool = False) -> float:
    """Seconds from nothing to a complete store; with ``keep``, taking over and keeping cases as the stage does."""
    from emfm.data.import_cases import open_import
    from emfm.data.kept_import import find_kept, keep_import
    from emfm.data.pack import pack

    shutil.rmtree(folder / "store", ignore_errors=True)
    started = time.perf_counter()
    cases = open_import([root], "auto", geometry)
    earlier = find_kept(cases, folder / "kept", "benchmark", processes) if keep else None
    pack(earlier or cases, geometry, "benchmark", folder / "store", folder / "work", SHARD, processes)
    if keep:
        keep_import(folder / "store", cases.case_keys, folder / "kept", "benchmark", processes)
    return time.perf_counter() - started


def pandas_rate(root: Path) -> float:
    """Cases a second of the plain loop, which checks nothing and keeps nothing."""
    import pandas as pd

    started = time.perf_counter()
    for number in range(LISTED):
        for name in ("source_H.csv", "target_E.csv", "target_H.csv"):
            pd.read_csv(root / f"c{number}" / name)
    return LISTED / (time.perf_counter() - started)


def write_cases(folder: Path) -> None:
    """`DISTINCT` simulated cases as CSV and as npz files."""
    import numpy as np

    from emfm.data.field_files import write_target_csv
    from emfm.data.simulate import SimulatedSource
    from emfm.physics.channels import SOURCE_CHANNELS
    from emfm.settings import load_params

    params = load_params(ROOT / "params.yaml")
    geometry = params.data.geometry()
    simulate = params.acquire.simulate.model_copy(update={"num_samples": DISTINCT})
    source = SimulatedSource(geometry, simulate, params.acquire.seed)
    (folder / "distinct-npz").mkdir()
    points = np.round(geometry.source.points() * 1e3, 9)
    header = ",".join(("x", "y", "z", *SOURCE_CHANNELS))
    for number in range(DISTINCT):
        sample = source.sample(number)
        case = folder / "distinct-csv" / f"c{number}"
        write_target_csv(case, sample.target, geometry.target)
        table = np.hstack([points, sample.source_h.reshape(len(SOURCE_CHANNELS), -1).T])
        np.savetxt(case / "source_H.csv", table, fmt="%.9g", delimiter=",", header=header, comments="")
        np.savez(folder / "distinct-npz" / f"c{number}.npz", x=sample.source_h, y=sample.target)


def list_cases(distinct: Path, root: Path, numbers: Sequence[int]) -> None:
    """Cases in ``root``, each a hard link to one of the distinct ones."""
    root.mkdir(exist_ok=True)
    for number in numbers:
        if (distinct / f"c{number % DISTINCT}").is_dir():
            (root / f"c{number}").mkdir()
            for path in (distinct / f"c{number % DISTINCT}").iterdir():
                (root / f"c{number}" / path.name).hardlink_to(path)
        else:
            (root / f"c{number}.npz").hardlink_to(distinct / f"c{number % DISTINCT}.npz")


def warm(roots: Iterable[Path]) -> None:
    """Read every file once."""
    for root in roots:
        for path in root.rglob("*"):
            if path.is_file():
                path.read_bytes()


def peak_apart(root: Path, folder: Path) -> float:
    """The largest process of an import that a new process makes, MB."""
    command = [sys.executable, __file__, "--peak", str(root), str(folder)]
    return float(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def peak_of_import(root: Path, folder: Path) -> float:
    """Resident memory of the largest process of an import, MB."""
    from emfm.settings import load_params

    import_seconds(root, folder, load_params(ROOT / "params.yaml").data.geometry(), PROCESSES[-1])
    return peak_memory()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--peak"]:
        pin_libraries()
        sys.stdout.write(f"{peak_of_import(Path(sys.argv[2]), Path(sys.argv[3])):.0f}")
    else:
        run_part(measure)
