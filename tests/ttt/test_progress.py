"""What a person sees of a training, on a terminal and in a log file."""

import io
import logging
import sys

import pytest

from ttt.watch import progress
from ttt.watch.progress import Progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_terminal_gets_a_bar_with_loss_rate_and_time_left(tmp_path, train, monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(progress, "_LOSS_SECONDS", 0.0)
    train(tmp_path)
    shown = terminal.getvalue()
    assert "epoch 1/3" in shown
    assert "loss " in shown
    assert "lr 0.01" in shown
    assert "sample/s" in shown
    assert "left in all" in shown


def test_a_log_file_gets_no_bar_but_lines(tmp_path, train, monkeypatch, caplog, capsys):
    monkeypatch.setattr(progress, "_LINE_SECONDS", 0.0)
    with caplog.at_level(logging.INFO):
        train(tmp_path)
    assert "\r" not in capsys.readouterr().err
    lines = [record.getMessage() for record in caplog.records]
    assert sum(line.startswith("step ") for line in lines) == 18
    assert all("samples/s" in line and "left" in line for line in lines if line.startswith("step "))


def test_the_time_left_follows_from_the_samples_done(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: clock[0])
    course = Progress(epochs=4, samples_per_epoch=100, samples_done=100)
    clock[0] = 10.0
    course.advance(100, epoch=2)
    assert course.rate == pytest.approx(10.0)
    assert course._time_left() == "0:00:20"
