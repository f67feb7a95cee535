"""The learning-rate range test."""

import csv
import math

import pytest
import yaml

from ttt.lr_range import main
from ttt.rate_course import RateCourse, suggested_rate


@pytest.fixture
def config(tmp_path, raw_config, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("ttt.lr_range.pin_for", lambda *_: None)
    path = tmp_path / "c.yaml"
    path.write_text(yaml.safe_dump(raw_config({"scheduler.warmup_epochs": 1.0, "train.accumulate": 2})))
    return path


def test_rates_rise_in_equal_factors_and_nothing_but_the_course_is_kept(tmp_path, config, capsys):
    flags = ["--lowest", "1e-5", "--highest", "0.1", "--steps", "40", "--out", "found"]
    assert main(["--config", str(config), *flags, "--set", "optim.name=sgd"]) == 0
    rows = list(csv.DictReader((tmp_path / "found/lr_range.csv").read_text().splitlines()))
    rates = [float(row["lr"]) for row in rows]
    assert rates == pytest.approx([1e-5 * 10 ** (4 * step / 39) for step in range(40)])
    assert (tmp_path / "found/lr_range.png").read_bytes().startswith(b"\x89PNG")
    rate = float(capsys.readouterr().out.splitlines()[0].removeprefix("suggested optim.lr: "))
    assert 1e-5 < rate < 0.1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c.yaml", "found"]


def test_it_ends_where_the_loss_leaves_all_bounds(tmp_path, config):
    flags = ["--lowest", "1e-3", "--highest", "1e6", "--steps", "50", "--set", "optim.name=sgd"]
    assert main(["--config", str(config), *flags]) == 0
    rows = list(csv.DictReader((tmp_path / "runs/lr_range/lr_range.csv").read_text().splitlines()))
    assert 10 <= len(rows) < 50
    assert all(math.isfinite(float(row["loss"])) for row in rows)


def test_the_suggested_rate_is_where_the_loss_falls_fastest():
    rates = [10 ** (-6 + step / 20) for step in range(120)]
    losses = [1 / (1 + (rate / 1e-3) ** 2) + (rate / 0.5) ** 4 for rate in rates]
    assert suggested_rate(RateCourse(120, rates, losses)) == pytest.approx(2e-3, rel=0.5)


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--lowest", "1"], "--lowest: found 1; allowed: above 0 and below --highest (1)"),
        (["--steps", "3"], "--steps: found 3; allowed: 10 or more"),
        (["--lowest", "1e6", "--highest", "1e12", "--set", "optim.name=sgd"], "the loss has left all bounds after"),
    ],
)
def test_a_test_that_can_say_nothing_is_refused(config, capsys, flags, sentence):
    assert main(["--config", str(config), *flags]) == 2
    assert sentence in capsys.readouterr().err
