"""constraints.txt names every version, and constraints.lock the same with the hashes of their files."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
REMEDY = "run `python .ci/lock.py`"
PYTHONS = ("3.11.0", "3.12.0", "3.13.0")
TORCH_WITHOUT_CUDA = {
    "cp311": "6746dbcbeb526eb61330b76b41ff1b4eb848951103a892eeb080dfa2b264667b",
    "cp312": "4ca4a9394b0c771238a4f73590fdbbc4debad85ed0fa63d026ae1b085da7d6e2",
    "cp313": "3fbf9c9d1f3c10c2d59d04aca426dee9ccc6ceb32d255c61e93acc3b4f75fae6",
}
"""torch-2.13.0+cpu for Linux on x86-64, as PyTorch publishes it: a lock file without them costs gigabytes."""


def pinned(text):
    """The requirement of each line that names a version, without hashes."""
    lines = [line.split("--hash")[0].rstrip(" \\") for line in text.splitlines() if re.match(r"[\w.-]+==", line)]
    return [Requirement(line) for line in lines]


@pytest.fixture(scope="module")
def constraints():
    return pinned((ROOT / "constraints.txt").read_text())


@pytest.fixture(scope="module")
def lock():
    """Requirement -> hashes of its files."""
    text = re.sub(r" \\\n\s+", " ", (ROOT / "constraints.lock").read_text())
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return {str(pinned(line)[0]): re.findall(r"--hash=sha256:([0-9a-f]{64})\b", line) for line in lines}


def version(requirement):
    (one,) = requirement.specifier
    return one.version


def test_both_have_the_same_versions(constraints, lock):
    locked = {canonicalize_name(found.name): version(found) for found in map(Requirement, lock)}
    ours = {canonicalize_name(found.name): version(found) for found in constraints}
    assert {name: locked.get(name) for name in ours} == ours, REMEDY


def test_every_version_has_hashes(lock):
    assert [requirement for requirement, hashes in lock.items() if not hashes] == []
    assert len(lock) > 200


def test_torch_without_cuda_is_among_the_files_for_every_python(lock):
    (found,) = [(Requirement(one), hashes) for one, hashes in lock.items() if one.startswith("torch==")]
    assert version(found[0]) == "2.13.0", "the files below are of this version"
    assert set(TORCH_WITHOUT_CUDA.values()) <= set(found[1]), REMEDY


def test_what_only_the_lock_has_belongs_to_other_platforms_or_to_cuda(constraints, lock):
    ours = {canonicalize_name(found.name) for found in constraints}
    further = [found for found in map(Requirement, lock) if canonicalize_name(found.name) not in ours]
    unmarked = {found.name for found in further if found.marker is None}
    assert unmarked <= {"setuptools"}  # brought by Python itself, or by torch


@pytest.mark.parametrize("python", PYTHONS)
def test_one_version_of_each_package_is_for_a_python(lock, python):
    environment = {"python_version": python[:4], "python_full_version": python, "sys_platform": "linux"}
    found = [one for one in map(Requirement, lock) if one.marker is None or one.marker.evaluate(environment)]
    assert len({one.name for one in found}) == len(found)
    assert python in SpecifierSet(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"])


def test_every_dependency_is_pinned_to_a_version_that_it_allows(constraints):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = map(Requirement, sum(project["optional-dependencies"].values(), project["dependencies"]))
    versions = {canonicalize_name(found.name): version(found) for found in constraints}
    wrong = [
        str(one) for one in wanted if one.name != "emfm" and versions[canonicalize_name(one.name)] not in one.specifier
    ]
    assert wrong == []


def test_no_file_of_the_installation_names_a_host():
    for name in ("constraints.txt", "constraints.lock", "pyproject.toml"):
        assert "://" not in (ROOT / name).read_text(), name
