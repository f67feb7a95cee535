"""Ctrl-C and SIGTERM: a checkpoint is saved, and the training says that it is not done."""

import os
import signal

import pytest

from ttt.engine import loop
from ttt.engine.checkpoint import load_checkpoint
from ttt.engine.errors import Interrupted
from ttt.engine.start import Resume

FILES = ("last.pth", "best.pth", "metrics.jsonl")
SIGNALS = [signal.SIGINT, signal.SIGTERM]


@pytest.fixture
def signal_at(monkeypatch):
    """Send this process a signal when a method of the loop is called for the ``nth`` time."""

    def arrange(number, method, nth):
        original, calls = getattr(loop._Training, method), [0]

        def with_signal(training, *arguments):
            calls[0] += 1
            if calls[0] == nth:
                os.kill(os.getpid(), number)
            return original(training, *arguments)

        monkeypatch.setattr(loop._Training, method, with_signal)

    return arrange


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize(("method", "step"), [("_after_step", 8), ("_validate", 12)])
def test_a_stopped_training_is_saved_and_ends_with_the_same_bytes(tmp_path, train, signal_at, number, method, step):
    train(tmp_path / "whole")
    signal_at(number, method, 8 if method == "_after_step" else 2)
    folder = tmp_path / "stopped"
    with pytest.raises(Interrupted, match=f"stopped by {number.name} after step {step}; saved in .*last.pth") as stop:
        train(folder)
    assert stop.value.signal == number
    assert load_checkpoint(folder / "last.pth").place.step == step
    train(folder, None, Resume())
    for name in FILES:
        assert (folder / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_a_stop_with_workers_is_saved_too(tmp_path, train, signal_at):
    signal_at(signal.SIGINT, "_after_step", 3)
    with pytest.raises(Interrupted):
        train(tmp_path, {"train.num_workers": 2})
    assert load_checkpoint(tmp_path / "last.pth").place.step == 3


def test_signals_mean_what_they_meant_before_once_a_training_is_over(tmp_path, train):
    before = [signal.getsignal(number) for number in SIGNALS]
    train(tmp_path)
    assert [signal.getsignal(number) for number in SIGNALS] == before
