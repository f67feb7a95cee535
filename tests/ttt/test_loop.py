"""The training loop, from a fresh start to its end."""

import logging
import math
import multiprocessing
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from torch import nn

from ttt.command import exit_status
from ttt.config import ConfigError, UserError
from ttt.engine import state
from ttt.engine.assemble import assemble
from ttt.engine.checkpoint import load_checkpoint, load_model
from ttt.engine.errors import CheckpointError, DivergedError, TrainingError
from ttt.engine.evaluate import evaluate, predict
from ttt.engine.journal import epoch_records, read_records
from ttt.engine.loop import fit
from ttt.engine.run_folder import RunFolder
from ttt.engine.start import NewRun, Resume
from ttt.locks import BusyError
from ttt.loggers.chosen import loggers_of
from ttt.parts import METRICS, build_metrics

CPU = torch.device("cpu")


def test_a_run_folder_holds_what_the_contract_names(tmp_path, train):
    outcome = train(tmp_path)
    assert {entry.name for entry in tmp_path.iterdir()} >= {
        "artifacts",
        "best.pth",
        "config.resolved.yaml",
        "last.pth",
        "metrics.jsonl",
    }
    assert (outcome.epochs_run, outcome.best, outcome.last) == (3, tmp_path / "best.pth", tmp_path / "last.pth")


