"""What dvc.yaml says of the stages, and unfinished work that follows from it."""

import shutil
from pathlib import Path

import pytest

from emfm.workflow import dvc_file as pipeline
from emfm.workflow import unfinished as resume
from emfm.workflow.dvc_file import sources_of, training_stages
from emfm.workflow.unfinished import code_digest, memo_folder

ROOT = Path(__file__).parents[3]


def test_the_training_stages_are_those_of_dvc_yaml():
    assert training_stages() == 5


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A copy of the code and of dvc.yaml by which work is judged, in an empty working folder."""
    for name in ("dvc.yaml", "params.yaml"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info", "page"))
    for module in (pipeline, resume):
        monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(pipeline, "_FILE", tmp_path / "dvc.yaml")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    return tmp_path


def touched(tree, path):
    """Write a comment into a module."""
    file = tree / "src" / path
    file.write_text(file.read_text() + "# a comment\n")


@pytest.mark.parametrize(
    ("stage", "path", "is_kept"),
    [
        ("train_stage1", "ttt/plot_loss.py", True),
        ("train_stage1", "ttt/curves.py", True),
        ("train_stage1", "emfm/plot/curves.py", True),
        ("train_stage1", "emfm/acquire/readers/feko.py", True),
        ("train_stage1", "emfm/core/field_errors.py", False),
        ("train_stage1", "emfm/training/metric.py", False),
        ("train_stage5", "emfm/models/pod_net/network.py", False),
        ("train_stage5", "emfm/models/linear_operator/operator.py", True),
        ("train_stage5", "ttt/watch/alerts.py", True),
        ("train_stage5", "ttt/settings.py", True),
        ("train_stage3", "ttt/engine/loop.py", False),
        ("acquire", "emfm/models/pod_net/network.py", True),
        ("acquire", "emfm/group_split/split.py", True),
        ("acquire", "emfm/acquire/readers/feko.py", False),
        ("acquire", "emfm/core/elements.py", False),
        ("eval_val_fixed", "emfm/evaluate/baselines.py", False),
        ("eval_val_fixed", "emfm/plot/curves.py", True),
    ],
)
def test_unfinished_work_is_kept_unless_a_dependency_of_its_stage_changes(tree, stage, path, is_kept):
    before = code_digest(stage)
    touched(tree, path)
    assert (code_digest(stage) == before) == is_kept


def test_every_file_of_a_dependency_counts(tree):
    for stage in ("acquire", "train_stage2"):
        for path in sources_of(stage):
            before = code_digest(stage)
            text = path.read_text()
            path.write_text(text + "# a comment\n")
            assert code_digest(stage) != before, path
            path.write_text(text)
            assert code_digest(stage) == before


def test_what_is_computed_once_is_forgotten_with_the_code_or_the_bits_it_was_computed_by(tree):
    first = memo_folder("train_stage1", "training", "2", "avx2")
    baselines = memo_folder("eval_val_fixed", "baselines")
    first.mkdir(parents=True)
    baselines.mkdir()
    assert memo_folder("train_stage4", "training", "2", "avx2") == first
    assert memo_folder("train_stage1", "training", "1", "avx2") != first
    assert not first.exists()
    assert baselines.exists()
    touched(tree, "emfm/evaluate/baselines.py")
    assert memo_folder("eval_val_fixed", "baselines") != baselines
    assert not baselines.exists()
