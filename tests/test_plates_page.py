"""docs/plates.md works as it is written: its blocks are run, in a folder with a model and a scan."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np

from emfm.core.store import Store
from recipes import blocks, recipe
from small_training import small_checkpoint, write_store

DOCUMENT = "docs/plates.md"
ROOT = Path(__file__).parents[1]


def test_its_commands_and_its_programs_run_and_tell_the_error(tmp_path):
    write_store(tmp_path, "elements")
    (tmp_path / "models/stage5").mkdir(parents=True)
    small_checkpoint(tmp_path, tmp_path / "run").rename(tmp_path / "models/stage5/best.pth")
    np.save(tmp_path / "scan.npy", Store(tmp_path / "elements").source_h(np.arange(1))[0])
    (tmp_path / "docs").mkdir()
    shutil.copy(ROOT / "docs/scan.csv", tmp_path / "docs")
    programs = [text for language, text in blocks(DOCUMENT) if language == "python"]
    assert len(programs) == 2
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT / "src"),
    }
    recipes = "first over a known ground plane", "infer over a known board"
    for command in (
        *(["sh", "-c", recipe(DOCUMENT, name)] for name in recipes),
        *([sys.executable, "-c", program] for program in programs),
    ):
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert done.stdout
    for name in ("field.npy", "scan_currents.csv", "board.png", "known/scan_currents.csv", "known/scan/target_E.csv"):
        assert (tmp_path / name).is_file(), name
