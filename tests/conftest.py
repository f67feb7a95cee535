"""What every test can rely on, and in which order and in how many processes tests run."""

import os

# In each process; what a pipeline computes with, its own params.yaml says. Before numpy and torch are loaded: a second
# thread of OpenBLAS waits busily, on a core that the other process of the tests needs.
os.environ.update(OMP_NUM_THREADS="1", MKL_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")

import pytest
import torch

from day import first_half
from default_size import LAST_STAGE
from shared_projects import made_once
from tiny_project import make_project, whole_project

PROCESSES = 2
LONGEST = (
    "test_sharing.py",
    "test_default_size.py",
    "test_readme.py",
    "test_same_bits.py",
    "test_slurm.py",
    "test_day.py",
    "test_pipeline_hardening.py",
    "test_pipeline_faults.py",
    "test_pipeline.py",
    "test_ranks.py",
    "test_export.py",
    "test_commands.py",
    "test_faults.py",
    "test_forward.py",
)
"""Files that take a minute or more, the longest first, so that no process is left with one of them at the end.

The first two begin at once and make projects of different kinds, so that neither process waits for the other's.
"""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config):
    """Processes of ``pytest`` (-n auto): one where a single file or test is asked for, else two."""
    return PROCESSES if config.args_source is not config.ArgsSource.ARGS or len(config.args) > 1 else 0


def pytest_collection_modifyitems(items):
    """Files that take long come first; a file stays together, in its own order."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}

    def rank(item):
        name = item.path.name
        return LONGEST.index(name) if name in LONGEST else len(LONGEST) + (item.path not in slow)

    items.sort(key=rank)


@pytest.fixture(autouse=True)
def _same_random_numbers():
    """Weights and inputs that a test draws without a seed of its own are the same every time."""
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def reproduced(tmp_path_factory):
    """A project after ``dvc repro``, with its results committed; a test that changes it takes a copy or a clone."""
    own = tmp_path_factory.mktemp("reproduced") / "project"

    def make(folder):
        project = make_project(folder)
        project.run("dvc", "repro")
        project.commit("results")
        return project

    return made_once(tmp_path_factory.getbasetemp(), "reproduced", make).copy(own)


@pytest.fixture(scope="session")
def swept(reproduced, tmp_path_factory):
    """A clone with all results after the first half of a day's experiments; a test that changes it puts it back."""
    own = tmp_path_factory.mktemp("swept") / "project"

    def make(folder):
        project = reproduced.clone(folder)
        first_half(project)
        return project

    return made_once(tmp_path_factory.getbasetemp(), "swept", make).copy(own)


@pytest.fixture(scope="session")
def default_project(tmp_path_factory):
    """The repository as it stands, at its default size, after ``dvc repro``, in the gate of its first stages.

    A test that changes it takes a copy.
    """

    def make(folder):
        project = whole_project(folder)
        project.run("dvc", "repro", *([] if LAST_STAGE is None else [f"train_stage{LAST_STAGE}"]))
        return project

    return made_once(tmp_path_factory.getbasetemp(), "default", make)
