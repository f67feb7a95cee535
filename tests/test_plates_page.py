"""docs/plates.md works as it is written: its blocks are run, in a folder with a model and a scan."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from emfm.core.store import Store
from recipes import blocks, recipe
from small_training import small_checkpoint, write_store

DOCUMENT = "docs/plates.md"
SOURCES = Path(__file__).parents[1] / "src"


def test_its_command_and_its_program_run_and_tell_the_error(tmp_path):
    write_store(tmp_path, "elements")
    (tmp_path / "models/stage5").mkdir(parents=True)
    small_checkpoint(tmp_path, tmp_path / "run").rename(tmp_path / "models/stage5/best.pth")
    np.save(tmp_path / "scan.npy", Store(tmp_path / "elements").source_h(np.arange(1))[0])
    (program,) = (text for language, text in blocks(DOCUMENT) if language == "python")
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(SOURCES),
    }
    for command in (["sh", "-c", recipe(DOCUMENT, "infer over a known board")], [sys.executable, "-c", program]):
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert done.stdout
    assert (tmp_path / "field.npy").is_file()
