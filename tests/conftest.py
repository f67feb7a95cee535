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
def swept(tmp_path_factory):
    """A project with all results and the experiments of a grid; a test that changes it puts it back."""
    project = make_project(tmp_path_factory.mktemp("swept") / "project")
    project.run("dvc", "repro")
    project.commit("results")
    run_grid(project)
    return project
