"""Threads and instruction set are set before numpy and torch are loaded."""

import os
import subprocess
import sys

import pytest

from ttt.config import ConfigError
from ttt.pinning import pin_for

COMPUTE = "compute: {{threads: {threads}, instruction_set: native}}\n"


def run(code, *arguments):
    """What a program prints last, where nobody has said with how many threads it computes."""
    free = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, env=free, capture_output=True, text=True, check=False)
    return done.stdout.strip() or done.stderr.strip().splitlines()[-1]


def test_threads_reach_torch(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text(COMPUTE.format(threads=1))
    code = "import sys; from pathlib import Path; from ttt.pinning import pin_for; pin_for(Path(sys.argv[1]))"
    assert run(f"{code}\nimport torch; print(torch.get_num_threads())", str(path)) == "1"


def test_a_value_per_scale_is_the_scale_s_own(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text("scale: full\ncompute: {threads: {demo: 1, full: 2}, instruction_set: native}\n")
    code = "import sys, os; from pathlib import Path; from ttt.pinning import pin_for; pin_for(Path(sys.argv[1]))"
    assert run(f"{code}; print(os.environ['OMP_NUM_THREADS'])", str(path)) == "2"


def test_too_late_is_an_error_and_not_other_bits():
    code = (
        "import numpy; from ttt.pinning import ComputeParams, pin;"
        "pin(ComputeParams(threads=977, instruction_set='native'))"
    )
    assert "numpy was imported before its settings" in run(code)


def test_a_wrong_section_is_left_to_the_full_check(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text("compute: {threads: 0}\n")
    pin_for(path)


def test_a_missing_file_is_an_error_at_once(tmp_path):
    with pytest.raises(ConfigError, match="no such file"):
        pin_for(tmp_path / "c.yaml")
