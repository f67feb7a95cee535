"""Train again and again under SIGKILL, and compare with a training that was never killed.

A process of its own, started by test_faults.py: it loads torch once and forks a trainer for every attempt, so
that an attempt costs a fraction of a second. Kills come from outside at random moments, or from inside, at a
chosen place of a checkpoint's write. Prints one JSON line with what happened.

    python fault_trainer.py FOLDER SCHEDULER KILLS SEED   (kills of each of 4 trainings: AMP or not, 0 or 2 workers)
"""

import json
import os
import random
import shutil
import signal
import sys
import time
import traceback
from collections import Counter
from pathlib import Path
from typing import Any

import torch._dynamo  # noqa: F401 - the first optimizer step loads it, a second that no attempt should pay

from ttt.engine.assemble import assemble
from ttt.engine.checkpoint import code_version
from ttt.engine.loop import fit
from ttt.engine.start import NewRun, Resume
from ttt.settings import TrainingConfig, parse_config

COMPARED = ("best.pth", "last.pth", "metrics.jsonl", "config.resolved.yaml")
PLACES = ("half written", "before fsync", "before rename", "after rename")


def configuration(scheduler: str, amp: bool, workers: int) -> TrainingConfig:
    raw: dict[str, Any] = {
        "seed": 1,
        "device": "cpu",
        "compute": {"threads": 1, "instruction_set": "native"},
        "data": {"name": "synthetic_regression", "num_train": 200, "num_val": 32, "inputs": 4},
        "model": {"name": "mlp", "hidden": [16], "dropout": 0.1},
        "loss": {"name": "mse"},
        "metrics": {"names": ["mse"]},
        "train": {"epochs": 6, "batch_size": 16, "eval_batch_size": 16, "num_workers": workers, "log_every": 3},
        "optim": {"name": "adamw", "lr": 0.01},
        "scheduler": {"name": scheduler, "step": {"step_size": 2}},
        "amp": {"enabled": amp},
        "ckpt": {"every_steps": 4},
        "alerts": {"patience": 1},
    }
    return parse_config(raw, "faults")


def kill_at(place: str, nth: int) -> None:
    """Arrange that this process kills itself in the ``nth`` file that it replaces."""
    sync, rename, calls = os.fsync, Path.replace, {"sync": 0, "rename": 0}

    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def fsync(descriptor: int) -> None:
        if not Path(f"/proc/self/fd/{descriptor}").readlink().name.startswith("."):
            return sync(descriptor)  # the log or a folder, not a file that will replace another
        calls["sync"] += 1
        if calls["sync"] == nth and place == "half written":
            os.ftruncate(descriptor, os.fstat(descriptor).st_size // 2)
            die()
        if calls["sync"] == nth and place == "before fsync":
            die()
        return sync(descriptor)

    def replace(source: Path, target: Path) -> Path:
        calls["rename"] += 1
        if calls["rename"] == nth and place == "before rename":
            die()
        renamed = rename(source, target)
        if calls["rename"] == nth and place == "after rename":
            die()
        return renamed

    os.fsync, Path.replace = fsync, replace  # type: ignore[method-assign, assignment]


def attempt(config: TrainingConfig, folder: Path, place: str | None, nth: int) -> int:
    """Fork a trainer that starts or resumes; its process id."""
    child = os.fork()
    if child:
        return child
    try:
        if place is not None:
            kill_at(place, nth)
        start = Resume() if (folder / "last.pth").exists() else NewRun()
        fit(assemble(config), config, folder, start)
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        os._exit(1)


def wait(child: int, seconds: float | None) -> int:
    """The child's wait status, after killing it where it takes longer than ``seconds``."""
    if seconds is not None:
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)  # on a child that has ended already this does nothing
    return os.waitpid(child, 0)[1]


def torment(config: TrainingConfig, folder: Path, kills: int, dice: random.Random) -> dict[str, int]:
    """Train to the end until ``kills`` kills have landed; how many did where. Exits where an end differs."""
    started = time.monotonic()
    assert wait(attempt(config, folder / "whole", None, 0), None) == 0
    duration = time.monotonic() - started
    counts = dict.fromkeys(("at random", *PLACES, "ends compared"), 0)
    killed = folder / "killed"
    while True:
        enough = sum(counts.values()) - counts["ends compared"] >= kills
        place = None if enough or dice.random() < 0.5 else dice.choice(PLACES)
        seconds = None if enough or place else dice.uniform(0.0, duration)
        status = wait(attempt(config, killed, place, dice.randint(1, 20)), seconds)
        if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
            counts[place or "at random"] += 1
            continue
        if status != 0:
            sys.exit("the resumed training failed")
        for name in COMPARED:
            if (killed / name).read_bytes() != (folder / "whole" / name).read_bytes():
                sys.exit(f"{name} is not what it is without kills; see {folder}")
        counts["ends compared"] += 1
        shutil.rmtree(killed)
        if enough:
            return counts


def main() -> None:
    folder, scheduler, kills, seed = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    code_version()  # kept from now on: the sources may be edited while this runs
    dice = random.Random(seed)
    total: Counter[str] = Counter()
    for amp in (False, True):
        for workers in (0, 2):
            config = configuration(scheduler, amp, workers)
            total.update(torment(config, folder / f"amp={amp} workers={workers}", kills, dice))
    sys.stdout.write(json.dumps(total) + "\n")


if __name__ == "__main__":
    main()
