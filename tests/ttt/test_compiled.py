"""Training steps that torch compiles."""

import os
import re
import subprocess
import sys

import pytest
import torch
import yaml

from programs import need_compiler
from ttt.config import ConfigError
from ttt.engine.checkpoint import load_checkpoint
from ttt.engine.start import Resume

NO_DROPOUT = {"model.dropout": 0.0, "train.epochs": 2}
pytestmark = pytest.mark.filterwarnings("ignore")  # torch's compiler warns of its own code


@pytest.fixture(autouse=True)
def nothing_compiled_before():
    torch.compiler.reset()
    yield
    torch.compiler.reset()


@pytest.mark.slow
def test_a_compiled_training_learns_the_same_and_its_checkpoint_names_the_same_weights(tmp_path, train):
    need_compiler()
    plain = train(tmp_path / "plain", NO_DROPOUT)
    compiled = train(tmp_path / "compiled", NO_DROPOUT | {"compute.compile": "default"})
    assert compiled.best_score == pytest.approx(plain.best_score, rel=1e-4)
    one, other = (load_checkpoint(outcome.last).model for outcome in (plain, compiled))
    assert list(one) == list(other)


@pytest.mark.slow
@pytest.mark.parametrize(("first", "then"), [("default", "none"), ("none", "default")])
def test_a_training_goes_on_compiled_or_not(tmp_path, train, first, then):
    need_compiler()
    whole = train(tmp_path / "whole", NO_DROPOUT | {"train.epochs": 3})
    train(tmp_path / "parts", NO_DROPOUT | {"compute.compile": first})
    parts = train(tmp_path / "parts", NO_DROPOUT | {"train.epochs": 3, "compute.compile": then}, Resume())
    assert parts.epochs_run == 1
    assert parts.best_score == pytest.approx(whole.best_score, rel=1e-4)


@pytest.mark.slow
def test_without_a_compiler_the_training_is_refused_with_the_remedy(tmp_path, raw_config):
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(raw_config(NO_DROPOUT | {"compute.compile": "default"})))
    command = [sys.executable, "-m", "ttt.train", "--config", "c.yaml", "--exp_name", "mine"]
    without = os.environ | {"CXX": "/no/such/compiler", "TORCHINDUCTOR_CACHE_DIR": str(tmp_path / "cache")}
    done = subprocess.run(command, cwd=tmp_path, env=without, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert re.search(r"compute\.compile: torch cannot compile .* C\+\+ compiler .* set it to none", done.stderr)
    assert "Traceback" not in done.stderr


def test_cuda_graphs_are_refused_where_gradients_are_added_up(tmp_path, train):
    with pytest.raises(ConfigError, match="cannot add gradients up; with train.accumulate use default or none"):
        train(tmp_path / "run", {"compute.compile": "reduce-overhead", "train.accumulate": 2})


def test_cuda_graphs_without_cuda_are_refused_before_any_work(tmp_path, train):
    with pytest.raises(ConfigError, match=r"compute\.compile: found 'reduce-overhead', which needs cuda; on the cpu"):
        train(tmp_path / "run", {"compute.compile": "reduce-overhead"})
    assert not (tmp_path / "run" / "last.pth").exists()
