"""float16 on torch's own loss scaler: steps whose gradients overflow are skipped, and the training goes on.

Users get float16 on cuda alone; torch has the same scaler and autocast for the cpu, where every machine can run this.
"""

from itertools import pairwise

import pytest
import torch

from ttt.engine import loop, state
from ttt.engine.checkpoint import load_checkpoint
from ttt.engine.journal import read_records
from ttt.engine.start import Resume

OVERRIDES = {
    "amp.enabled": True,
    "amp.dtype": "float16",
    "data.noise": 300.0,  # so large that the first scales, from 65536 on, overflow
    "scheduler.name": "onecycle",
    "train.log_every": 1,
    "ckpt.every_steps": 2,
    "optim.lr": 0.3,
}


@pytest.fixture(autouse=True)
def float16_on_the_cpu(monkeypatch):
    monkeypatch.setattr(state, "_scales_loss", lambda config, device: True)


def steps_taken(checkpoint):
    return {int(of_weight["step"]) for of_weight in checkpoint.optimizer["state"].values()}


@pytest.mark.parametrize("grad_clip", [None, 1.0])
def test_a_step_whose_gradients_overflow_is_skipped_and_the_schedule_waits_for_it(tmp_path, train, grad_clip):
    train(tmp_path, OVERRIDES | {"train.grad_clip": grad_clip})
    last = load_checkpoint(tmp_path / "last.pth")
    (taken,) = steps_taken(last)
    assert 0 < taken < last.place.step == 18
    assert last.scaler["scale"] == 65536 / 2 ** (18 - taken)
    assert last.schedule["scheduler"]["last_epoch"] == taken
    rates = [record["lr"] for record in read_records(tmp_path / "metrics.jsonl") if record["kind"] == "step"]
    stayed = sum(one == other for one, other in pairwise(rates))
    assert rates[0] == rates[1]
    assert 18 - taken - 1 <= stayed <= 18 - taken  # whether the last step was skipped, no rate after it shows
    assert all(torch.isfinite(value).all() for value in last.model.values())


@pytest.mark.parametrize("step", [1, 3, 5, 9])
def test_a_training_killed_among_skipped_steps_ends_with_the_same_bytes(tmp_path, train, monkeypatch, step):
    class Killed(BaseException):
        pass

    def kill(training, samples, after=loop._Training._after_step):
        after(training, samples)
        if training._state.place.step == step:
            raise Killed

    train(tmp_path / "whole", OVERRIDES)
    with monkeypatch.context() as patch:
        patch.setattr(loop._Training, "_after_step", kill)
        with pytest.raises(Killed):
            train(tmp_path / "killed", OVERRIDES)
    train(tmp_path / "killed", OVERRIDES, Resume())
    for name in ("last.pth", "best.pth", "metrics.jsonl"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
