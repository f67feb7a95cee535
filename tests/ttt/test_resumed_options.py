"""What is off by default and has a state of its own, killed and taken up again."""

import pytest

from ttt.engine import loop
from ttt.engine.checkpoint import load_checkpoint
from ttt.engine.journal import read_records
from ttt.engine.start import Resume

EVERYTHING = {
    "train.epochs": 4,
    "train.batch_size": 8,
    "train.accumulate": 2,
    "train.ema_decay": 0.9,
    "train.grad_clip": 1.0,
    "optim.lr": 0.1,
    "optim.weight_decay": 0.1,
    "optim.decay_norms_and_biases": False,
    "scheduler": {"name": "plateau", "warmup_epochs": 1.5, "plateau": {"patience": 0, "threshold": 0.3}},
    "ckpt.every_steps": 2,
    "ckpt.top_k": 2,
}
BATCHES_PER_EPOCH = 12


class Killed(BaseException):
    """Stands for SIGKILL: nothing in the code handles it."""


def files_of(folder):
    return {path.name: path.read_bytes() for path in folder.glob("*.pth")} | {
        "metrics.jsonl": (folder / "metrics.jsonl").read_bytes()
    }


@pytest.fixture
def train_until(train, monkeypatch):
    """Train, and be killed after so many batches of this call: in the middle of an optimizer step where odd."""

    def run(folder, batches, overrides, start=None):
        add, done = loop._Training._add_gradients, []

        def kill(training, share):
            add(training, share)
            done.append(share)
            if len(done) == batches:
                raise Killed

        with monkeypatch.context() as patch:
            patch.setattr(loop._Training, "_add_gradients", kill)
            with pytest.raises(Killed):
                train(folder, overrides, start)

    return run


def test_all_of_them_together_end_with_the_same_bytes(tmp_path, train, train_until):
    """Killed in the warm-up, after the first fall of the rate, and in the last epoch."""
    train(tmp_path / "whole", EVERYTHING)
    assert len(list((tmp_path / "whole").glob("epoch_*.pth"))) == 2
    rates = {group["lr"] for group in load_checkpoint(tmp_path / "whole/last.pth").optimizer["param_groups"]}
    assert max(rates) < 0.1
    train_until(tmp_path / "killed", 7, EVERYTHING)
    train_until(tmp_path / "killed", 2 * BATCHES_PER_EPOCH + 1, EVERYTHING, Resume())
    train_until(tmp_path / "killed", BATCHES_PER_EPOCH - 1, EVERYTHING, Resume())
    train(tmp_path / "killed", EVERYTHING, Resume())
    killed, whole = files_of(tmp_path / "killed"), files_of(tmp_path / "whole")
    del killed["last.previous.pth"], whole["last.previous.pth"]
    assert killed.keys() == whole.keys()
    assert [name for name in whole if killed[name] != whole[name]] == []


def steps_of(folder):
    return [record for record in read_records(folder / "metrics.jsonl") if record["kind"] == "step"]


@pytest.mark.parametrize("scheduler", ["cosine", "onecycle"])
def test_a_stretched_schedule_keeps_the_place_in_its_warm_up(tmp_path, train, train_until, scheduler):
    overrides = {"scheduler": {"name": scheduler, "warmup_epochs": 2.5}, "ckpt.every_steps": 2, "train.log_every": 1}
    train(tmp_path / "five", overrides | {"train.epochs": 5})
    train_until(tmp_path / "three", 9, overrides)
    train(tmp_path / "three", overrides | {"train.epochs": 5}, Resume())
    rates = [[record["lr"] for record in steps_of(tmp_path / name) if record["step"] > 8] for name in ("five", "three")]
    assert rates[1] == pytest.approx(rates[0], rel=1e-9)
