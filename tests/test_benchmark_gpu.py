"""The script that measures a GPU, run without one."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from programs import need_compiler

TESTS = Path(__file__).parent
FOLDER = TESTS.parent / "benchmarks"
PROGRAM = f"""
import sys
sys.path.insert(0, {str(FOLDER)!r})
import gpu, training_data
from default_size import SMALLER
training_data.VAL = 20
gpu.MODELS["forward_unet_lite"]["model"] = {{"name": "forward_unet_lite", "width": 4, "levels": 2}}
gpu.stage_sizes = lambda divisor: [size // divisor for size in (10000, 50000)]  # the last three take minutes
model = {{key: value for key, value in SMALLER.items() if key.startswith("model.")}}
train_stage = gpu.train_stage
gpu.train_stage = lambda work, number, size, changes: train_stage(work, number, size, changes | model)
gpu.SEARCHED["cpu"] = 4
if __name__ == "__main__":
    gpu.main(sys.argv[1:])
"""


def run(folder, *arguments):
    (folder / "measure.py").write_text(PROGRAM)
    command = [sys.executable, "measure.py", *arguments, "--out", "out"]
    environment = os.environ | {"PYTHONPATH": str(TESTS)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_every_way_that_the_cpu_has_is_measured_and_compared(tmp_path):
    need_compiler()
    command = "--device cpu --samples 100 --seconds 1 --models forward_unet_lite --ladder 2000 --work work"
    done = run(tmp_path, *shlex.split(command))
    assert done.returncode == 0, done.stderr
    figures = json.loads((tmp_path / "out" / "gpu.json").read_text())
    ways = figures["models"]["forward_unet_lite"]["ways"]
    assert list(ways) == ["float32, samples in the host's memory", "bfloat16", "torch.compile"]
    for way in ways.values():
        assert way["samples_per_second"] > 0
        assert way["share_of_matrix_product"] > 0
        assert 0 < way["errors"]["rel_l2_e"] < 2
    first, _, last = ways.values()
    times = last["samples_per_second"] / first["samples_per_second"]
    page = (tmp_path / "out" / "gpu.md").read_text()
    assert f"| {times:.2f} |" in page
    assert [stage["samples"] for stage in figures["ladder"]["stages"]] == [5, 25]
    assert "Stages of the full scale, their sizes divided by 2000" in page
    assert figures["elements"]["scans"] == 4
    assert all(stage["references"].keys() == {"nec", "boards"} for stage in figures["ladder"]["stages"])

    (tmp_path / "work" / "elements.json").unlink()
    assert run(tmp_path, *shlex.split(command)).returncode == 0
    again = json.loads((tmp_path / "out" / "gpu.json").read_text())
    assert again.pop("elements") != figures.pop("elements")
    assert again == figures, "what was finished was measured again"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_the_script_says_so_and_what_to_do(tmp_path):
    done = run(tmp_path)
    assert done.returncode == 2
    assert "there is no cuda device here; --device cpu tries the script without one" in done.stderr
    assert not (tmp_path / "out").exists()


def test_figures_of_other_arguments_are_not_gone_on_with(tmp_path):
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "arguments.json").write_text('{"samples": 7}')
    done = run(tmp_path, "--device", "cpu", "--samples", "100", "--work", "work")
    assert done.returncode == 2
    assert "--work work: was begun with {'samples': 7}, not {" in done.stderr
    assert not (tmp_path / "out").exists()
