"""Killed anywhere, a training that is resumed ends with the same bytes; a full disk costs nothing but time."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

TRAINER = Path(__file__).with_name("fault_trainer.py")
SCHEDULERS = ["none", "step", "cosine", "onecycle"]
KILLS = int(os.environ.get("TTT_FAULT_KILLS", "16"))
"""Over all: 4 schedulers, AMP or not, 0 or 2 workers. On demand: TTT_FAULT_KILLS=200 pytest tests/ttt/test_faults.py"""
SEED = int(os.environ.get("TTT_FAULT_SEED", "0"))


@pytest.mark.slow
@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_a_training_under_sigkill_ends_with_the_bytes_of_one_that_was_left_alone(tmp_path, scheduler):
    each = -(-KILLS // 16)
    done = subprocess.run(
        [sys.executable, TRAINER, tmp_path, scheduler, str(each), str(SEED)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    counts = json.loads(done.stdout.splitlines()[-1])
    assert sum(counts.values()) - counts["ends compared"] >= 4 * each
    assert counts["ends compared"] >= 4
