"""Models that can do more than predict: what the loop asks of them, and when."""

import os
import signal
from dataclasses import replace

import pytest
import torch
from torch import nn

from able_models import Able, Encoding, everything
from ttt.engine import loop
from ttt.engine.assemble import assemble
from ttt.engine.checkpoint import load_checkpoint
from ttt.engine.errors import DivergedError, Interrupted
from ttt.engine.evaluate import evaluate
from ttt.engine.journal import epoch_records
from ttt.engine.loop import fit
from ttt.engine.start import NewRun, Resume
from ttt.memo import Memo


@pytest.fixture
def task_of(tiny_config):
    """``task_of(model class, overrides, **arguments)``: configuration, task."""

    def make(kind=Able, overrides=None, **arguments):
        config = tiny_config({"model.dropout": 0.0, "train.epochs": 3} | (overrides or {}))
        task = assemble(config)
        model = kind(task.spec.inputs, task.spec.outputs, **arguments)
        task.loss.model = model
        return config, replace(task, model=model)

    return make


def test_what_was_learned_in_closed_form_is_judged_before_the_first_step(tmp_path, task_of):
    config, task = task_of()
    outcome = fit(task, config, tmp_path, NewRun())
    records = epoch_records(outcome.journal)
    assert [record["epoch"] for record in records] == [0, 1, 2, 3]
    batch = everything(task.val)
    closed_form = Able(4, 2)
    closed_form.prepare(task.train, Memo())
    with torch.no_grad():
        error = float((closed_form(batch.x) - batch.y).square().mean())
    assert records[0]["val_loss"] == pytest.approx(error, rel=1e-5)
    assert records[0]["best_score"] == records[0]["val_loss"]
    assert task.model.prepared == 1


def test_where_steps_only_spoil_it_the_start_is_the_best(tmp_path, task_of):
    config, task = task_of(overrides={"optim.lr": 1.0, "optim.name": "sgd"})
    outcome = fit(task, config, tmp_path, NewRun())
    assert outcome.best_epoch == 0
    assert outcome.best_score == epoch_records(outcome.journal)[0]["val_loss"]
    assert not load_checkpoint(outcome.best).model["offset"].any()
    assert load_checkpoint(outcome.last).model["offset"].any()


def test_a_model_with_nothing_to_train_is_complete_without_a_step(tmp_path, task_of, caplog):
    config, task = task_of(trained=False)
    with caplog.at_level("INFO"):
        outcome = fit(task, config, tmp_path, NewRun())
    assert (outcome.epochs_run, outcome.best_epoch) == (0, 0)
    assert "nothing that is learned step by step" in caplog.text
    again = fit(task, config, tmp_path, Resume())
    assert again == outcome


def test_the_best_model_is_calibrated_and_kept_so(tmp_path, task_of):
    config, task = task_of()
    outcome = fit(task, config, tmp_path, NewRun())
    best = load_checkpoint(outcome.best).model
    assert task.model.calibrated == 1
    batch = everything(task.val)
    error = (batch.x @ best["matrix"] + best["offset"] - batch.y).norm()
    torch.testing.assert_close(best["expected"], error)
    assert load_checkpoint(outcome.last).model["expected"].isnan()


def test_resuming_prepares_nothing_again(tmp_path, task_of):
    config, task = task_of()
    fit(task, config, tmp_path / "whole", NewRun())
    first, short = task_of(overrides={"train.epochs": 1})
    fit(short, first, tmp_path / "parts", NewRun())
    _, rest = task_of()
    fit(rest, config, tmp_path / "parts", Resume())
    assert rest.model.prepared == 0
    assert (tmp_path / "parts/last.pth").read_bytes() == (tmp_path / "whole/last.pth").read_bytes()
    one, other = (epoch_records(tmp_path / name / "metrics.jsonl") for name in ("whole", "parts"))
    assert str(one) == str(other)


def test_a_training_that_starts_from_another_s_weights_learns_from_its_own_samples(tmp_path, task_of):
    config, task = task_of()
    first = fit(task, config, tmp_path / "first", NewRun())
    config, task = task_of(overrides={"data.num_train": 30})
    fit(task, config, tmp_path / "second", NewRun(first.best))
    assert task.model.prepared == 1
    matrices = [load_checkpoint(tmp_path / name / "last.pth").model["matrix"] for name in ("first", "second")]
    assert not torch.equal(*matrices)


class Killed(BaseException):
    """Stands for SIGKILL: nothing in the code handles it."""


