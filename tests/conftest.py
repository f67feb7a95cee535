"""What every test can rely on."""

import pytest
import torch

from sweep import run_grid
from tiny_project import make_project


@pytest.fixture(autouse=True)
def _same_random_numbers():
    """Weights and inputs that a test draws without a seed of its own are the same every time."""
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def reproduced(tmp_path_factory):
    """A project after ``dvc repro``, with its results committed; a test that changes it takes a copy or a clone."""
    project = make_project(tmp_path_factory.mktemp("reproduced") / "project")
    project.run("dvc", "repro")
    project.commit("results")
    return project


@pytest.fixture(scope="session")
def swept(reproduced, tmp_path_factory):
    """A project with all results and the experiments of a grid; a test that changes it puts it back."""
    project = reproduced.copy(tmp_path_factory.mktemp("swept") / "project")
    run_grid(project)
    return project
