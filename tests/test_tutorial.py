"""docs/tutorial.md works as it is written: its blocks are run in order, in a folder with a model."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from recipes import as_program, blocks
from small_training import small_checkpoint, write_store

DOCUMENT = "docs/tutorial.md"
PAGE = Path(__file__).parents[1] / DOCUMENT
INSTALLS = ("pip install", "dvc repro")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tutorial")
    write_store(folder, "elements")
    best = small_checkpoint(folder, folder / "run")
    (folder / "models/stage5").mkdir(parents=True)
    best.rename(folder / "models/stage5/best.pth")
    (folder / "tutorial.py").write_text(as_program(DOCUMENT, INSTALLS))
    environment = os.environ | {
        "MPLBACKEND": "agg",
        "MPLCONFIGDIR": str(folder / "matplotlib"),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(PAGE.parents[1] / "src"),
    }
    command = [sys.executable, "-W", "error", "tutorial.py"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder, done.stdout


def test_it_has_blocks_of_both_kinds():
    assert {language for language, _ in blocks(DOCUMENT)} == {"python", "sh"}


def test_it_predicts_near_the_truth_and_says_how_near(run):
    _, output = run
    for name in ("E", "H"):
        (error,) = re.findall(rf"true relative error of {name}: (\S+)", output)
        assert 0 < float(error) < 1
    said = r"expected relative error: E \S+, H \S+\n90 % bound: E \S+, H \S+\ndistance from the training samples: \S+"
    assert re.search(said, output)


def test_a_slip_of_the_unit_is_told(run):
    assert "the coordinates are in another unit, mm where m are read" in run[1]


def test_the_commands_give_the_same_field_and_the_picture_is_there(run):
    folder, output = run
    (difference,) = re.findall(r"largest difference: (\S+)", output)
    assert float(difference) <= 1e-5 * np.abs(np.load(folder / "field.npy")).max()
    assert (folder / "field/target_E.csv").exists()
    assert (folder / "tutorial.png").read_bytes().startswith(b"\x89PNG")


def test_pages_that_it_names_are_there():
    names = re.findall(r"\]\(([\w./-]+)\)", PAGE.read_text())
    assert "own-data.md" in names
    assert [name for name in names if not (PAGE.parent / name).exists()] == []
