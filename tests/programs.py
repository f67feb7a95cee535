"""Programs and optional packages that some tests need."""

import importlib
import os
import shutil

import pytest


def need(names, package):
    """The path of the first of ``names`` on PATH; without one the test fails in CI and is skipped elsewhere."""
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        _miss(f"{names[0]} is not installed (Debian: apt-get install {package})")
    return found


def need_module(name, extra):
    """A module of an optional package; without it the test fails in CI and is skipped elsewhere."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        _miss(f"{name} cannot be imported ({error}): pip install -c constraints.txt -e '.[{extra}]'")


def need_compiler():
    """What torch.compile needs on the CPU."""
    need(["g++"], "g++")


def _miss(sentence):
    if os.environ.get("CI"):
        pytest.fail(sentence)
    pytest.skip(sentence)
