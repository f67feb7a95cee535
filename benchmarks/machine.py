"""What every benchmark shares: the machine's description, pinned libraries, and measuring in a process of its own."""

import json
import os
import platform
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ttt.config import parse_section, read_yaml
from ttt.pinning import ComputeParams, pin

ROOT = Path(__file__).parents[1]
OUT = ROOT / "reports" / "benchmarks"
_PAGE_KB = os.sysconf("SC_PAGE_SIZE") / 1024


def description() -> str:
    """Cores, memory, processor and Python."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    return f"{os.cpu_count()} cores, {memory:.0f} GiB, {processor()}, Python {platform.python_version()}"


def processor() -> str:
    """The processor's name."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def pin_libraries() -> None:
    """Threads and instruction set as params.yaml says; before numpy and torch are imported."""
    compute = parse_section(ComputeParams, read_yaml(ROOT / "params.yaml")["compute"], "compute", [])
    assert compute is not None
    pin(compute)


def run_part(measure: Callable[..., Mapping[str, Any]]) -> None:
    """Print what ``measure`` returns, as JSON, with the arguments of the command line, which are whole numbers."""
    pin_libraries()
    sys.stdout.write(json.dumps(measure(*(int(value) for value in sys.argv[1:]))) + "\n")


def apart(script: str, *numbers: int) -> dict[str, Any]:
    """The figures of a script of this folder, run in a process of its own."""
    command = [sys.executable, str(Path(__file__).with_name(script)), *map(str, numbers)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


def peak_memory() -> float:
    """Resident memory of the largest process so far, mapped files included, MB."""
    used = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return used / 1024


class AnonymousPeak:
    """The most memory that this process itself held in a block, without mapped files, MB."""

    def __enter__(self) -> "AnonymousPeak":
        self.megabytes, self._done = 0.0, threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(0.02):
            _, resident, shared, *_ = Path("/proc/self/statm").read_text().split()
            self.megabytes = max(self.megabytes, (int(resident) - int(shared)) * _PAGE_KB / 1024)


def seconds(work: Callable[[], object], repeats: int = 1) -> float:
    """The best of some runs."""
    best = float("inf")
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - started)
    return best
