"""docs/sources.md works as it is written: its blocks are run, in a folder with a model."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from recipes import blocks
from small_training import small_checkpoint, write_store

DOCUMENT = "docs/sources.md"
PAGE = Path(__file__).parents[1] / DOCUMENT


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The Python blocks, then the commands, whose input they write; the folder, and what was printed."""
    folder = tmp_path_factory.mktemp("sources_page")
    write_store(folder, "elements")
    best = small_checkpoint(folder, folder / "run")
    (folder / "models/stage5").mkdir(parents=True)
    best.rename(folder / "models/stage5/best.pth")
    found = blocks(DOCUMENT)
    command = "\n".join(["set -e", *(text for language, text in found if language == "sh")])
    python = "\n".join(text for language, text in found if language == "python")
    (folder / "page.py").write_text(
        f"{python}\nimport subprocess\nsubprocess.run({command!r}, shell=True, check=True)\n"
    )
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(PAGE.parents[1] / "src"),
    }
    done = subprocess.run(
        [sys.executable, "-W", "error", "page.py"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder, done.stdout


def test_it_finds_the_two_elements_that_it_put_below_the_scan(run):
    _, output = run
    assert re.search(r"electric at \[ 1\.1\d* +0\.4\d* ", output)
    assert re.search(r"magnetic at \[-2\.\d* +-1\.\d* ", output)
    assert "they explain the scan: True" in output


def test_it_says_what_is_refused_and_compares_with_the_limits(run):
    _, output = run
    assert "the topmost source lies at z = " in output
    assert "CISPR 32 class B at 3 m: " in output
    assert "A cable or another part that was not scanned is not in this figure." in output


def test_its_command_writes_what_it_names(run):
    folder, _ = run
    assert set(pd.read_csv(folder / "scan_sources.csv")["kind"]) == {"electric", "magnetic"}
    for name in ("field.npy", "scan.html", "scan.png"):
        assert (folder / name).is_file()


def test_scans_as_they_come_need_no_model(run):
    folder, _ = run
    assert set(pd.read_csv(folder / "found/points_sources.csv")["kind"]) == {"electric", "magnetic"}
    assert len(pd.read_csv(folder / "found/points/target_H.csv")) == 51 * 51


def test_its_picture_is_there():
    (picture,) = re.findall(r"!\[.*\]\((.*)\)", PAGE.read_text())
    assert (PAGE.parent / picture).is_file()
