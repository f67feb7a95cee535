"""How fast each kind of scene is simulated into a packed store, and how much memory the largest process takes.

    python benchmarks/scene_kinds.py

packs the mix of params.yaml and each kind alone, one after the other, with two processes, and writes
reports/benchmarks/scene_kinds.md. Memory is measured for a quarter of the samples, too, to see whether it grows.
"""

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from machine import OUT, ROOT, apart, description, peak_memory, run_part

WORKERS = 2
SAMPLES = 2400
SHARD = 300
MIX = "the mix of params.yaml"


def kinds() -> list[str]:
    """The mix, then every registered kind."""
    from emfm.acquire.scene_kinds import SCENE_KINDS

    return [MIX, *SCENE_KINDS.names()]


def measure(place: int, samples: int) -> dict[str, Any]:
    """Samples a second from nothing to a complete store of the kind at ``place``; the largest process, MB."""
    from emfm.acquire.pack import pack
    from emfm.acquire.simulate import SimulatedSource
    from emfm.core.store import Store
    from emfm.settings import load_params

    params = load_params(ROOT / "params.yaml")
    name = kinds()[place]
    changes: dict[str, Any] = {"num_samples": samples} | ({} if name == MIX else {"mix": {name: 1.0}})
    simulate = params.acquire.simulate.model_copy(update=changes)
    source = SimulatedSource(params.data.geometry(), simulate, params.acquire.seed)
    with tempfile.TemporaryDirectory(dir=ROOT, prefix=".benchmark-") as folder:
        started = time.perf_counter()
        pack(source, source.geometry, "benchmark", Path(folder) / "store", Path(folder) / "work", SHARD, WORKERS)
        packed = time.perf_counter() - started
        families = Store(Path(folder) / "store").table["family"].nunique()
    return {"samples_per_second": samples / packed, "largest_process_mb": peak_memory(), "families": int(families)}


def report() -> None:
    """Measure all kinds and write the table."""
    lines = [
        "# Simulating each kind of scene",
        "",
        f"By `python benchmarks/scene_kinds.py` on {description()}: {SAMPLES} samples into a packed store by",
        f"{WORKERS} processes, from start to end; the largest process for {SAMPLES // 4} and for {SAMPLES} samples.",
        "",
        "| scenes | samples/s | largest process, MB |",
        "|---|---|---|",
    ]
    for place, name in enumerate(kinds()):
        few, many = (apart("scene_kinds.py", place, samples) for samples in (SAMPLES // 4, SAMPLES))
        memory = f"{few['largest_process_mb']:.0f}, {many['largest_process_mb']:.0f}"
        lines.append(f"| {name} | {many['samples_per_second']:.0f} | {memory} |")
        if name == "boards":
            lines.append(f"| - boards in {SAMPLES} samples of them | {many['families']} | |")
    (OUT / "scene_kinds.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        run_part(measure)
    else:
        report()
