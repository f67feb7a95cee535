"""The scripts of slurm/ on a real Slurm of two nodes: samples in slices, and one training on both nodes."""

import shutil
import tempfile
from pathlib import Path

import pytest
import torch

from recipes import recipe
from slurm_cluster import NODES, make_cluster
from tiny_project import ROOT

pytestmark = pytest.mark.slow

DOCUMENT = "docs/full-scale.md"


@pytest.fixture(scope="module")
def cluster():
    """A running Slurm; its folder has a short path, which a socket needs."""
    with tempfile.TemporaryDirectory(prefix="slurm-") as folder:
        cluster = make_cluster(Path(folder) / "cluster")
        with cluster.running():
            yield cluster


@pytest.fixture
def clone(reproduced, cluster, tmp_path):
    """A clone of a project whose samples were made at once, in which a user of Slurm works, without data."""
    clone = reproduced.clone(tmp_path / "clone")
    clone.variables = cluster.environment
    shutil.copytree(ROOT / "slurm", clone.folder / "slurm")
    return clone


def files_below(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def logs_of(project):
    return "".join(path.read_text() for path in sorted(project.folder.glob("slurm-*.out")))


def test_samples_made_in_slices_on_two_nodes_are_the_bytes_of_those_made_at_once(reproduced, clone):
    *submit, join = recipe(DOCUMENT, "slurm acquire").splitlines()
    clone.run("sh", "-c", "\n".join(submit))
    for number in (1, 2, 3, 4):
        assert f"slice {number} of 4: " in logs_of(clone)
    clone.run("sh", "-c", join)
    assert files_below(clone.folder / "data/store") == files_below(reproduced.folder / "data/store")
    assert not list((clone.folder / ".resume").glob("acquire_slice*/shards")), "a slice was not taken up"
    assert clone.run("git", "diff", "--name-only").stdout == "", "dvc.lock is another"


def test_a_training_on_two_nodes_is_that_of_torchrun_on_one_machine_and_goes_on(reproduced, clone):
    shutil.copytree(reproduced.folder / "data", clone.folder / "data", dirs_exist_ok=True)
    train = ("-m", "emfm.tasks.forward.train", "--run_dir", "runs/alone", "--epochs", "1")
    clone.run("torchrun", "--nproc-per-node", "2", *train)
    clone.variables |= {"PROCESSES": "1"}
    submit = ("sbatch", "--wait", f"--nodes={len(NODES)}", "slurm/train.sh", "--epochs")
    clone.run(*submit, "1")
    alone, shared = (torch.load(clone.folder / run / "best.pth") for run in ("runs/alone", "runs/emfm-train/seed0"))
    torch.testing.assert_close(shared["model"], alone["model"], rtol=0, atol=0, equal_nan=True)
    clone.run(*submit, "2")
    assert "epoch 2" in logs_of(clone)
