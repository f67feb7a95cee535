"""Training on several processes: real ones, started by torchrun, that talk over loopback."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ttt.engine.checkpoint import load_checkpoint
from ttt.engine.ranks import Ranks

CONFIG = {
    "scale": "demo",
    "seed": 3,
    "device": "cpu",
    "compute": {"threads": 1, "instruction_set": "avx2"},
    "data": {"name": "synthetic_regression", "num_train": 203, "num_val": 40, "inputs": 4},
    "model": {"name": "mlp", "hidden": [8, 8], "dropout": 0.0},
    "loss": {"name": "mse"},
    "metrics": {"names": []},
    "train": {"epochs": 4, "batch_size": 50, "eval_batch_size": 64, "grad_clip": 0.5},
    "optim": {"name": "adamw", "lr": 0.01},
    "scheduler": {"name": "cosine"},
    "ckpt": {"every_steps": 2},
}


@given(st.integers(1, 9), st.integers(1, 40))
def test_shares_of_a_batch_have_every_sample_once_and_weights_that_add_up(size, count):
    batch = list(range(100, 100 + count))
    ranks = [Ranks(rank, size) for rank in range(size)]
    counted = [sample for one in ranks if one.weight(count) for sample in one.part(batch)]
    assert sorted(counted) == batch
    assert sum(one.weight(count) for one in ranks) == pytest.approx(1)
    assert all(one.part(batch) for one in ranks)
    weighted = sum(one.weight(count) * np.mean(one.part(batch)) for one in ranks)
    assert weighted == pytest.approx(np.mean(batch))


def write_config(folder, **changes):
    raw = json.loads(json.dumps(CONFIG))
    for key, value in changes.items():
        section, name = key.split("__")
        raw[section][name] = value
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(raw))
    return path


def command(processes, config, run_id, *flags):
    train = ["-m", "ttt.train", "--config", str(config), "--exp_name", "demo", "--run_id", run_id, *flags]
    if processes == 1:
        return [sys.executable, *train]
    launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    return [sys.executable, *launcher, *train]


def train(folder, processes, run_id, *flags, check=True, **changes):
    config = write_config(folder, **changes)
    done = subprocess.run(
        command(processes, config, run_id, *flags), cwd=folder, capture_output=True, text=True, check=False, timeout=240
    )
    assert not check or done.returncode == 0, done.stderr
    return done


def records(folder, run_id, kind):
    lines = (folder / "runs" / "demo" / run_id / "metrics.jsonl").read_text().splitlines()
    return [record for record in map(json.loads, lines) if record["kind"] == kind]


def assert_same_training(folder, one, other):
    """Loss curves and final weights agree but for the rounding of sums in another order."""
    for kind in ("step", "epoch"):
        first, second = records(folder, one, kind), records(folder, other, kind)
        assert [record["step"] for record in first] == [record["step"] for record in second]
        for name in first[0]:
            if name != "kind":
                values = [[record[name] for record in found] for found in (first, second)]
                np.testing.assert_allclose(values[0], values[1], rtol=2e-5, atol=1e-7, err_msg=name)
    weights = [load_checkpoint(folder / "runs" / "demo" / run / "last.pth").model for run in (one, other)]
    for name, value in weights[0].items():
        torch.testing.assert_close(weights[1][name], value, rtol=1e-4, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("processes", [2, 3])
def test_the_loss_curve_is_the_same_for_any_number_of_processes(tmp_path, processes):
    """203 samples in batches of 50: the last has 3, which is one for each, or none for the fourth."""
    train(tmp_path, 1, "one")
    done = train(tmp_path, processes, "many")
    assert_same_training(tmp_path, "one", "many")
    assert done.stderr.count("epoch 4/4") == 1
    files = [sorted(path.name for path in (tmp_path / "runs/demo" / run).iterdir()) for run in ("one", "many")]
    assert files[0] == files[1]


@pytest.mark.slow
def test_a_batch_with_fewer_samples_than_processes_is_shared_out_too(tmp_path):
    changes = {"data__num_train": 101, "train__batch_size": 50}
    train(tmp_path, 1, "one", **changes)
    train(tmp_path, 2, "two", **changes)
    assert_same_training(tmp_path, "one", "two")


@pytest.mark.slow
@pytest.mark.parametrize(("before", "after"), [(1, 2), (2, 1)])
def test_a_training_is_resumed_by_another_number_of_processes(tmp_path, before, after):
    train(tmp_path, 1, "whole")
    train(tmp_path, before, "parts", "--epochs", "2", scheduler__name="cosine")
    train(tmp_path, after, "parts", "--resume", "--resume_reset_scheduler")
    train(tmp_path, before, "same", "--epochs", "2")
    train(tmp_path, before, "same", "--resume", "--resume_reset_scheduler")
    assert_same_training(tmp_path, "parts", "same")
    assert [record["epoch"] for record in records(tmp_path, "parts", "epoch")] == [1, 2, 3, 4]


def workers(launcher):
    """Process IDs of a launcher's trainers."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdecimal() and int((entry / "stat").read_text().rpartition(")")[2].split()[1]) == launcher:
                found.append(int(entry.name))
        except OSError:
            continue
    return sorted(found)


