"""The moving average of the weights, ``train.ema_decay``."""

import pytest
import torch
from torch import nn

from ttt.curves import read_runs, tidy_csv
from ttt.engine.assemble import assemble
from ttt.engine.average import WeightAverage
from ttt.engine.checkpoint import load_checkpoint, load_model
from ttt.engine.evaluate import evaluate
from ttt.engine.journal import epoch_records
from ttt.engine.loop import fit
from ttt.engine.start import NewRun, Resume

NOISY = {"optim.lr": 0.3, "train.ema_decay": 0.9, "train.epochs": 4}
"""Steps so large that the average is better than the weights."""


def test_the_average_forgets_weights_by_the_decay_and_the_first_ones_faster():
    model = nn.Linear(1, 1, bias=False)
    average = WeightAverage(model, 0.25)
    course, expected = [5.0, -2.0, 7.0], model.weight.item()
    for step, value in enumerate(course, start=1):
        model.weight.data.fill_(value)
        average.follow(step)
        decay = min(0.25, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * value
    with average.in_model():
        assert model.weight.item() == pytest.approx(expected, rel=1e-6)
    assert model.weight.item() == 7.0


def score_of(path, config):
    model, _ = load_model(path)
    return evaluate(model, assemble(config).val, assemble(config).metrics(), 16, torch.device("cpu"))["mse"]


@pytest.mark.parametrize("model", [{}, {"plugins": ["rank_parts"], "model": {"name": "normed"}}])
def test_best_holds_the_better_of_both_and_the_log_says_which(tmp_path, tiny_config, model):
    config = tiny_config(NOISY | {"ckpt.monitor": "val_mse"} | model)
    outcome = fit(assemble(config), config, tmp_path, NewRun())
    records = epoch_records(outcome.journal)
    assert records[-1]["best_is_average"] == 1
    assert outcome.best_score == min(min(record["val_mse"], record["ema_val_mse"]) for record in records)
    assert "ema_val_mse" in tidy_csv(read_runs([tmp_path]))
    assert score_of(tmp_path / "best.pth", config) == pytest.approx(outcome.best_score, rel=1e-6)
    assert score_of(tmp_path / "last.pth", config) == pytest.approx(records[-1]["val_mse"], rel=1e-6)


def test_a_best_average_goes_on_from_the_weights_behind_it(tmp_path, tiny_config, train):
    outcome = train(tmp_path, NOISY)
    best = load_checkpoint(outcome.best)
    assert best.place.best_is_average
    shorter = tiny_config(NOISY | {"train.epochs": best.place.epoch})
    fit(assemble(shorter), shorter, tmp_path, Resume("best"))
    resumed = load_checkpoint(outcome.last)
    for name, trained in best.average["weights"].items():
        assert torch.equal(resumed.model[name], trained)
        assert torch.equal(resumed.average["weights"][name], best.model[name])
        assert not torch.equal(resumed.model[name], best.model[name])


def test_without_it_no_checkpoint_and_no_line_of_the_log_speaks_of_it(tmp_path, train):
    outcome = train(tmp_path)
    assert "average" not in torch.load(outcome.last)
    assert not [key for record in epoch_records(outcome.journal) for key in record if "ema" in key or "average" in key]
