"""How fast samples are simulated into the packed store, and how much memory that takes.

    python benchmarks/simulate.py 8000

packs so many of the scenes of params.yaml with two processes, and for comparison computes samples in one process
without packing them.
"""

import tempfile
import time
from pathlib import Path
from typing import Any

from machine import ROOT, peak_memory, run_part

WORKERS = 2
COMPARED = 300


def measure(samples: int) -> dict[str, Any]:
    """Samples a second from nothing to a complete store, and computed alone; the largest process, MB."""
    from emfm.data.pack import pack
    from emfm.data.simulate import SimulatedSource
    from emfm.settings import load_params

    params = load_params(ROOT / "params.yaml")
    geometry = params.data.geometry()
    simulate = params.acquire.simulate.model_copy(update={"num_samples": samples})
    source = SimulatedSource(geometry, simulate, params.acquire.seed)
    with tempfile.TemporaryDirectory(dir=ROOT, prefix=".benchmark-") as folder:
        started = time.perf_counter()
        pack(source, geometry, "benchmark", Path(folder) / "store", Path(folder) / "work", 500, WORKERS)
        packed = time.perf_counter() - started
    started = time.perf_counter()
    for row in range(COMPARED):
        source.sample(row)
    return {
        "samples": samples,
        "samples_per_second": samples / packed,
        "samples_per_second_of_one_process_that_only_computes": COMPARED / (time.perf_counter() - started),
        "largest_process_mb": peak_memory(),
    }


if __name__ == "__main__":
    run_part(measure)
