"""How fast samples are simulated into the packed store, and how much memory that takes.

    python benchmarks/simulate.py

packs the scenes of params.yaml at two sizes with two processes, and for comparison computes samples in one process
without packing them; writes reports/benchmarks/simulate.md.
"""

import os
import platform
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from ttt.config import parse_section, read_yaml
from ttt.pinning import ComputeParams, pin

if TYPE_CHECKING:
    from emfm.data.simulate import SimulatedSource
    from emfm.physics import Geometry

ROOT = Path(__file__).parents[1]
SIZES = (2000, 8000)
WORKERS = 2
COMPARED = 300


def main() -> None:
    """Measure and write the table."""
    compute = parse_section(ComputeParams, read_yaml(ROOT / "params.yaml")["compute"], "compute", [])
    assert compute is not None
    pin(compute)
    from emfm.data.simulate import SimulatedSource
    from emfm.settings import load_params

    params = load_params(ROOT / "params.yaml")
    geometry = params.data.geometry()
    rows = []
    for size in SIZES:
        simulate = params.acquire.simulate.model_copy(update={"num_samples": size})
        source = SimulatedSource(geometry, simulate, params.acquire.seed)
        rows.append((size, pack_rate(source, geometry), peak_memory()))
    rate = one_by_one_rate(source)
    lines = [
        "# Simulating into the packed store",
        "",
        f"`python benchmarks/simulate.py`: {os.cpu_count()} cores, {processor()}, Python {platform.python_version()}.",
        "",
        "| samples | samples/s, two processes | largest process [MB] |",
        "|---|---|---|",
        *(f"| {size} | {speed:.0f} | {memory:.0f} |" for size, speed, memory in rows),
        "",
        f"One process that only computes makes {rate:.0f} samples/s; two that also pack make "
        f"{rows[-1][1] / rate:.2f} times that.",
        "",
    ]
    out = ROOT / "reports" / "benchmarks" / "simulate.md"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text("\n".join(lines))
    sys.stdout.write("\n".join(lines))


def pack_rate(source: "SimulatedSource", geometry: "Geometry") -> float:
    """Samples a second, from nothing to a complete store."""
    from emfm.data.pack import pack

    with tempfile.TemporaryDirectory(dir=ROOT) as folder:
        started = time.perf_counter()
        pack(source, geometry, "benchmark", Path(folder) / "store", Path(folder) / "work", 500, WORKERS)
        return len(source) / (time.perf_counter() - started)


def one_by_one_rate(source: "SimulatedSource") -> float:
    """Samples a second in one process, as `SimulatedSource.sample` makes them, without packing."""
    started = time.perf_counter()
    for row in range(COMPARED):
        source.sample(row)
    return COMPARED / (time.perf_counter() - started)


def peak_memory() -> float:
    """Resident memory of the largest process so far, MB."""
    used = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return used / 1024


def processor() -> str:
    """The processor's name."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


if __name__ == "__main__":
    main()