def test_two_trainings_of_one_configuration_write_the_same_bytes(tmp_path, train):
    for name in ("a", "b"):
        train(tmp_path / name)
    for name in ("last.pth", "best.pth", "metrics.jsonl", "config.resolved.yaml"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_workers_change_no_bit(tmp_path, train):
    train(tmp_path / "none")
    train(tmp_path / "two", {"train.num_workers": 2})
    for name in ("last.pth", "best.pth", "metrics.jsonl"):
        assert (tmp_path / "none" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_another_seed_is_another_training(tmp_path, train):
    assert train(tmp_path / "a").best_score != train(tmp_path / "b", {"seed": 4}).best_score


def test_the_log_has_steps_and_epochs_with_losses_rate_and_best_score(tmp_path, train):
    records = read_records(train(tmp_path).journal)
    steps = [record for record in records if record["kind"] == "step"]
    assert [record["step"] for record in steps] == [1, 2, 4, 6, 7, 8, 10, 12, 13, 14, 16, 18]
    assert set(steps[0]) == {"kind", "epoch", "step", "lr", "loss"}
    epochs = epoch_records(tmp_path / "metrics.jsonl")
    assert [record["step"] for record in epochs] == [6, 12, 18]
    assert set(epochs[0]) == {
        *("epoch", "step", "lr", "train_loss", "val_loss", "val_mse", "val_rmse", "best_score", "best_epoch")
    }


def test_the_training_loss_of_an_epoch_is_the_mean_over_samples_and_not_over_batches(tmp_path, tiny_config):
    config = tiny_config({"train.epochs": 1, "train.log_every": 1, "model.dropout": 0.0})
    outcome = fit(assemble(config), config, tmp_path, NewRun(), loggers=loggers_of(config, tmp_path))
    losses = [record["loss"] for record in read_records(outcome.journal) if record["kind"] == "step"]
    counts = [16, 16, 16, 16, 16, 10]
    expected = sum(loss * count for loss, count in zip(losses, counts, strict=True)) / 90
    assert epoch_records(outcome.journal)[0]["train_loss"] == pytest.approx(expected, rel=1e-6)


def test_validation_is_the_same_at_any_batch_size_and_equals_a_direct_sum(tmp_path, tiny_config):
    config = tiny_config()
    fit(assemble(config), config, tmp_path, NewRun(), loggers=loggers_of(config, tmp_path))
    model, checkpoint = load_model(tmp_path / "best.pth")
    val = assemble(config).val
    whole = val.__getitems__(list(range(len(val))))
    direct = float((predict(model, whole.x, 7, CPU).double() - whole.y.double()).square().mean())
    for batch_size in (1, 5, 32):
        metrics = build_metrics(["mse"], assemble(config).spec)
        assert evaluate(model, val, metrics, batch_size, CPU)["mse"] == pytest.approx(direct, rel=1e-6)
    assert checkpoint.place.best_score == pytest.approx(direct, rel=1e-6)


def test_the_best_model_is_the_one_with_the_best_score(tmp_path, train):
    outcome = train(tmp_path, {"optim.lr": 0.3, "train.epochs": 8})
    scores = [record["val_loss"] for record in epoch_records(outcome.journal)]
    assert outcome.best_epoch < 8
    assert outcome.best_score == min(scores) == scores[outcome.best_epoch - 1]
    assert load_checkpoint(outcome.best).place.epoch == outcome.best_epoch


def test_any_figure_can_be_watched_in_either_direction(tmp_path, train):
    overrides = {"ckpt.monitor": "val_rmse", "ckpt.mode": "max", "optim.lr": 0.3, "train.epochs": 8}
    outcome = train(tmp_path, overrides)
    assert outcome.best_score == max(record["val_rmse"] for record in epoch_records(outcome.journal))


def test_a_figure_that_there_is_not_is_refused_before_the_first_step(tmp_path, train):
    with pytest.raises(ConfigError, match="ckpt.monitor: unknown; did you mean 'val_rmse'?"):
        train(tmp_path, {"ckpt.monitor": "val_rmsee"})
    assert not (tmp_path / "last.pth").exists()


def test_early_stop_ends_a_training_that_no_longer_improves(tmp_path, train):
    outcome = train(tmp_path, {"optim.lr": 0.3, "train.epochs": 50, "train.early_stop": 2})
    assert outcome.epochs_run == outcome.best_epoch + 2 < 50


def test_gradients_are_clipped_to_the_given_norm(tmp_path, train):
    overrides = {"optim.name": "sgd", "optim.sgd.momentum": 0.0, "optim.lr": 1.0, "train.epochs": 1}
    overrides |= {"train.grad_clip": 1e-6, "train.batch_size": 90}
    start = load_weights_of_fresh_model(tmp_path / "start", train, overrides)
    train(tmp_path / "run", overrides)
    end = load_checkpoint(tmp_path / "run" / "last.pth").model
    moved = math.sqrt(sum(float((end[name] - start[name]).double().square().sum()) for name in end))
    assert moved == pytest.approx(1e-6, rel=0.05)


def load_weights_of_fresh_model(folder, train, overrides):
    train(folder, overrides | {"train.grad_clip": 1e-30})
    return load_checkpoint(folder / "last.pth").model


def test_bfloat16_trains_on_the_cpu_to_other_bits(tmp_path, train):
    plain = train(tmp_path / "plain", {"model.dropout": 0.0})
    mixed = train(tmp_path / "mixed", {"model.dropout": 0.0, "amp.enabled": True})
    assert plain.best_score != mixed.best_score
    assert mixed.best_score == pytest.approx(plain.best_score, rel=0.1)


def test_float16_on_the_cpu_is_refused(tmp_path, train):
    with pytest.raises(ConfigError, match="amp.dtype: found 'float16', which needs cuda; .* use bfloat16"):
        train(tmp_path, {"amp.enabled": True, "amp.dtype": "float16"})


def test_a_device_that_is_not_there_is_refused(tmp_path, train):
    with pytest.raises(ConfigError, match=r"found 'cuda:9', but there are \d+ cuda devices; use cpu or auto"):
        train(tmp_path, {"device": "cuda:9"})


def test_a_loss_that_is_no_number_stops_the_training_and_spoils_no_checkpoint(tmp_path, train, caplog):
    with pytest.raises(DivergedError, match="the training loss became .* lower optim.lr"):
        train(tmp_path, {"optim.name": "sgd", "optim.lr": 1e20, "train.epochs": 5})
    last = load_checkpoint(tmp_path / "last.pth")
    assert all(bool(torch.isfinite(value).all()) for value in last.model.values())
    alert = read_records(tmp_path / "metrics.jsonl")[-1]
    assert (alert["kind"], alert["alert"]) == ("alert", "not_finite")
    assert "ALERT not_finite" in caplog.text


def test_weights_of_another_training_are_where_one_begins(tmp_path, train):
    first = train(tmp_path / "first")
    overrides = {"optim.name": "sgd", "optim.lr": 1e-30, "train.epochs": 1}
    train(tmp_path / "second", overrides, NewRun(first.best))
    weights = [load_checkpoint(tmp_path / name).model for name in ("first/best.pth", "second/last.pth")]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_weights_of_another_model_are_refused(tmp_path, train):
    first = train(tmp_path / "first", {"model.hidden": [5]})
    with pytest.raises(CheckpointError, match="first/best.pth: its weights are those of another model"):
        train(tmp_path / "second", None, NewRun(first.best))


def test_a_folder_with_a_training_in_it_is_not_overwritten(tmp_path, train):
    train(tmp_path)
    before = (tmp_path / "last.pth").read_bytes()
    with pytest.raises(TrainingError, match="holds a training already; resume it"):
        train(tmp_path, {"seed": 4})
    assert (tmp_path / "last.pth").read_bytes() == before


def test_what_a_crash_left_before_the_first_checkpoint_is_cleared(tmp_path, train):
    train(tmp_path / "clean")
    folder = tmp_path / "crashed"
    folder.mkdir()
    (folder / "metrics.jsonl").write_text('{"kind": "step", "step": 1}\n')
    (folder / ".last.pth.abc123").write_bytes(b"half")
    train(folder)
    assert (folder / "metrics.jsonl").read_bytes() == (tmp_path / "clean" / "metrics.jsonl").read_bytes()
    assert not list(folder.glob(".last.pth.*"))


def hold(folder, ready, done):
    with RunFolder(folder).locked():
        ready.set()
        done.wait(30)


def test_a_second_trainer_is_kept_out_of_a_folder(tmp_path, train):
    context = multiprocessing.get_context("spawn")
    ready, done = context.Event(), context.Event()
    holder = context.Process(target=hold, args=(tmp_path, ready, done))
    holder.start()
    try:
        assert ready.wait(30)
        with pytest.raises(BusyError, match="another trainer works here; wait for it or stop it"):
            train(tmp_path)
    finally:
        done.set()
        holder.join()
    train(tmp_path)


def test_a_completed_training_has_nothing_left_to_do(tmp_path, train, caplog):
    first = train(tmp_path)
    with caplog.at_level(logging.INFO):
        again = train(tmp_path, None, Resume())
    assert again == replace(first, epochs_run=0)
    assert "nothing left to train: 3 of 3 epochs are done" in caplog.text


def test_durations_and_sizes_of_saving_are_in_a_file_of_their_own(tmp_path, train):
    train(tmp_path)
    lines = (tmp_path / "timing.jsonl").read_text().splitlines()
    assert sum('"kind": "save"' in line for line in lines) == 3
    assert sum('"kind": "epoch"' in line for line in lines) == 3
    assert "seconds" not in (tmp_path / "metrics.jsonl").read_text()


def test_a_log_file_gets_a_line_an_epoch(tmp_path, train, caplog):
    with caplog.at_level(logging.INFO):
        train(tmp_path)
    lines = [record.getMessage() for record in caplog.records if record.getMessage().startswith("epoch")]
    assert len(lines) == 3
    assert all(word in lines[-1] for word in ("train_loss", "val_loss", "lr 0.01", "samples/s", "left", "best"))


@METRICS.register("particular")
class Particular:
    """Refuses what is no number, as the field's figures do."""

    def __init__(self):
        self.count = 0

    def update(self, prediction, batch):
        if not prediction.isfinite().all():
            raise UserError("sample 1 of the set: its prediction holds NaN or Inf")
        self.count += len(batch.x)

    def compute(self):
        return {"nothing": 0.0}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"optim.lr": 1e20, "train.epochs": 2}, "the training loss became (nan|inf) at step 6"),
        (
            {"optim.lr": 1e38, "data.noise": 1e4, "train.batch_size": 90},
            "the weights 0.weight became NaN or infinite at step 1",
        ),
        ({"optim.lr": 1e30, "train.batch_size": 90}, "a prediction for the validation samples became NaN or infinite"),
    ],
    ids=["loss", "weights", "predictions"],
)
def test_divergence_is_found_before_a_metric_complains_of_it(tmp_path, train, changes, sentence):
    """Steps are logged so rarely that none shows it before the validation."""
    overrides = {"optim.name": "sgd", "train.log_every": 1000, "metrics.names": ["particular"]}
    with pytest.raises(DivergedError, match=f"{sentence}.*lower optim.lr") as caught:
        train(tmp_path, overrides | changes)
    assert exit_status(caught.value) == 1
    alert = read_records(tmp_path / "metrics.jsonl")[-1]
    assert (alert["kind"], alert["alert"]) == ("alert", "not_finite")
    last = load_checkpoint(tmp_path / "last.pth")
    assert last.place.step == 0
    assert all(bool(torch.isfinite(value).all()) for value in last.model.values())


