"""What every test can rely on."""

import pytest
import torch

from tiny_project import make_project


@pytest.fixture(autouse=True)
def _same_random_numbers():
    """Weights and inputs that a test draws without a seed of its own are the same every time."""
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def results(tmp_path_factory):
    """A project with all results, which no test changes: each works in a clone or a copy."""
    project = make_project(tmp_path_factory.mktemp("results") / "project")
    project.run("dvc", "repro")
    project.commit("results")
    return project
