"""A disk that fills up while a checkpoint is saved."""

import os
import subprocess
from pathlib import Path

import pytest

from ttt.engine.errors import SaveError
from ttt.engine.start import Resume

FILES = ("best.pth", "last.pth", "metrics.jsonl")


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 256 kB that is the test's own."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small tmpfs")
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", folder], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"a small tmpfs cannot be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


def fill(folder: Path, free: int) -> Path:
    """Leave ``free`` bytes on the disk."""
    state = os.statvfs(folder)
    ballast = folder / "ballast"
    ballast.write_bytes(bytes(state.f_bavail * state.f_frsize - free))
    return ballast


@pytest.mark.parametrize("checkpoints_that_fit", [0.5, 1.5, 2.5, 3.5, 4.5])
def test_a_full_disk_is_a_clear_error_and_the_training_resumes_once_there_is_space(
    tmp_path, small_disk, train, checkpoints_that_fit
):
    overrides = {"train.epochs": 30, "train.log_every": 1}
    train(tmp_path / "whole", overrides)
    run = small_disk / "run"
    run.mkdir()
    size = (tmp_path / "whole" / "last.pth").stat().st_size
    ballast = fill(small_disk, free=int(checkpoints_that_fit * size) + 8192)
    with pytest.raises(SaveError, match=r"cannot be written .No space left on device.; the last checkpoint is intact"):
        train(run, overrides)
    assert not [path for path in run.iterdir() if path.name.startswith((".best", ".last"))]
    ballast.unlink()
    started = (run / "last.pth").exists()
    assert started or checkpoints_that_fit < 1
    train(run, overrides, Resume() if started else None)
    for name in FILES:
        assert (run / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
