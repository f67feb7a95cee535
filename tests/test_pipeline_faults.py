"""A pipeline that is killed goes on where it was and ends with the same bytes, however DVC ran it."""

import os
import signal
import time
from pathlib import Path

import pytest

from tiny_project import make_project

pytestmark = pytest.mark.slow

EPOCHS = 300
LONGER = {"train.epochs": EPOCHS}
STAGE = "train_stage1"
KILLED_AFTER = 8
PATIENCE = 120.0


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A project whose data are made, before any training."""
    project = make_project(tmp_path_factory.mktemp("faults") / "prepared", LONGER)
    project.run("dvc", "repro", "compute_norm_stats")
    project.commit("data")
    return project


@pytest.fixture(scope="module")
def undisturbed(prepared, tmp_path_factory):
    """The same project after a training that nobody disturbed."""
    project = prepared.copy(tmp_path_factory.mktemp("undisturbed") / "project")
    project.run("dvc", "repro", STAGE)
    return project


@pytest.fixture
def project(prepared, tmp_path):
    return prepared.copy(tmp_path / "project")


def epochs_done(project):
    logs = list((project.folder / ".resume").glob("stage1-*/metrics.jsonl"))
    lines = [line for log in logs for line in log.read_text().splitlines() if line.startswith('{"kind": "epoch"')]
    return sum('"epoch": 0,' not in line for line in lines)  # epoch 0 is what was learned before the first step


def wait_until(is_true):
    end = time.monotonic() + PATIENCE
    while not is_true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def trainers(project):
    """Process IDs of the training stages that work in this project or in a temporary copy inside it."""
    return processes_in(project, b"emfm.stages\0train_stage")


def processes_in(project, command):
    """Process IDs of those with ``command`` in their command line that work in the project's folder."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            is_meant = entry.name.isdecimal() and command in (entry / "cmdline").read_bytes()
            if is_meant and (entry / "cwd").resolve().is_relative_to(project.folder):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def kill_in_the_middle(project, *command):
    running = project.start(*command)
    wait_until(lambda: epochs_done(project) >= KILLED_AFTER or running.poll() is not None)
    assert running.poll() is None, "it ended before it was killed"
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    wait_until(lambda: not trainers(project))
    assert KILLED_AFTER <= epochs_done(project) < EPOCHS


def assert_went_on(done):
    epochs = [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("epoch ")]
    assert epochs, "no epoch was trained"
    assert not [line for line in epochs if line.startswith(f"epoch {KILLED_AFTER - 1}/")]
    assert [line for line in epochs if line.startswith(f"epoch {EPOCHS}/")]


def assert_same_results(project, undisturbed):
    for name in ("dvc.lock", "models/stage1/best.pth", "reports/curves/stage1.csv"):
        assert (project.folder / name).read_bytes() == (undisturbed.folder / name).read_bytes(), name
    assert not list((project.folder / ".resume").glob("stage1-*/"))


def test_a_killed_repro_goes_on_and_ends_with_the_same_bytes(project, undisturbed):
    kill_in_the_middle(project, "dvc", "repro", STAGE)
    assert_went_on(project.run("dvc", "repro", STAGE))
    assert_same_results(project, undisturbed)


def test_a_killed_training_with_two_threads_ends_with_the_same_bytes_too(project, tmp_path):
    project.change_params({"compute.threads": 2})
    project.commit("two threads")
    whole = project.copy(tmp_path / "whole")
    whole.run("dvc", "repro", STAGE)
    kill_in_the_middle(project, "dvc", "repro", STAGE)
    assert_went_on(project.run("dvc", "repro", STAGE))
    assert_same_results(project, whole)


def test_a_killed_experiment_goes_on_and_ends_with_the_same_bytes(project, undisturbed):
    command = ("dvc", "exp", "run", "-n", "again", STAGE)
    kill_in_the_middle(project, *command)
    project.run("git", "checkout", "-q", "-f", "main")
    assert_went_on(project.run(*command))
    assert_same_results(project, undisturbed)


