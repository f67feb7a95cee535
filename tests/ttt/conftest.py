"""A training of a fraction of a second, with randomness in it, that tests start, stop and take up again."""

import copy
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from torch_threads import torch_threads
from ttt.engine.assemble import assemble
from ttt.engine.loop import Outcome, fit
from ttt.engine.start import NewRun, Start
from ttt.loggers.chosen import loggers_of
from ttt.settings import TrainingConfig, parse_config

TINY: dict[str, Any] = {
    "seed": 3,
    "device": "cpu",
    "compute": {"threads": 1, "instruction_set": "native"},
    "data": {"name": "synthetic_regression", "num_train": 90, "num_val": 32, "inputs": 4},
    "model": {"name": "mlp", "hidden": [8], "dropout": 0.1},
    "loss": {"name": "mse"},
    "metrics": {"names": ["mse"]},
    "train": {"epochs": 3, "batch_size": 16, "eval_batch_size": 16, "log_every": 2},
    "optim": {"name": "adamw", "lr": 0.01},
    "scheduler": {"name": "none"},
}


@pytest.fixture(autouse=True)
def one_thread():
    with torch_threads(1):
        yield


@pytest.fixture(autouse=True)
def no_power_cuts(monkeypatch):
    """Waiting for the disk is most of the time of a tiny training, and no test here pulls the plug."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


def with_values(overrides: dict[str, Any]) -> dict[str, Any]:
    """The tiny configuration with values replaced by dotted key."""
    raw = copy.deepcopy(TINY)
    for key, value in overrides.items():
        *sections, last = key.split(".")
        inner = raw
        for section in sections:
            inner = inner.setdefault(section, {})
        inner[last] = value
    return raw


@pytest.fixture(scope="session")
def raw_config() -> Callable[[dict[str, Any]], dict[str, Any]]:
    return with_values


@pytest.fixture
def tiny_config() -> Callable[..., TrainingConfig]:
    def make(overrides: dict[str, Any] | None = None) -> TrainingConfig:
        return parse_config(with_values(overrides or {}), "tiny.yaml")

    return make


@pytest.fixture
def train(tiny_config: Callable[..., TrainingConfig]) -> Callable[..., Outcome]:
    """``train(run_dir, overrides, start)``."""

    def run(run_dir: Path, overrides: dict[str, Any] | None = None, start: Start | None = None) -> Outcome:
        config = tiny_config(overrides)
        return fit(assemble(config), config, run_dir, start or NewRun(), loggers=loggers_of(config, run_dir))

    return run
