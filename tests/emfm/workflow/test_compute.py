"""Threads, instruction set and processes of a stage: section ``compute`` of params.yaml."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

PARAMS = Path(__file__).parents[3] / "params.yaml"


def answer_of(folder, **changes):
    """What a stage says in a folder without data; it is pinned before it looks for them."""
    raw = yaml.safe_load(PARAMS.read_text())
    raw["compute"] |= changes
    (folder / "params.yaml").write_text(yaml.safe_dump(raw))
    command = [sys.executable, "-m", "emfm.stages", "group_split"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=os.environ)
    assert done.returncode != 0
    return done.stderr


@pytest.mark.slow
def test_every_value_may_differ_by_scale(tmp_path):
    by_scale = {"threads": {"demo": 1, "full": 16}, "processes": {"demo": 1, "full": 4}}
    by_scale |= {"compile": {"demo": "none", "full": "default"}}
    answer = answer_of(tmp_path, **by_scale)
    assert "compute" not in answer
    assert "kept.csv" in answer


@pytest.mark.slow
def test_a_wrong_value_is_named_by_its_key(tmp_path):
    answer = answer_of(tmp_path, threads={"demo": 0, "full": 16})
    assert "compute.threads: found 0 (int); allowed: greater than or equal to 1" in answer