def wait_until(is_true, seconds=120.0):
    end = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def start_long(folder, run_id):
    config = write_config(folder, train__epochs=100_000)
    journal = folder / "runs" / "demo" / run_id / "metrics.jsonl"
    running = subprocess.Popen(
        command(2, config, run_id), cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    wait_until(lambda: journal.exists() and journal.read_text().count('"epoch", "epoch"') >= 3)
    return running


@pytest.mark.slow
@pytest.mark.parametrize("whom", ["launcher", "first", "second"])
def test_a_stop_by_signal_saves_one_state_whichever_process_hears_it(tmp_path, whom):
    running = start_long(tmp_path, "stopped")
    trainers = workers(running.pid)
    assert len(trainers) == 2
    os.kill({"launcher": running.pid, "first": trainers[0], "second": trainers[1]}[whom], signal.SIGTERM)
    told, _ = running.communicate(timeout=120)
    assert running.returncode != 0
    assert "stopped by SIGTERM after step" in told
    place = load_checkpoint(tmp_path / "runs/demo/stopped/last.pth").place
    done = train(tmp_path, 2, "stopped", "--resume", "--epochs", str(place.epoch + 2))
    assert f"epoch {place.epoch + 1}/" in done.stderr
    assert [record["epoch"] for record in records(tmp_path, "stopped", "epoch")] == list(range(1, place.epoch + 3))


@pytest.mark.slow
@pytest.mark.parametrize("which", [0, 1])
def test_a_process_that_dies_takes_the_others_with_it_and_the_training_goes_on(tmp_path, which):
    running = start_long(tmp_path, "killed")
    trainers = workers(running.pid)
    os.kill(trainers[which], signal.SIGKILL)
    running.communicate(timeout=120)
    assert running.returncode != 0
    wait_until(lambda: not [pid for pid in trainers if Path(f"/proc/{pid}").exists()])
    place = load_checkpoint(tmp_path / "runs/demo/killed/last.pth").place
    train(tmp_path, 2, "killed", "--resume", "--epochs", str(place.epoch + 1))
    assert [record["epoch"] for record in records(tmp_path, "killed", "epoch")] == list(range(1, place.epoch + 2))


@pytest.mark.slow
def test_what_the_first_process_refuses_ends_all_with_its_sentence(tmp_path):
    train(tmp_path, 1, "taken", "--epochs", "1")
    started = time.monotonic()
    done = train(tmp_path, 2, "taken", check=False)
    assert done.returncode != 0
    assert "holds a training already; resume it (--resume)" in done.stderr
    assert time.monotonic() - started < 100
