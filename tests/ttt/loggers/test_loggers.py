"""Loggers of other programs: what they keep is what the journal says, and nothing else is another for them."""

import csv
import os
import socket
import sqlite3
import sys
from contextlib import closing

import pytest
from dvc.repo import Repo

from programs import need_module
from ttt.config import ConfigError
from ttt.engine.errors import Interrupted, SaveError
from ttt.engine.journal import Journal, read_records
from ttt.engine.logger import Logger
from ttt.engine.start import Resume
from ttt.parts import LOGGERS

ALL = ["tensorboard", "mlflow", "dvclive"]
RESULTS = ("best.pth", "last.pth", "metrics.jsonl")


@pytest.fixture(autouse=True)
def packages(tmp_path, monkeypatch):
    """They are installed, and MLflow is as its user sets it up, with a database of the test's own."""
    for name in ALL:
        need_module(name, name)
    (tmp_path / "repository").mkdir()
    monkeypatch.chdir(tmp_path / "repository")
    Repo.init(no_scm=True).close()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "tiny")
    monkeypatch.setenv("DO_NOT_TRACK", "true")


@pytest.fixture
def registered(monkeypatch):
    """Register a logger for one test."""
    monkeypatch.setattr(LOGGERS, "_parts", dict(LOGGERS._parts))
    return LOGGERS.register


def in_journal(folder, kind, figure):
    """Steps and values of a figure in the journal."""
    return [
        (record["step"], record[figure])
        for record in read_records(folder / "metrics.jsonl")
        if record["kind"] == kind and record.get(figure) is not None
    ]


