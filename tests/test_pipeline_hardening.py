"""Stages that are killed, run twice at once, or cannot write: the next ``dvc repro`` ends with the same bytes."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

from tiny_project import make_project

pytestmark = pytest.mark.slow

SMALL = {"train.epochs": 1, "milestone.training.train.epochs": 1}
PREPARED = "compute_norm_stats"
PATIENCE = 120.0
ALL_OUTPUTS = ("dvc.lock", "reports/report.md", "reports/val_fixed.json")


def copy_of(project, folder):
    shutil.copytree(project.folder, folder, symlinks=True)
    return type(project)(folder)


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    """A project in which nothing was computed."""
    return make_project(tmp_path_factory.mktemp("hardening") / "fresh", SMALL)


@pytest.fixture(scope="module")
def whole(fresh, tmp_path_factory):
    """The same project after a ``dvc repro`` that nobody disturbed, and how long it took."""
    project = copy_of(fresh, tmp_path_factory.mktemp("whole") / "project")
    project.run("dvc", "repro")
    return project


def stage_processes(project):
    """Process IDs of the stages that work in this project."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            is_stage = entry.name.isdecimal() and b"emfm.stages\0" in (entry / "cmdline").read_bytes()
            if is_stage and (entry / "cwd").resolve().is_relative_to(project.folder):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def kill_after(project, delay, *command):
    """Whether the command was still at work when it and all that it started were killed."""
    running = project.start(*command)
    try:
        running.wait(delay)
    except subprocess.TimeoutExpired:
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()
        end = time.monotonic() + PATIENCE
        while stage_processes(project):
            assert time.monotonic() < end, "a stage goes on"
            time.sleep(0.02)
        return True
    assert running.returncode == 0
    return False


def without_outputs_of(project, stage):
    """Make a stage and what follows it run again: its first output is no longer the one of dvc.lock."""
    outputs = {
        "acquire": "data/store/store.json",
        "dedupe": "data/dedupe/kept.csv",
        "group_split": "data/splits/val_fixed_ids.txt",
        "compute_norm_stats": "data/stats/y_norm_stats.json",
        "eval_val_fixed": "reports/val_fixed.json",
        "plot": "reports/report.md",
    }
    path = project.folder / outputs[stage]
    path.unlink()


@pytest.mark.parametrize("stage", ["acquire", "dedupe", "group_split", "compute_norm_stats", "eval_val_fixed", "plot"])
def test_a_stage_killed_at_any_moment_leaves_a_state_from_which_the_next_repro_ends_with_the_same_bytes(
    whole, tmp_path, stage
):
    rng = np.random.default_rng(sum(map(ord, stage)))
    project = copy_of(whole, tmp_path / "project")
    begin = time.monotonic()
    project.run("dvc", "repro", "-f", "-s", stage)
    duration = time.monotonic() - begin
    killed = 0
    for share in rng.uniform(0.2, 1.0, size=3):
        killed += kill_after(project, share * duration, "dvc", "repro", "-f", "-s", stage)
        project.run("dvc", "repro")
        for name in ALL_OUTPUTS:
            assert project.read(name) == whole.read(name), name
    assert killed, "every run ended before it was to be killed"
    assert project.run("dvc", "status").stdout.strip() == "Data and pipelines are up to date."