def test_a_training_killed_before_it_was_judged_starts_with_the_judgement(tmp_path, task_of, monkeypatch):
    config, task = task_of()
    fit(task, config, tmp_path / "whole", NewRun())

    def kill(*_):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(loop._Training, "_validate_start", kill)
        with pytest.raises(Killed):
            fit(task_of()[1], config, tmp_path / "killed", NewRun())
    fit(task_of()[1], config, tmp_path / "killed", Resume())
    for name in ("last.pth", "best.pth", "metrics.jsonl"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_a_training_killed_before_its_best_was_calibrated_calibrates_it_on_resuming(tmp_path, task_of, monkeypatch):
    config, task = task_of()
    fit(task, config, tmp_path / "whole", NewRun())

    def kill(*_):
        raise Killed

    _, killed = task_of()
    monkeypatch.setattr(killed.model, "calibrate", kill)
    with pytest.raises(Killed):
        fit(killed, config, tmp_path / "killed", NewRun())
    fit(task_of()[1], config, tmp_path / "killed", Resume())
    for name in ("last.pth", "best.pth"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


@pytest.mark.parametrize("kind", [Able, Encoding])
def test_a_preparation_that_is_interrupted_leaves_no_checkpoint_and_the_next_start_is_fresh(tmp_path, task_of, kind):
    config, task = task_of(kind)
    prepare = task.model.prepare

    def interrupted(train, memo):
        os.kill(os.getpid(), signal.SIGTERM)
        prepare(train, memo)

    task.model.prepare = interrupted
    with pytest.raises(Interrupted, match="stopped by SIGTERM before the first step"):
        fit(task, config, tmp_path / "run", NewRun())
    assert not list((tmp_path / "run").glob("*.pth"))
    fit(task_of(kind)[1], config, tmp_path / "run", NewRun())
    fit(task_of(kind)[1], config, tmp_path / "undisturbed", NewRun())
    for name in ("last.pth", "best.pth", "metrics.jsonl"):
        assert (tmp_path / "run" / name).read_bytes() == (tmp_path / "undisturbed" / name).read_bytes()


def test_a_model_that_encodes_is_trained_and_judged_on_encoded_samples(tmp_path, task_of):
    config, task = task_of(Encoding)
    fit(task, config, tmp_path, NewRun())
    twice = 4 * float(everything(task.train).x.square().sum() + 2 * everything(task.val).x.square().sum())
    calibration, *epoch = reversed(task.model.seen[-11:])  # 6 batches of training, 2 of the loss and 2 of metrics
    assert sum(epoch) == pytest.approx(twice, rel=1e-5)
    assert calibration == pytest.approx(4 * float(everything(task.val).x.square().sum()), rel=1e-5)


def test_what_is_remembered_is_not_computed_by_the_next_training(tmp_path, task_of):
    config, task = task_of(Encoding)
    fit(task, config, tmp_path / "first", NewRun(), Memo(tmp_path / "memo"))
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "memo").iterdir()}
    assert len(before) == 3
    config, task = task_of(Encoding)
    fit(task, config, tmp_path / "second", NewRun(), Memo(tmp_path / "memo"))
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "memo").iterdir()} == before
    for name in ("last.pth", "best.pth", "metrics.jsonl"):
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes()


@pytest.mark.parametrize("monitor", ["train_loss", "val_loss"])
def test_a_training_killed_in_its_first_epoch_judges_the_start_once(tmp_path, task_of, monkeypatch, monitor):
    """Where the training loss is watched, which the start has not, there is no score that tells."""
    config, task = task_of(overrides={"ckpt.monitor": monitor})
    fit(task, config, tmp_path / "whole", NewRun())

    def kill(training, samples, after=loop._Training._after_step):
        after(training, samples)
        if training._state.place.step == 3:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(loop._Training, "_after_step", kill)
        with pytest.raises(Killed):
            fit(task_of()[1], config, tmp_path / "killed", NewRun())
    fit(task_of()[1], config, tmp_path / "killed", Resume())
    assert [record["epoch"] for record in epoch_records(tmp_path / "killed/metrics.jsonl")] == [0, 1, 2, 3]
    for name in ("last.pth", "best.pth", "metrics.jsonl"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_a_part_in_closed_form_that_predicts_no_numbers_is_said_to_do_so(tmp_path, task_of):
    class Spoilt(Able):
        def prepare(self, train, memo):
            self.matrix.fill_(float("inf"))

    class Particular:
        def update(self, prediction, batch):
            assert prediction.isfinite().all(), "sample 1 of the set"

        def compute(self):
            return {}

    config, task = task_of(Spoilt)
    with pytest.raises(DivergedError, match="a prediction .* became NaN or infinite before the first step"):
        fit(replace(task, metrics=lambda: [Particular()]), config, tmp_path, NewRun())


class Judging(nn.Module):
    """A loss that can be given the prediction."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, batch):
        return self.of_prediction(self.model(batch.x), batch)

    def of_prediction(self, prediction, batch):
        return (prediction - batch.y).square().mean(), {}


class Counting(nn.Module):
    """Counts how often it predicts."""

    def __init__(self, model):
        super().__init__()
        self.model, self.times = model, 0

    def forward(self, x):
        self.times += 1
        return self.model(x)


def test_for_a_loss_that_can_judge_a_prediction_a_validation_predicts_once(task_of):
    _, task = task_of()
    model = Counting(task.model)
    task.loss.model = model
    plain = evaluate(model, task.val, task.metrics(), len(task.val), torch.device("cpu"), task.loss)
    assert model.times == 2
    judged = evaluate(model, task.val, task.metrics(), len(task.val), torch.device("cpu"), Judging(model))
    assert model.times == 3
    assert judged == plain