def lock_of_experiment(project, name):
    """dvc.lock as an experiment left it: the hashes of all its results."""
    references = project.run("git", "for-each-ref", "--format=%(refname)", "refs/exps").stdout.split()
    (reference,) = [reference for reference in references if reference.endswith(f"/{name}")]
    return project.run("git", "show", f"{reference}:dvc.lock").stdout


def test_a_killed_experiment_in_a_temporary_folder_goes_on_too(project, undisturbed):
    command = ("dvc", "exp", "run", "-n", "again", "--temp", STAGE)
    kill_in_the_middle(project, *command)
    assert_went_on(project.run(*command))
    assert lock_of_experiment(project, "again") == undisturbed.read("dvc.lock")


def test_a_queued_experiment_takes_up_what_a_killed_one_left(project, undisturbed):
    kill_in_the_middle(project, "dvc", "exp", "run", "-n", "killed", "--temp", STAGE)
    project.run("dvc", "exp", "run", "-n", "queued", "--queue", STAGE)
    project.run("dvc", "exp", "run", "--run-all")
    assert lock_of_experiment(project, "queued") == undisturbed.read("dvc.lock")


@pytest.mark.parametrize("shell", ["/bin/sh", "/bin/bash"])
def test_no_trainer_goes_on_when_dvc_alone_is_killed(project, undisturbed, shell):
    running = project.start("dvc", "repro", STAGE, SHELL=shell)
    wait_until(lambda: epochs_done(project) >= KILLED_AFTER or running.poll() is not None)
    running.kill()
    running.wait()
    wait_until(lambda: not trainers(project))
    assert KILLED_AFTER <= epochs_done(project) < EPOCHS
    assert_went_on(project.run("dvc", "repro", STAGE))
    assert_same_results(project, undisturbed)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_by_signal_saves_the_state_and_leaves_the_lock_as_it_was(project, undisturbed, number):
    before = (project.folder / "dvc.lock").read_bytes()
    running = project.start("dvc", "repro", STAGE)
    wait_until(lambda: epochs_done(project) >= KILLED_AFTER or running.poll() is not None)
    for trainer in trainers(project):
        os.kill(trainer, number)
    assert running.wait() != 0
    assert (project.folder / "dvc.lock").read_bytes() == before
    assert_went_on(project.run("dvc", "repro", STAGE))
    assert_same_results(project, undisturbed)


def test_a_second_trainer_of_the_same_stage_is_kept_out(project):
    running = project.start("dvc", "repro", STAGE)
    wait_until(lambda: epochs_done(project) >= 1 or running.poll() is not None)
    (trainer,) = trainers(project)
    os.kill(trainer, signal.SIGSTOP)
    second = project.run("python", "-m", "emfm.stages", "train_stage", "1", check=False)
    os.kill(trainer, signal.SIGCONT)
    assert running.wait() == 0
    assert second.returncode == 1
    assert "another process works on stage1" in second.stderr


def test_no_worker_goes_on_when_the_simulation_is_killed(tmp_path):
    project = make_project(tmp_path / "killed", {"acquire.simulate.num_samples": 50_000, "acquire.workers": 2})
    running = project.start("dvc", "repro", "acquire")
    wait_until(lambda: len(list((project.folder / ".resume").glob("acquire-*/shards/shard-*"))) >= 3)
    assert len(processes_in(project, b"spawn_main")) == 2
    os.kill(running.pid, signal.SIGKILL)
    running.wait()
    wait_until(lambda: not processes_in(project, b"spawn_main"))


def test_a_killed_simulation_goes_on_and_ends_with_the_same_bytes(prepared, tmp_path):
    changes = {"acquire.simulate.num_samples": 800, "acquire.shard_samples": 20, "acquire.workers": 2}
    project = make_project(tmp_path / "killed", changes)
    running = project.start("dvc", "repro", "acquire")
    wait_until(lambda: len(list((project.folder / ".resume").glob("acquire-*/shards/shard-?????"))) >= 3)
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    assert not (project.folder / "data/store").exists()
    project.run("dvc", "repro", "acquire")
    whole = make_project(tmp_path / "whole", changes)
    whole.run("dvc", "repro", "acquire")
    assert project.read("dvc.lock") == whole.read("dvc.lock")
