"""The first predictions of README.md, on a scan that the repository has, err as much as the page says."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from emfm.evaluate.reference_cases import read_reference, read_reference_cases
from recipes import commands_of, recipe

ROOT = Path(__file__).parents[1]
BOARD = "L_short_g20"
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def truth():
    return read_reference_cases(ROOT / "data/reference/board_cases.npz")


@pytest.fixture(scope="module", params=["first", "first over a known ground plane"])
def name(request):
    """Of the recipe."""
    return request.param


@pytest.fixture(scope="module")
def command(name):
    """Its words."""
    words = commands_of(recipe("README.md", name))[-1].split()
    assert words[:2] == ["emfm", "sources"]
    return words


@pytest.fixture(scope="module")
def predicted(tmp_path_factory, truth, command):
    """The scan and the prediction, read as a solved case."""
    folder = tmp_path_factory.mktemp("first")
    place = command.index("--out") + 1
    words = [*command[:place], str(folder / command[place]), *command[place + 1 :]]
    subprocess.run([sys.executable, "-m", "emfm.tasks.forward.sources", *words[2:]], cwd=ROOT, check=True)
    shutil.copytree(folder / command[place] / "scan", folder / "cases/scan")
    shutil.copy(ROOT / "docs/scan.csv", folder / "cases/scan/source_H.csv")
    return read_reference(folder / "cases", truth.geometry, "the prediction")


def test_the_scan_is_of_the_board(truth, predicted):
    scan = truth.source_h[truth.ids.index(BOARD)]
    np.testing.assert_allclose(predicted.source_h[0], scan, atol=1e-5 * np.abs(scan).max())


def test_it_errs_as_readme_says(truth, predicted, command):
    folder = command[command.index("--out") + 1]
    said = re.findall(
        rf"`{folder}/scan/target_E\.csv` and `target_H\.csv` err by (\S+) / ([\d.]+)", (ROOT / "README.md").read_text()
    )
    true, found = truth.target[truth.ids.index(BOARD)], predicted.target[0]
    parts = slice(6), slice(6, 12)
    errors = [np.linalg.norm(found[part] - true[part]) / np.linalg.norm(true[part]) for part in parts]
    assert [float(number) for number in said[0]] == pytest.approx(errors, abs=0.02)
