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

TESTS = Path(__file__).parents[1]
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
        section, _, name = key.partition("__")
        if name:
            raw[section][name] = value
        else:
            raw[section] = value
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(raw))
    return path


def command(processes, config, run_id, *flags):
    train = ["-m", "ttt.train", "--config", str(config), "--exp_name", "demo", "--run_id", run_id, *flags]
    if processes == 1:
        return [sys.executable, *train]
    launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    return [sys.executable, *launcher, *train]


def train(folder, processes, run_id, *flags, check=True, environment=None, **changes):
    config = write_config(folder, **changes)
    done = subprocess.run(
        command(processes, config, run_id, *flags),
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
        env=os.environ | {"PYTHONPATH": str(TESTS)} | (environment or {}),
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
                np.testing.assert_allclose(*np.array(values, float), rtol=2e-5, atol=1e-7, err_msg=name)
    weights = [load_checkpoint(folder / "runs" / "demo" / run / "last.pth").model for run in (one, other)]
    for name, value in weights[0].items():
        torch.testing.assert_close(weights[1][name], value, rtol=1e-4, atol=1e-6, equal_nan=True)


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
def test_joined_batches_and_the_average_are_the_same_for_any_number_of_processes(tmp_path):
    """203 samples in steps of two batches of 25: the last step has one batch of 3."""
    changes = {"train__batch_size": 25, "train__accumulate": 2, "train__ema_decay": 0.9, "scheduler__name": "plateau"}
    train(tmp_path, 1, "one", **changes)
    train(tmp_path, 2, "two", **changes)
    assert_same_training(tmp_path, "one", "two")
    train(tmp_path, 2, "parts", "--epochs", "2", **changes)
    train(tmp_path, 2, "parts", "--resume", **changes)
    for name in ("last.pth", "best.pth", "metrics.jsonl"):
        files = [tmp_path / "runs/demo" / run / name for run in ("two", "parts")]
        assert files[0].read_bytes() == files[1].read_bytes(), name


@pytest.mark.slow
def test_samples_drawn_each_epoch_are_the_same_for_any_number_of_processes(tmp_path):
    changes = {"plugins": ["drawn_samples"], "data": {"name": "drawn", "count": 103}}
    train(tmp_path, 1, "one", **changes)
    train(tmp_path, 2, "two", **changes)
    assert_same_training(tmp_path, "one", "two")


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


def weights_of(folder, run_id, name="last.pth"):
    return load_checkpoint(folder / "runs" / "demo" / run_id / name).model


PARTS = {"plugins": ["rank_parts"], "optim": {"name": "sgd", "lr": 0.05}}


@pytest.mark.slow
@pytest.mark.parametrize("grad_clip", [None, 0.5])
def test_gradients_of_every_kind_are_summed_in_their_own(tmp_path, grad_clip):
    """Complex ones keep their imaginary part, float64 ones their digits, bfloat16 ones are no hindrance."""
    changes = PARTS | {"model": {"name": "every_kind"}, "loss": {"name": "mse64"}, "data__outputs": 3}
    changes |= {"train__grad_clip": grad_clip}
    train(tmp_path, 1, "one", **changes)
    train(tmp_path, 2, "two", **changes)
    one, two = weights_of(tmp_path, "one"), weights_of(tmp_path, "two")
    assert two["phasor"].imag.abs().min() > 1e-3
    torch.testing.assert_close(two["phasor"], one["phasor"], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(two["plain"], one["plain"], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(two["short"], one["short"], rtol=0.1, atol=0.02)
    exactly = {"rtol": 1e-11, "atol": 1e-13} if grad_clip is None else {"rtol": 1e-4, "atol": 1e-5}
    torch.testing.assert_close(two["wide"], one["wide"], **exactly)


def kept(folder, notes, step, rank):
    return torch.load(folder / f"kept-{notes}-{step}-{rank}.pt")


@pytest.mark.slow
def test_each_process_drops_out_its_own_and_a_killed_training_goes_on_with_that(tmp_path):
    """20 steps; the second training dies in step 8, in the middle of an epoch, two steps after a checkpoint."""
    changes = PARTS | {"model": {"name": "dropping"}, "train__epochs": 4}
    train(tmp_path, 2, "whole", environment={"NOTES": "whole"}, **changes)
    dying = {"NOTES": "dying", "DIES_IN_STEP": "8"}
    assert train(tmp_path, 2, "killed", environment=dying, check=False, **changes).returncode != 0
    done = load_checkpoint(tmp_path / "runs/demo/killed/last.pth").place.step
    assert done == 6
    train(tmp_path, 2, "killed", "--resume", environment={"NOTES": "resumed"}, **changes)
    for step in range(1, 15):
        masks = [kept(tmp_path, "resumed", step, rank) for rank in (0, 1)]
        assert not torch.equal(*(mask[:1] for mask in masks)), "both processes drop out the same"
        for rank, mask in enumerate(masks):
            assert torch.equal(mask, kept(tmp_path, "whole", step + done, rank))
    first = [kept(tmp_path, "whole", 1, rank) for rank in (0, 1)]
    assert not torch.equal(*first)
    for name in ("last.pth", "best.pth", "metrics.jsonl"):
        assert (tmp_path / "runs/demo/killed" / name).read_bytes() == (tmp_path / "runs/demo/whole" / name).read_bytes()


@pytest.mark.slow
def test_a_training_of_one_process_that_two_go_on_with_has_two_kinds_of_dropout(tmp_path):
    changes = PARTS | {"model": {"name": "dropping"}}
    train(tmp_path, 1, "run", "--epochs", "1", environment={"NOTES": "alone"}, scheduler={"name": "none"}, **changes)
    train(tmp_path, 2, "run", "--resume", environment={"NOTES": "both"}, scheduler={"name": "none"}, **changes)
    assert not torch.equal(kept(tmp_path, "both", 1, 0), kept(tmp_path, "both", 1, 1))


@pytest.mark.slow
def test_running_means_are_those_of_all_samples_and_not_of_the_first_process_s(tmp_path):
    changes = PARTS | {"model": {"name": "normed"}, "data__num_train": 200}
    train(tmp_path, 1, "one", **changes)
    train(tmp_path, 2, "two", **changes)
    one, two = weights_of(tmp_path, "one"), weights_of(tmp_path, "two")
    torch.testing.assert_close(two["0.running_mean"], one["0.running_mean"], rtol=1e-5, atol=1e-6)
    assert two["0.num_batches_tracked"] == one["0.num_batches_tracked"] == 16


@pytest.mark.slow
def test_a_weight_that_one_process_alone_uses_is_trained_and_one_that_none_uses_is_left_alone(tmp_path):
    optim = {"name": "adamw", "lr": 0.05, "weight_decay": 0.1}
    train(tmp_path, 2, "run", **PARTS | {"model": {"name": "divided"}, "optim": optim})
    weights = weights_of(tmp_path, "run")
    assert (weights["of_second"] - 1).abs().min() > 0.01
    assert torch.equal(weights["of_none"], torch.ones(2))


@pytest.mark.slow
def test_a_model_with_a_part_in_closed_form_and_encoded_samples_is_the_same_for_two_processes(tmp_path):
    changes = PARTS | {"model": {"name": "encoding"}}
    train(tmp_path, 1, "one", **changes)
    train(tmp_path, 2, "two", **changes)
    assert_same_training(tmp_path, "one", "two")
    assert [record["epoch"] for record in records(tmp_path, "two", "epoch")] == [0, 1, 2, 3, 4]
    one, two = (weights_of(tmp_path, run, "best.pth") for run in ("one", "two"))
    assert two["matrix"].any()
    assert torch.equal(one["matrix"], two["matrix"])
    torch.testing.assert_close(two["expected"], one["expected"], rtol=1e-5, atol=0)