def test_weights_that_the_last_step_has_spoilt_are_in_no_checkpoint(tmp_path, train):
    overrides = {
        "optim.name": "sgd",
        "optim.lr": 1e38,
        "data.noise": 1e4,
        "train.log_every": 1000,
        "ckpt.every_steps": 1,
    }
    with pytest.raises(DivergedError, match="the weights 0.weight became NaN or infinite at step 1"):
        train(tmp_path, overrides)
    assert load_checkpoint(tmp_path / "last.pth").place.step == 0


def test_what_a_metric_refuses_for_another_reason_is_said_as_it_is(tmp_path, tiny_config):
    config = tiny_config({"metrics.names": ["particular"]})
    task = assemble(config)
    calls = []

    class Broken(Particular):
        def update(self, prediction, batch):
            calls.append(1)
            if len(calls) > 2:
                raise UserError("sample 3 of the set: its truth is zero")

    with pytest.raises(UserError, match="sample 3 of the set: its truth is zero"):
        fit(replace(task, metrics=lambda: [Broken()]), config, tmp_path, NewRun())


def test_a_best_score_of_zero_is_shown_as_zero(tmp_path, train, caplog):
    with caplog.at_level(logging.INFO):
        outcome = train(tmp_path, {"metrics.names": ["particular"], "ckpt.monitor": "val_nothing"})
    assert outcome.best_score == 0.0
    assert "best val_nothing 0 in epoch 1" in caplog.text
    assert "nan" not in caplog.text


