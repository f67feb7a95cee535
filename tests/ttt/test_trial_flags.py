"""``--fast_dev_run`` and ``--profile``."""

import copy
import json
import logging

import pytest
import yaml

from ttt.train import main

COURSE = {"train.epochs": 4, "train.accumulate": 2, "train.ema_decay": 0.9, "scheduler.warmup_epochs": 2.0}


@pytest.fixture
def config(tmp_path, raw_config, monkeypatch):
    """A configuration file in the working folder; what it names is beside it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("ttt.train.pin_for", lambda *_: None)
    path = tmp_path / "c.yaml"
    path.write_text(yaml.safe_dump(copy.deepcopy(raw_config(COURSE))))
    return path


@pytest.fixture
def drawn(tmp_path, config):
    """The same on samples that each epoch draws anew."""
    raw = yaml.safe_load(config.read_text()) | {"plugins": ["drawn_samples"], "data": {"name": "drawn", "count": 90}}
    config.write_text(yaml.safe_dump(raw))
    return config


def test_a_trial_goes_through_everything_and_keeps_nothing(tmp_path, config, caplog):
    with caplog.at_level(logging.INFO):
        assert main(["--config", str(config), "--exp_name", "demo", "--fast_dev_run"]) == 0
    assert "one optimizer step on 32 samples, one validation on 16" in caplog.text
    assert "This was no training: no run was made, and nothing is kept" in caplog.text
    assert [path.name for path in tmp_path.iterdir()] == ["c.yaml"]


def test_a_trial_finds_what_would_stop_the_training(tmp_path, drawn, capsys):
    assert main(["--config", str(drawn), "--fast_dev_run"]) == 0
    assert main(["--config", str(drawn), "--fast_dev_run", "--set", "ckpt.monitor=val_nothing"]) == 2
    assert "ckpt.monitor: unknown" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["c.yaml"]


def test_a_trial_resumes_nothing(config, capsys):
    assert main(["--config", str(config), "--fast_dev_run", "--resume"]) == 2
    assert "--fast_dev_run: begins anew and keeps nothing" in capsys.readouterr().err


@pytest.mark.parametrize(("epochs", "steps"), [(4, "steps 4 to 12"), (1, "steps 1 to 3")])
def test_a_profile_changes_no_byte_of_the_training(tmp_path, config, capsys, epochs, steps):
    arguments = ["--config", str(config), "--exp_name", "demo", "--epochs", str(epochs)]
    arguments += ["--set", "scheduler.warmup_epochs=0"]
    assert main(arguments) == 0
    capsys.readouterr()
    assert main([*arguments, "--profile"]) == 0
    shown = capsys.readouterr().out
    assert f"{steps} of this call" in shown
    assert "aten::" in shown
    plain, profiled = (tmp_path / "runs/demo" / run for run in ("001", "002"))
    for name in ("last.pth", "best.pth", "metrics.jsonl"):
        assert (plain / name).read_bytes() == (profiled / name).read_bytes()
    assert json.loads((profiled / "artifacts/profile_trace.json").read_text())["traceEvents"]
