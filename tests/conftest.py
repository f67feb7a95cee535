"""What every test can rely on, and in which order and in how many processes tests run."""

import pytest
import torch

from default_size import LAST_STAGE
from shared_projects import made_once
from sweep import run_grid
from tiny_project import make_project, whole_project

PROCESSES = 2
torch.set_num_threads(1)  # in each of them; what a pipeline computes with, its own params.yaml says
FIRST = ("default_project", "swept", "reproduced")
"""Projects whose tests take longest and therefore come first, so that no process is left with them at the end."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config):
    """Processes of ``pytest`` (-n auto): one where a single file or test is asked for, else two."""
    return PROCESSES if config.args_source is not config.ArgsSource.ARGS or len(config.args) > 1 else 0


def pytest_collection_modifyitems(items):
    """Files whose tests are slow come first; a file stays together, in its own order."""
    rank_of_file = {}
    for item in items:
        used = [rank for rank, name in enumerate(FIRST) if name in getattr(item, "fixturenames", ())]
        slow = item.get_closest_marker("slow") is not None
        rank = min([*used, len(FIRST) if slow else len(FIRST) + 1])
        rank_of_file[item.path] = min(rank, rank_of_file.get(item.path, rank))
    items.sort(key=lambda item: rank_of_file[item.path])


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
    """A project with all results and the experiments of a grid; a test that changes it puts it back."""
    own = tmp_path_factory.mktemp("swept") / "project"

    def make(folder):
        project = reproduced.copy(folder)
        run_grid(project)
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
