"""How fast each kind of scene is simulated into a packed store, and how much memory the largest process takes.

    python benchmarks/scene_kinds.py [--samples 3200]

packs the mix of params.yaml and each kind alone, one after the other, with two processes, and writes
reports/benchmarks/scene_kinds.md. Memory is measured for a quarter of the samples, too, to see whether it grows.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from machine import OUT, ROOT, apart, description, peak_memory, run_part

WORKERS = 2
SHARD = 200
MIX = "the mix of params.yaml"


def kinds() -> list[str]:
    """The mix, then every registered kind."""
    from emfm.acquire.scene_kinds import SCENE_KINDS

    return [MIX, *SCENE_KINDS.names()]


def measure(place: int, samples: int) -> dict[str, Any]:
    """Seconds from nothing to a complete store of the kind at ``place``; the largest process, MB; families."""
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
    return {"seconds": packed, "largest_process_mb": peak_memory(), "families": int(families)}


def main() -> None:
    """Measure all kinds and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=3200, help="of each kind; default: %(default)s")
    report(parser.parse_args().samples)


def report(most: int) -> None:
    """The table of ``most`` samples of each kind."""
    lines = [
        "# Simulating each kind of scene",
        "",
        f"By `python benchmarks/scene_kinds.py` on {description()}: {most // 4} and {most} samples into a",
        f"packed store by {WORKERS} processes. Samples/s are those of the difference, without the start of processes;",
        "memory is that of the largest process in either run.",
        "",
        "| scenes | samples/s | largest process, MB |",
        "|---|---|---|",
    ]
    for place, name in enumerate(kinds()):
        few, many = (apart("scene_kinds.py", place, samples) for samples in (most // 4, most))
        memory = f"{few['largest_process_mb']:.0f}, {many['largest_process_mb']:.0f}"
        rate = (most - most // 4) / (many["seconds"] - few["seconds"])
        lines.append(f"| {name} | {rate:.0f} | {memory} |")
        if name == "boards":
            lines.append(f"| - boards in {most} samples of them | {many['families']} | |")
    (OUT / "scene_kinds.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1:2] and sys.argv[1].isdecimal():
        run_part(measure)
    else:
        main()
