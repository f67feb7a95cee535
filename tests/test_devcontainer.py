"""The devcontainer has the programs of the gate, installs the project as README says, and git works there."""

import json
import re
from math import prod
from pathlib import Path

from emfm.settings import parse_params
from recipes import recipe
from ttt.config import read_yaml

ROOT = Path(__file__).parents[1]
BESIDES = {"git"}
"""What a runner of CI has and an image of Python need not have."""


def packages_of_the_gate():
    """Debian's packages behind the programs of .ci/run: ``program:package,package``."""
    (listed,) = re.findall(r"^ *programs=\((.*?)^ *\)", (ROOT / ".ci/run").read_text(), re.MULTILINE | re.DOTALL)
    return {package for entry in listed.split() for package in entry.partition(":")[2].split(",")}


def packages_of_the_image():
    text = (ROOT / ".devcontainer/Dockerfile").read_text().replace("\\\n", " ")
    (listed,) = re.findall(r"apt-get install (.*?)&&", text)
    return {word for word in listed.split() if not word.startswith("-")}


def container_file():
    return json.loads((ROOT / ".devcontainer/devcontainer.json").read_text())


def test_the_image_has_the_packages_of_the_gate():
    assert packages_of_the_image() == packages_of_the_gate() | BESIDES


def test_the_project_is_installed_as_readme_says_with_uv_and_what_tests_need():
    install = [line for line in recipe("README.md", "uv").splitlines() if "pip install" in line]
    assert install[-1].endswith(" -e .")
    install[-1] = install[-1].removesuffix(".") + "'.[test]'"
    container = container_file()
    assert container["postCreateCommand"] == " && ".join(install)
    assert container["containerEnv"]["UV_SYSTEM_PYTHON"] == "1"
    assert (ROOT / ".devcontainer" / container["build"]["dockerfile"]).is_file()


def test_git_takes_the_folder_of_another_user():
    """On Linux the folder belongs to the user who opened it, and root works in the container."""
    container = container_file()
    assert container["remoteUser"] == "root"
    command = container["onCreateCommand"].split()
    assert command[:3] == ["git", "config", "--system"]
    assert command[-2:] == ["safe.directory", "'${containerWorkspaceFolder}'"]


def test_batches_that_processes_read_fit_into_shared_memory():
    """Those of ``train.num_workers`` go through /dev/shm, of which a container has 64 MB where nothing else is said."""
    (size,) = re.findall(r"--shm-size=(\d+)g", " ".join(container_file()["runArgs"]))
    params = parse_params(read_yaml(ROOT / "params.yaml") | {"scale": "full"}, "params.yaml")
    geometry = params.data.geometry()
    sample = 4 * (4 * prod(geometry.source.shape) + 12 * prod(geometry.target.shape))  # float32
    workers, ahead = container_file()["hostRequirements"]["cpus"], 2  # batches that a DataLoader holds for each worker
    assert workers * ahead * params.training.train.batch_size * sample < int(size) * 2**30


def test_the_image_has_the_python_of_the_workflow():
    (version,) = re.findall(r"^FROM python:(\d+\.\d+)-", (ROOT / ".devcontainer/Dockerfile").read_text(), re.MULTILINE)
    assert f'python-version: "{version}"' in (ROOT / ".github/workflows/report.yml").read_text()
