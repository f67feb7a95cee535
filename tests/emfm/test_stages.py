"""`python -m emfm.stages`, as DVC and as a user start it."""

import time
from pathlib import Path

import pytest

from tiny_project import make_project

pytestmark = pytest.mark.slow

ACQUIRE = ("python", "-m", "emfm.stages", "acquire")
PATIENCE = 300.0


@pytest.fixture
def project(tmp_path):
    return make_project(tmp_path / "project")


@pytest.mark.parametrize(
    ("changes", "command", "sentence"),
    [
        ({"stages.sizes": [4, 8, 16, 24]}, ACQUIRE, "stages.sizes: found 4 sizes; allowed: 5"),
        ({"stages.sizes": [4, 8, 16, 24, 40, 48]}, ("dvc", "repro", "acquire"), "stages.sizes: found 6 sizes"),
        ({}, ("python", "-m", "emfm.stages", "train_stage", "9"), "train_stage: there is no stage 9; allowed: 1 to 5"),
        ({}, ("python", "-m", "emfm.stages", "train_stage", "0"), "train_stage: there is no stage 0; allowed: 1 to 5"),
        (
            {"split.train_pool": None, "stages.sizes": [4, 8, 16, 24, 400]},
            ACQUIRE,
            "acquire.simulate.num_samples: gives 107 different samples, but the last of stages.sizes (400)",
        ),
        ({"model": {"name": "mlp", "hidden": [4]}}, ACQUIRE, "model: mlp cannot be made for the planes under data"),
        ({"data.frequency_hz": 5}, ACQUIRE, "data.frequency_hz: found 5 (int); allowed: greater than or equal to 1000"),
    ],
)
def test_what_cannot_come_to_its_end_is_refused_by_every_stage_before_any_work(project, changes, command, sentence):
    project.change_params(changes)
    done = project.run(*command, check=False)
    assert done.returncode != 0
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert not (project.folder / "data/store").exists()
    assert not (project.folder / ".resume").exists()


def test_an_import_of_too_few_cases_is_refused_before_one_is_read(project):
    cases = project.folder / "cases"
    cases.mkdir()
    for number in range(3):
        (cases / f"board{number}.npz").write_bytes(b"is not read")
    imported = {"acquire.source": "import", "acquire.import.roots": ["cases"], "split.train_pool": None}
    project.change_params(imported)
    done = project.run(*ACQUIRE, check=False)
    assert done.returncode == 2
    assert "acquire.import.roots: gives 3 different samples, but the last of stages.sizes (48)" in done.stderr


def test_threads_may_be_given_per_scale(project):
    project.change_params({"compute.threads": {"demo": 1, "full": 16}})
    project.run(*ACQUIRE)
    assert (project.folder / "data/store").exists()


def test_a_stage_that_was_started_by_hand_goes_on_when_its_shell_ends(project):
    command = "nohup python -m emfm.stages acquire --slice 1/2 >slice.log 2>&1 &"
    project.run("sh", "-c", command)
    end = time.monotonic() + PATIENCE
    while "slice 1 of 2: " not in project.read("slice.log"):
        assert time.monotonic() < end, project.read("slice.log")
        time.sleep(0.2)
    assert list((project.folder / ".resume").glob("acquire_slice1of2-*/shards"))


def test_a_stage_that_dvc_started_ends_when_its_shell_is_gone(project):
    command = (
        "DVC_STAGE=acquire python -m emfm.stages acquire >stage.log 2>&1 & until [ -e .resume ]; do sleep 0.1; done"
    )
    project.change_params({"acquire.simulate.num_samples": 200_000})
    project.run("sh", "-c", command)
    end = time.monotonic() + PATIENCE
    while alive(project):
        assert time.monotonic() < end
        time.sleep(0.2)
    assert not (project.folder / "data/store").exists()


def alive(project):
    """Whether a stage works in the project."""
    for entry in Path("/proc").iterdir():
        try:
            is_stage = b"emfm.stages\0" in (entry / "cmdline").read_bytes()
            if is_stage and (entry / "cwd").resolve() == project.folder:
                return True
        except OSError:
            continue
    return False
