"""Alerts: in the log, as records, and to a command of the user's."""

import json
import logging
import sys

import pytest

from ttt.engine.alerts import alerts_of_epoch
from ttt.engine.checkpoint import TrainingProgress
from ttt.engine.journal import read_records

STUCK = {"optim.name": "sgd", "optim.lr": 1e-30, "optim.sgd.momentum": 0.0, "train.epochs": 8}


def alerts_in(folder):
    return [record for record in read_records(folder / "metrics.jsonl") if record["kind"] == "alert"]


def place(**facts):
    return TrainingProgress(**{"epoch": 5, "step": 50, "best_epoch": 5, "best_score": 1.0, "lr": 0.1} | facts)


@pytest.mark.parametrize(("best_epoch", "raised"), [(5, False), (4, False), (3, False), (2, True), (1, False)])
def test_no_improvement_is_raised_every_patience_epochs(best_epoch, raised):
    found = alerts_of_epoch(place(best_epoch=best_epoch), {"val_loss": 1.0}, patience=3)
    assert [alert.alert for alert in found] == ["no_improvement"] * raised


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_figure_that_is_no_number_is_raised(value):
    (alert,) = alerts_of_epoch(place(), {"val_loss": value, "val_mse": 1.0}, patience=3)
    assert (alert.alert, alert.message) == ("not_finite", f"val_loss is {value}")


def test_a_rate_of_zero_is_raised():
    (alert,) = alerts_of_epoch(place(lr=0.0), {"val_loss": 1.0}, patience=3)
    assert alert.alert == "lr_zero"


def test_three_epochs_without_a_better_score_raise_an_alert_by_default(tmp_path, train, caplog):
    train(tmp_path, STUCK)
    assert [(record["alert"], record["epoch"]) for record in alerts_in(tmp_path)] == [
        ("no_improvement", 4),
        ("no_improvement", 7),
    ]
    assert "ALERT no_improvement: epoch 4, step 24: no better score in the last 3 epochs" in caplog.text


def test_a_rate_that_stays_at_zero_raises_an_alert(tmp_path, train):
    train(tmp_path, {"scheduler.name": "cosine", "scheduler.cosine.t_max": 2, "train.epochs": 3})
    assert [record["alert"] for record in alerts_in(tmp_path)] == ["lr_zero"]


def test_a_command_gets_the_alert_as_json(tmp_path, train):
    target = tmp_path / "alert.json"
    command = [sys.executable, "-c", "import sys; open(sys.argv[1], 'a').write(sys.stdin.read() + '\\n')", str(target)]
    train(tmp_path / "run", STUCK | {"alerts.command": command, "alerts.patience": 5})
    (line,) = target.read_text().splitlines()
    assert json.loads(line) == {
        "run_dir": str(tmp_path / "run"),
        "alert": "no_improvement",
        "epoch": 6,
        "step": 36,
        "message": "no better score in the last 5 epochs",
    }


@pytest.mark.parametrize(
    ("command", "sentence"),
    [(["no-such-program"], "No such file"), (["sh", "-c", "echo broken >&2; exit 3"], "ended with status 3: broken")],
)
def test_a_command_that_fails_is_reported_and_the_training_goes_on(tmp_path, train, caplog, command, sentence):
    with caplog.at_level(logging.WARNING):
        outcome = train(tmp_path, STUCK | {"alerts.command": command})
    assert outcome.epochs_run == 8
    assert sentence in caplog.text
