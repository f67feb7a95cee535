"""docs/template.md works as it is written: its files and commands are run, and what it says of them is true."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from recipes import ROOT, blocks, commands_of
from ttt.curves import read_runs
from ttt.engine.checkpoint import load_checkpoint

PAGE = "docs/template.md"
pytestmark = pytest.mark.slow
TEXT = (ROOT / PAGE).read_text()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder in which all blocks were run in order, but for the installation; each block for the shell as one."""
    folder = tmp_path_factory.mktemp("template")
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    environment["PYTHONPATH"] = str(ROOT / "src")
    environment["MPLCONFIGDIR"] = str(folder / "matplotlib")
    shell = ["set -eu"]
    for language, text in blocks(PAGE):
        if language == "sh":
            shell += [line for line in commands_of(text) if not line.startswith("pip install")]
        else:
            (folder / re.match(r"# ([\w.]+)\n", text)[1]).write_text(text)
    script = "\n".join(shell).replace("PYTHONPATH=.", "PYTHONPATH=.:$PYTHONPATH")
    command = ["sh", "-c", script]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_it_has_two_modules_one_file_of_parameters_and_commands():
    assert [language for language, _ in blocks(PAGE) if language != "sh"] == ["python", "python", "yaml"]
    assert len([language for language, _ in blocks(PAGE) if language == "sh"]) == 6


def test_the_model_of_ones_own_learns(folder):
    figures = json.loads((folder / "springs.json").read_text())
    assert figures["val_mse"] < 0.1 * np.load(folder / "springs.npz")["y"].var()
    checkpoint = load_checkpoint(folder / "runs/springs/001/best.pth")
    assert checkpoint.config["model"] == {"name": "spring_net", "width": 16}
    assert checkpoint.spec == {"times": 40, "answers": 2}


def test_it_predicts_for_every_sample_of_a_file(folder):
    predicted, truth = np.load(folder / "springs_pred.npy"), np.load(folder / "springs.npz")["y"]
    assert predicted.shape == truth.shape
    assert np.mean((predicted - truth) ** 2) < 0.1 * truth.var()


def test_the_curves_are_of_the_runs_that_the_page_names(folder):
    for name in ("two.png", "runs/springs/001/artifacts/loss_curve.png"):
        assert (folder / name).read_bytes().startswith(b"\x89PNG")
    assert {line.split(",")[0] for line in (folder / "two.csv").read_text().splitlines()[1:]} == {"001", "slow"}
    epochs = [len(run.series("epoch", "val_loss")[0]) for run in read_runs([folder / "runs/springs/001"])]
    assert epochs == [12]


def test_every_file_of_a_run_is_explained_and_none_else(folder):
    (table,) = re.findall(r"## The folder of a run\n\n(.*?)\n\n", TEXT, re.DOTALL)
    explained = set(re.findall(r"^\| `([\w./]+)`", table, re.MULTILINE))
    found = {f"{path.name}/" if path.is_dir() else path.name for path in (folder / "runs/springs/001").iterdir()}
    assert explained == found
    for path in (folder / "runs/springs/001/artifacts").iterdir():
        assert f"`{path.name}`" in table


def test_the_bits_that_are_said_to_be_the_same_are(folder):
    run, whole = folder / "runs/springs/001", folder / "runs/springs/whole"
    for name in ("best.pth", "last.pth", "metrics.jsonl"):
        assert (run / name).read_bytes() == (whole / name).read_bytes()
    assert (run / "timing.jsonl").read_bytes() != (whole / "timing.jsonl").read_bytes()


def test_keys_that_it_names_are_known(folder):
    resolved = yaml.safe_load((folder / "runs/springs/001/config.resolved.yaml").read_text())
    for section, key in re.findall(r"`(train|alerts|ckpt|compute)\.(\w+)`", TEXT):
        assert key in resolved[section] or (section, key) == ("alerts", "command"), f"{section}.{key}"


def test_pages_that_it_names_are_there():
    names = re.findall(r"\]\(([\w./-]+)\)", TEXT)
    assert "plugins.md" in names
    assert [name for name in names if not (ROOT / "docs" / name).exists()] == []
