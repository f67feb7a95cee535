"""A model, a data set, a schedule and a section of a user's own, in a file outside of the package."""

import os
import subprocess
import sys

import pytest
import yaml

from ttt.engine.checkpoint import load_checkpoint

PLUGIN = '''
"""Straight lines: a plug-in in one file."""

import torch
from torch import nn
from torch.optim.lr_scheduler import ExponentialLR

from ttt.config import PartParams, Section
from ttt.engine.schedule import Schedule
from ttt.engine.task import Batch, Data
from ttt.parts import DATASETS, METRICS, MODELS, SCHEDULERS, SchedulerParams, register_section


class LineSpec(Section):
    slope: float


class LinesParams(PartParams):
    slope: float


class DecayParams(SchedulerParams):
    gamma: float


@register_section("note")
class NoteParams(Section):
    text: str


class Lines:
    fingerprint = "lines"

    def __init__(self, slope):
        self.slope = slope

    def __len__(self):
        return 64

    def __getitems__(self, indices):
        x = torch.tensor(indices, dtype=torch.float32)[:, None] / 64
        return Batch(x, self.slope * x)


@DATASETS.register("lines", spec=LineSpec)
def lines(params: LinesParams):
    return Data(Lines(params.slope), Lines(params.slope), LineSpec(slope=params.slope))


@MODELS.register("line")
def line():
    return nn.Linear(1, 1)


@SCHEDULERS.register("decay")
def decay(params: DecayParams, optimizer):
    return Schedule(ExponentialLR(optimizer, params.gamma), "step")


@METRICS.register("largest_error")
class LargestError:
    def __init__(self):
        self.largest = 0.0

    def update(self, prediction, batch):
        self.largest = max(self.largest, float((prediction - batch.y).abs().max()))

    def compute(self):
        return {"largest_error": self.largest}
'''
CONFIG = {
    "seed": 0,
    "plugins": ["straight_lines"],
    "compute": {"threads": 1, "instruction_set": "native"},
    "data": {"name": "lines", "slope": 3.0},
    "model": {"name": "line"},
    "loss": {"name": "mse"},
    "metrics": {"names": ["largest_error"]},
    "train": {"epochs": 60, "batch_size": 8, "eval_batch_size": 64},
    "optim": {"name": "adamw", "lr": 0.1},
    "scheduler": {"name": "decay", "gamma": 0.99},
    "ckpt": {"monitor": "val_largest_error"},
    "note": {"text": "mine"},
}


def run(folder, *command):
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_parts_of_a_user_s_own_train_by_being_named_in_the_file(tmp_path):
    (tmp_path / "straight_lines.py").write_text(PLUGIN)
    (tmp_path / "lines.yaml").write_text(yaml.safe_dump(CONFIG))
    run(tmp_path, "ttt.train", "--config", "lines.yaml", "--exp_name", "lines")
    best = load_checkpoint(tmp_path / "runs/lines/001/best.pth")
    assert best.place.best_score < 0.05
    assert float(best.model["weight"]) == pytest.approx(3.0, abs=0.1)
    figures = run(tmp_path, "ttt.eval", "--config", "lines.yaml", "--ckpt", "runs/lines/001/best.pth")
    assert "val_largest_error" in figures
    run(
        tmp_path,
        "ttt.train",
        "--config",
        "lines.yaml",
        "--exp_name",
        "lines",
        "--resume",
        "--lr",
        "0.001",
        "--epochs",
        "61",
    )
