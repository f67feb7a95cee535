"""Stages that are killed, run twice at once, or cannot write: the next ``dvc repro`` ends with the same bytes."""

import os
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from tiny_project import make_project

pytestmark = pytest.mark.slow

DATA_STAGES = "compute_norm_stats"
FINAL = ("dvc.lock", "reports/report.md", "reports/val_fixed.json", "reports/test_final.json", "reports/index.html")
OUTPUTS = {
    "dedupe": "data",
    "group_split": "data",
    "compute_norm_stats": "data",
    "train_stage 1": "models",
    "eval_val_fixed": "reports",
    "eval_test_final": "reports",
    "plot": "reports",
}
"""Stages, and the folder that they write to."""
KILLS = int(os.environ.get("EMFM_KILLS", "3"))
"""Of the data stages, each at a moment of its own part of their time. On demand: EMFM_KILLS=20 pytest FILE"""
PATIENCE = 120.0


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    """A project in which nothing was computed."""
    return make_project(tmp_path_factory.mktemp("hardening") / "fresh", {"acquire.workers": 2})


@pytest.fixture(scope="module")
def undisturbed(fresh, tmp_path_factory):
    """``dvc.lock`` of the data stages that nobody disturbed, and how many seconds they took."""
    project = fresh.copy(tmp_path_factory.mktemp("undisturbed") / "project")
    begin = time.monotonic()
    project.run("dvc", "repro", DATA_STAGES)
    return project.read("dvc.lock"), time.monotonic() - begin


def stages_at_work(project):
    """Whether a stage works in this project."""
    for entry in Path("/proc").iterdir():
        try:
            is_stage = entry.name.isdecimal() and b"emfm.stages\0" in (entry / "cmdline").read_bytes()
            if is_stage and (entry / "cwd").resolve().is_relative_to(project.folder):
                return True
        except OSError:
            continue
    return False


def killed_after(project, delay, *command):
    """Whether a stage of the command was at work after ``delay`` seconds or later, when all of it was killed.

    Not while DVC writes dvc.lock, which it does in place: cut off there, the file must be fetched from git.
    """
    running = project.start(*command)
    with suppress(subprocess.TimeoutExpired):
        running.wait(delay)
    while running.poll() is None:
        if stages_at_work(project):
            os.killpg(running.pid, signal.SIGKILL)
            running.wait()
            end = time.monotonic() + PATIENCE
            while stages_at_work(project):
                assert time.monotonic() < end, "a stage goes on"
                time.sleep(0.02)
            return True
        time.sleep(0.02)
    return False


def test_data_stages_killed_at_any_moments_end_with_the_same_bytes(fresh, undisturbed, tmp_path):
    lock, duration = undisturbed
    project = fresh.copy(tmp_path / "project")
    parts = (np.arange(KILLS) + np.random.default_rng(0).uniform(size=KILLS)) / KILLS
    delays = (0.1 + 0.8 * parts) * duration
    killed = [killed_after(project, delay, "dvc", "repro", DATA_STAGES) for delay in delays]
    assert any(killed)
    project.run("dvc", "repro", DATA_STAGES)
    assert project.read("dvc.lock") == lock


def test_of_two_repros_at_once_each_ends_or_says_why_not_and_the_state_is_right(fresh, undisturbed, tmp_path):
    project = fresh.copy(tmp_path / "project")
    with ThreadPoolExecutor(2) as pool:
        runs = [pool.submit(project.run, "dvc", "repro", DATA_STAGES, check=False) for _ in range(2)]
        done = [run.result() for run in runs]
    assert any(run.returncode == 0 for run in done)
    for run in done:
        assert run.returncode == 0 or "acquire lock" in run.stderr or "is busy" in run.stderr, run.stderr
    project.run("dvc", "repro", DATA_STAGES)
    assert project.read("dvc.lock") == undisturbed[0]


def test_a_simulation_on_a_full_disk_says_so_and_goes_on_when_there_is_room(fresh, undisturbed, tmp_path):
    project = fresh.copy(tmp_path / "project")
    full = project.run("sh", "-c", "ulimit -f 100; exec python -m emfm.stages acquire", check=False)
    assert full.returncode != 0
    assert "File too large" in full.stderr
    assert not (project.folder / "data/store").exists()
    project.run("dvc", "repro", DATA_STAGES)
    assert project.read("dvc.lock") == undisturbed[0]


def on_a_full_disk(_, stage):
    """A command that can write 512 bytes into a file."""
    return "sh", "-c", f"ulimit -f 1; exec python -m emfm.stages {stage}"


def in_a_read_only_folder(outputs, stage):
    """A command that can read ``outputs`` but not write there, whoever runs it."""
    mounts = f"mount --bind {outputs} {outputs} && mount -o remount,ro,bind {outputs}"
    return "unshare", "-m", "sh", "-c", f"{mounts} && exec python -m emfm.stages {stage}"


def may_mount(project):
    return project.run("unshare", "-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt", check=False).returncode == 0


@pytest.mark.parametrize("fault", [on_a_full_disk, in_a_read_only_folder])
def test_a_stage_that_cannot_write_says_so_and_the_next_repro_ends_with_the_same_bytes(reproduced, tmp_path, fault):
    project = reproduced.copy(tmp_path / "project")
    if fault is in_a_read_only_folder and not may_mount(project):
        pytest.skip("no folder can be mounted here")
    reason = "File too large" if fault is on_a_full_disk else "Read-only file system"
    skipped = ["eval_test_final"] if fault is on_a_full_disk else []  # there git, which it asks first, cannot write
    for stage, outputs in OUTPUTS.items():
        if stage in skipped:
            continue
        done = project.run(*fault(outputs, stage), check=False)
        assert done.returncode == 1, (stage, done.stderr)
        assert reason in done.stderr.splitlines()[-1], (stage, done.stderr)
        assert done.stderr.splitlines()[-1].startswith("error: "), stage
        assert "Traceback" not in done.stderr, stage
    project.run("dvc", "repro")
    for name in FINAL:
        assert project.read(name) == reproduced.read(name), name


@pytest.mark.parametrize("stage", ["eval_val_fixed", "plot"])
def test_a_killed_judgement_or_report_is_made_again_to_the_same_bytes(reproduced, tmp_path, stage):
    project = reproduced.copy(tmp_path / "project")
    project.run("dvc", "repro", "-f", "-s", stage)  # in a new folder DVC and Python first look at every file
    begin = time.monotonic()
    project.run("dvc", "repro", "-f", "-s", stage)
    delays = np.array([0.4, 0.7]) * (time.monotonic() - begin)
    killed = [killed_after(project, delay, "dvc", "repro", "-f", "-s", stage) for delay in delays]
    assert any(killed)
    project.run("dvc", "repro")
    for name in FINAL:
        assert project.read(name) == reproduced.read(name), name