def events_in(folder):
    """What TensorBoard reads."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder / "tensorboard"), size_guidance={"scalars": 0})
    events.Reload()
    return events


def in_tensorboard(folder, kind, figure):
    return [(event.step, event.value) for event in events_in(folder).Scalars(f"{kind}s/{figure}")]


def in_dvclive(folder, kind, figure):
    with (folder / "dvclive/plots/metrics" / f"{kind}s" / f"{figure}.tsv").open() as file:
        return [(int(row["step"]), float(row[figure])) for row in csv.DictReader(file, delimiter="\t")]


def in_mlflow(folder, kind, figure):
    from mlflow.tracking import MlflowClient

    run = (folder / "mlflow_run_id").read_text()
    found = MlflowClient().get_metric_history(run, f"{kind}s/{figure}")
    return sorted((metric.step, metric.value) for metric in found)


KEPT = {"tensorboard": in_tensorboard, "mlflow": in_mlflow, "dvclive": in_dvclive}
STUCK = {"optim.name": "sgd", "optim.lr": 1e-30, "optim.sgd.momentum": 0.0, "alerts.patience": 2}


@pytest.fixture
def same_as_journal():
    def check(folder, name):
        for kind, figure in (("step", "loss"), ("step", "lr"), ("epoch", "val_mse"), ("epoch", "train_loss")):
            wanted = in_journal(folder, kind, figure)
            assert len(wanted) >= 3
            found = KEPT[name](folder, kind, figure)
            assert [step for step, _ in found] == [step for step, _ in wanted]
            assert [value for _, value in found] == pytest.approx([value for _, value in wanted], rel=1e-6)

    return check


def test_no_logger_changes_a_bit_of_the_result(tmp_path, train, caplog):
    train(tmp_path / "none")
    train(tmp_path / "all", {"train.loggers": ALL})
    assert "goes on without" not in caplog.text
    for name in RESULTS:
        assert (tmp_path / "none" / name).read_bytes() == (tmp_path / "all" / name).read_bytes()


@pytest.mark.parametrize("name", ALL)
def test_a_logger_keeps_what_the_journal_says(tmp_path, train, same_as_journal, name):
    train(tmp_path / "run", {"train.loggers": [name]})
    same_as_journal(tmp_path / "run", name)


@pytest.mark.parametrize("name", ALL)
def test_a_training_that_goes_on_from_its_best_has_no_step_twice(tmp_path, train, same_as_journal, name):
    run, values = tmp_path / "run", {"train.loggers": [name], "optim.lr": 0.5, "train.epochs": 5}
    train(run, values)
    assert read_records(run / "metrics.jsonl")[-1]["best_epoch"] < 5
    train(run, values | {"optim.lr": 0.001}, Resume("best", new_lr=True))
    same_as_journal(run, name)


@pytest.mark.parametrize("name", ALL)
def test_a_training_that_a_signal_stopped_is_whole_in_the_log_once_it_is_resumed(
    tmp_path, train, same_as_journal, registered, name
):
    class Stops(Logger):
        def __init__(self):
            self.steps = 0

        def batch(self, place, samples, loss):
            self.steps += 1
            if self.steps == 9:
                os.kill(os.getpid(), 15)

    registered("stops")(Stops)
    with pytest.raises(Interrupted):
        train(tmp_path, {"train.loggers": [name, "stops"]})
    train(tmp_path, {"train.loggers": [name]}, Resume())
    assert len(in_journal(tmp_path, "epoch", "val_loss")) == 3
    same_as_journal(tmp_path, name)


def test_alerts_are_text_in_tensorboard_and_tags_in_mlflow(tmp_path, train):
    train(tmp_path / "run", STUCK | {"train.loggers": ALL})
    assert "alert/no_improvement/text_summary" in events_in(tmp_path / "run").Tags()["tensors"]
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as database:
        (found,) = database.execute("select value from tags where key = 'alert.no_improvement'").fetchall()
    assert "no better score in the last 2 epochs" in found[0]


def test_mlflow_has_the_configuration_and_ends_the_run(tmp_path, train):
    from mlflow.tracking import MlflowClient

    train(tmp_path / "run", {"train.loggers": ["mlflow"]})
    run = MlflowClient().get_run((tmp_path / "run/mlflow_run_id").read_text())
    assert run.info.status == "FINISHED"
    assert run.data.params["optim.lr"] == "0.01"
    assert run.data.params["model.hidden"] == "[8]"


def test_a_server_that_is_not_there_is_warned_of_once_and_the_training_ends(tmp_path, train, monkeypatch, caplog):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    outcome = train(tmp_path / "run", {"train.loggers": ["mlflow"]})
    assert outcome.epochs_run == 3
    said = [record.getMessage() for record in caplog.records if "logger MLflow" in record.getMessage()]
    assert len(said) == 1
    assert said[0].endswith("the training goes on without it")


class Failing(Logger):
    """Fails where it is told to."""

    def __init__(self, where):
        def fail(*_):
            raise OSError(28, "No space left on device")

        setattr(self, where, fail)


@pytest.mark.parametrize("where", ["start", "batch", "step", "epoch", "alert", "end"])
def test_a_logger_that_fails_is_warned_of_once_and_ends_no_training(tmp_path, train, registered, caplog, where):
    train(tmp_path / "none", STUCK)
    registered("failing")(lambda: Failing(where))
    train(tmp_path / "run", STUCK | {"train.loggers": ["failing", "tensorboard"]})
    said = [record.getMessage() for record in caplog.records if "No space left" in record.getMessage()]
    assert said == ["logger Failing: [Errno 28] No space left on device; the training goes on without it"]
    for name in RESULTS:
        assert (tmp_path / "none" / name).read_bytes() == (tmp_path / "run" / name).read_bytes()
    assert len(in_tensorboard(tmp_path / "run", "epoch", "val_loss")) == 3


def test_a_logger_that_draws_random_numbers_changes_no_bit(tmp_path, train, registered):
    class Draws(Logger):
        def step(self, record):
            import random

            import numpy as np
            import torch

            random.random(), np.random.rand(), torch.rand(1)  # noqa: NPY002 - what a logger may draw from

    registered("draws")(Draws)
    train(tmp_path / "none")
    train(tmp_path / "run", {"train.loggers": ["draws"]})
    for name in RESULTS:
        assert (tmp_path / "none" / name).read_bytes() == (tmp_path / "run" / name).read_bytes()


def test_a_journal_that_cannot_be_written_still_ends_the_training(tmp_path, train, monkeypatch):
    def full(self, kind, record):
        raise SaveError("metrics.jsonl: cannot be written (No space left on device)")

    monkeypatch.setattr(Journal, "write", full)
    with pytest.raises(SaveError, match="No space left"):
        train(tmp_path)


@pytest.mark.parametrize("name", ALL)
def test_a_package_that_is_missing_is_told_with_its_extra_before_any_work(tmp_path, train, monkeypatch, name):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ConfigError, match=rf"pip install -c constraints.txt -e '.\[{name}\]'"):
        train(tmp_path / "run", {"train.loggers": [name]})
    assert not (tmp_path / "run").exists()


def test_dvclive_makes_no_repository(tmp_path, train, monkeypatch):
    (tmp_path / "plain").mkdir()
    monkeypatch.chdir(tmp_path / "plain")
    with pytest.raises(ConfigError, match="dvclive: this folder is in no DVC repository; make one"):
        train(tmp_path / "run", {"train.loggers": ["dvclive"]})
    assert list((tmp_path / "plain").iterdir()) == []


def test_a_name_that_is_not_known_is_refused_with_the_nearest(tiny_config):
    with pytest.raises(ConfigError, match=r"train\.loggers 'tensorbord'.*tensorboard"):
        tiny_config({"train.loggers": ["tensorbord"]})
