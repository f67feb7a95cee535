"""How fast solved cases are imported, against a plain loop of `pandas.read_csv`, and how much memory that takes.

    python benchmarks/import_cases.py

simulates cases of the size of params.yaml, writes them as CSV files of nine and of seventeen digits and as npz files,
lists them many times over by hard links, so that all stay in the page cache, and measures in one run. The loop runs in
the installed pandas and, in an environment of its own that pip fills from the package index, in the last pandas 2.
"""

import shutil
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from machine import ROOT, peak_memory, pin_libraries, run_part

if TYPE_CHECKING:
    from emfm.core.grid import Geometry

DISTINCT = 200
LISTED = 6000
ADDED = 300
IN_THE_LOOP = 1000
"""So many cases are enough for a loop that has no start to wait for."""
SHARD = 250
PROCESSES = (1, 2)
REPEATS = 2
KINDS = ("csv", "csv of 17 digits", "npz")
TEXT = KINDS[:2]
EARLIER_PANDAS = "2.3.3"
FILES = ("source_H.csv", "target_E.csv", "target_H.csv")
LOOP = """
import sys, time
from pathlib import Path
import pandas as pd
cases = [Path(sys.argv[1]) / f"c{number}" for number in range(int(sys.argv[2]))]
started = time.perf_counter()
for case in cases:
    for name in sys.argv[3:]:
        pd.read_csv(case / name)
print(len(cases) / (time.perf_counter() - started))
"""
"""The plain loop, which checks nothing and keeps nothing; prints its cases a second."""