def test_early_stop_waits_for_no_gain_below_the_least_one(tmp_path, train):
    """The figure falls by less than a hundredth an epoch at this rate: each epoch is better than the one before."""
    overrides = {"optim.name": "sgd", "optim.lr": 1e-4, "optim.sgd.momentum": 0.0, "train.epochs": 12}
    overrides |= {"train.early_stop": 3, "model.dropout": 0.0}
    small = train(tmp_path / "small", overrides | {"train.early_stop_min_gain": 0.5})
    assert small.epochs_run == 4
    assert small.best_epoch == 4
    none = train(tmp_path / "none", overrides)
    assert none.epochs_run == 12


def test_gains_below_the_least_one_add_up(tmp_path, train):
    overrides = {
        "optim.name": "sgd",
        "optim.lr": 0.01,
        "optim.sgd.momentum": 0.0,
        "train.epochs": 12,
        "model.dropout": 0.0,
    }
    plain = train(tmp_path / "plain", overrides)
    scores = [record["val_loss"] for record in epoch_records(plain.journal)]
    assert all(later < earlier for earlier, later in pairwise(scores))
    share = 1.5 * (scores[0] - scores[1]) / scores[0]
    outcome = train(tmp_path / "run", overrides | {"train.early_stop": 3, "train.early_stop_min_gain": share})
    gains, last = [1], scores[0]
    for epoch, score in enumerate(scores[1:], start=2):
        if epoch - gains[-1] <= 3 and last - score > share * last:
            gains, last = [*gains, epoch], score
    assert len(gains) > 1
    assert outcome.epochs_run == min(gains[-1] + 3, 12)


def test_complex_weights_cannot_be_scaled_for_float16(tmp_path, tiny_config, monkeypatch):
    monkeypatch.setattr(state, "_scales_loss", lambda *_: True)
    config = tiny_config({"amp.enabled": True, "amp.dtype": "float16"})
    task = assemble(config)
    task.model.register_parameter("phasor", nn.Parameter(torch.zeros(2, dtype=torch.complex64)))
    with pytest.raises(
        ConfigError, match="amp.dtype: found 'float16', but torch scales no gradients of complex weights"
    ):
        fit(task, config, tmp_path, NewRun())
