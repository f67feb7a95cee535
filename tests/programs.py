"""Programs beside Python that tests start themselves."""

import os
import shutil

import pytest


def need(names, package):
    """The path of the first of ``names`` on PATH; without one the test fails in CI and is skipped elsewhere."""
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        sentence = f"{names[0]} is not installed (Debian: apt-get install {package})"
        if os.environ.get("CI"):
            pytest.fail(sentence)
        pytest.skip(sentence)
    return found