def measure() -> dict[str, Any]:
    """Cases a second by each way, best of `REPEATS` taken in turn, and the memory of imports of two sizes, MB."""
    import pandas as pd

    from emfm.settings import load_params

    geometry = load_params(ROOT / "params.yaml").data.geometry()
    with tempfile.TemporaryDirectory(dir=ROOT, prefix=".benchmark-") as name:
        folder = Path(name)
        write_cases(folder)
        roots = {kind: folder / kind for kind in KINDS}
        for kind, root in roots.items():
            list_cases(folder / f"distinct {kind}", root, range(LISTED))
        loops = {pd.__version__: Path(sys.executable), EARLIER_PANDAS: earlier_pandas(folder / "venv")}
        rates: dict[str, float] = {}
        for _ in range(REPEATS):
            for way, rate in measured_once(folder, roots, loops, geometry):
                rates[way] = max(rate, rates.get(way, 0.0))
        half = folder / "half"
        list_cases(folder / "distinct csv", half, range(LISTED // 2))
        memory = {str(size): peak_apart(root, folder) for size, root in ((LISTED // 2, half), (LISTED, roots["csv"]))}
    return {
        "cases": LISTED,
        "cases_per_second": rates,
        "times_the_loop": {
            kind: {
                version: rates[import_way(kind, PROCESSES[-1])] / rates[loop_way(kind, version)] for version in loops
            }
            for kind in TEXT
        },
        "largest_process_mb": memory,
    }


def measured_once(
    folder: Path, roots: dict[str, Path], loops: dict[str, Path], geometry: "Geometry"
) -> Iterable[tuple[str, float]]:
    """Each way of reading the cases, with its cases a second; an import's from start to complete store."""
    warm(roots.values())
    for kind in TEXT:
        for version, python in loops.items():
            yield loop_way(kind, version), loop_rate(python, roots[kind])
    for kind, root in roots.items():
        for processes in PROCESSES:
            yield import_way(kind, processes), LISTED / import_seconds(root, folder, geometry, processes)
    import_seconds(roots["csv"], folder, geometry, PROCESSES[-1], keep=True)
    list_cases(folder / "distinct csv", roots["csv"], range(LISTED, LISTED + ADDED))
    seconds = import_seconds(roots["csv"], folder, geometry, PROCESSES[-1], keep=True)
    yield f"import csv again, {ADDED} cases added, {PROCESSES[-1]} processes", (LISTED + ADDED) / seconds
    for number in range(LISTED, LISTED + ADDED):
        shutil.rmtree(roots["csv"] / f"c{number}")
    shutil.rmtree(folder / "kept")


def loop_way(kind: str, version: str) -> str:
    """The plain loop in a version of pandas."""
    return f"three reads by pandas {version}, {kind}"


def import_way(kind: str, processes: int) -> str:
    """The import by some processes."""
    return f"import {kind}, {processes} process{'es' if processes > 1 else ''}"


def loop_rate(python: Path, root: Path) -> float:
    """Cases a second of the plain loop, by the pandas that ``python`` has."""
    command = [str(python), "-c", LOOP, str(root), str(IN_THE_LOOP), *FILES]
    return float(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def earlier_pandas(folder: Path) -> Path:
    """The Python of a new environment with the last pandas 2."""
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", f"pandas=={EARLIER_PANDAS}"], check=True)
    return python


def import_seconds(root: Path, folder: Path, geometry: "Geometry", processes: int, keep: bool = False) -> float:
    """Seconds from nothing to a complete store; with ``keep``, taking over and keeping cases as the stage does."""
    from emfm.acquire.import_cases import open_import
    from emfm.acquire.kept_import import find_kept, keep_import
    from emfm.acquire.pack import pack

    shutil.rmtree(folder / "store", ignore_errors=True)
    started = time.perf_counter()
    cases = open_import([root], "auto", geometry)
    earlier = find_kept(cases, folder / "kept", "benchmark", processes) if keep else None
    pack(earlier or cases, geometry, "benchmark", folder / "store", folder / "work", SHARD, processes)
    if keep:
        keep_import(folder / "store", cases.case_keys, folder / "kept", "benchmark", processes)
    return time.perf_counter() - started


def write_cases(folder: Path) -> None:
    """`DISTINCT` simulated cases in each of `KINDS`; the digits past float32 are noise, as a solver's are."""
    import numpy as np

    from emfm.acquire.simulate import SimulatedSource
    from emfm.settings import load_params

    params = load_params(ROOT / "params.yaml")
    geometry = params.data.geometry()
    simulate = params.acquire.simulate.model_copy(update={"num_samples": DISTINCT})
    source = SimulatedSource(geometry, simulate, params.acquire.seed)
    (folder / "distinct npz").mkdir()
    for number in range(DISTINCT):
        sample = source.sample(number)
        write_csv_case(folder / "distinct csv" / f"c{number}", sample.source_h, sample.target, geometry, "%.9g")
        further = (field * (1 + 1e-9) for field in (sample.source_h.astype(float), sample.target.astype(float)))
        write_csv_case(folder / "distinct csv of 17 digits" / f"c{number}", *further, geometry, "%.17g")
        np.savez(folder / "distinct npz" / f"c{number}.npz", x=sample.source_h, y=sample.target)


def write_csv_case(case: Path, source_h: Any, target: Any, geometry: "Geometry", number_format: str) -> None:
    """A case's three files, coordinates in mm as short as they are."""
    import numpy as np

    from emfm.core.channels import E_CHANNELS, H_CHANNELS, SOURCE_CHANNELS, TARGET_CHANNELS

    case.mkdir(parents=True)
    planes = (
        (SOURCE_CHANNELS, source_h, geometry.source),
        (TARGET_CHANNELS[E_CHANNELS], target[E_CHANNELS], geometry.target),
        (TARGET_CHANNELS[H_CHANNELS], target[H_CHANNELS], geometry.target),
    )
    for name, (channels, field, grid) in zip(FILES, planes, strict=True):
        table = np.hstack([np.round(grid.points() * 1e3, 9), field.reshape(len(channels), -1).T])
        header = ",".join(("x", "y", "z", *channels))
        formats = ["%.9g"] * 3 + [number_format] * len(channels)
        np.savetxt(case / name, table, fmt=formats, delimiter=",", header=header, comments="")


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
