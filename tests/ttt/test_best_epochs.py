"""The checkpoints of the best epochs, ``ckpt.top_k``."""

import math

import pytest

from ttt.engine import loop
from ttt.engine.best_epochs import ranked
from ttt.engine.checkpoint import load_checkpoint
from ttt.engine.journal import epoch_records
from ttt.engine.start import Resume

WILD = {"optim.lr": 0.3, "train.epochs": 6, "ckpt.top_k": 3}
"""Scores that go up and down."""


def test_equal_scores_rank_by_age_and_what_is_no_number_not_at_all():
    ranking = []
    for epoch, score in enumerate([3.0, 2.0, math.nan, 2.0, 1.0], start=1):
        ranking = ranked(ranking, epoch, score, 3, "min")
    assert ranking == [(5, 1.0), (2, 2.0), (4, 2.0)]
    assert ranked(ranking, 6, 1.5, 2, "max") == [(2, 2.0), (4, 2.0)]


def kept(folder):
    return {path.name for path in folder.glob("epoch_*")}


def best_of(folder, count):
    records = sorted(epoch_records(folder / "metrics.jsonl"), key=lambda record: record["val_loss"])
    return {f"epoch_{record['epoch']:04d}.pth" for record in records[:count]}


def test_the_checkpoints_of_the_best_epochs_are_kept(tmp_path, train):
    outcome = train(tmp_path, WILD)
    assert kept(tmp_path) == best_of(tmp_path, 3)
    assert (tmp_path / f"epoch_{outcome.best_epoch:04d}.pth").read_bytes() == outcome.best.read_bytes()
    for name in kept(tmp_path):
        assert load_checkpoint(tmp_path / name).place.epoch == int(name[6:10])


def test_going_back_to_the_best_leaves_none_of_the_epochs_after_it(tmp_path, train):
    train(tmp_path, WILD | {"ckpt.mode": "max"})
    best = load_checkpoint(tmp_path / "best.pth").place.epoch
    assert max(int(name[6:10]) for name in kept(tmp_path)) > best
    train(tmp_path, WILD | {"ckpt.mode": "max", "train.epochs": best}, Resume("best"))
    assert kept(tmp_path) <= {f"epoch_{epoch:04d}.pth" for epoch in range(1, best + 1)}


def test_without_it_nothing_is_removed_that_has_such_a_name(tmp_path, train):
    train(tmp_path, WILD)
    before = kept(tmp_path)
    train(tmp_path, WILD | {"ckpt.top_k": 0, "train.epochs": 7}, Resume())
    assert kept(tmp_path) == before


class Killed(BaseException):
    """Stands for SIGKILL."""


@pytest.mark.parametrize("name", ["epoch_", "last"])
def test_a_kill_beside_the_write_of_a_checkpoint_leaves_what_an_unbroken_training_does(
    tmp_path, train, monkeypatch, name
):
    """Right after the write of a kept epoch, before last.pth knows it, and right after last.pth, before the removal."""
    train(tmp_path / "whole", WILD)
    done = []

    def killing(save):
        def kill(path, *rest):
            save(path, *rest)
            if path.name.startswith(name):
                done.append(path)
                if len(done) == 4:
                    raise Killed

        return kill

    with monkeypatch.context() as patch:
        for each in ("save_checkpoint", "save_as"):
            patch.setattr(loop, each, killing(getattr(loop, each)))
        with pytest.raises(Killed):
            train(tmp_path / "killed", WILD)
    train(tmp_path / "killed", WILD, Resume())
    assert kept(tmp_path / "killed") == kept(tmp_path / "whole")
    for path in (tmp_path / "whole").glob("*.pth"):
        if path.name != "last.previous.pth":
            assert path.read_bytes() == (tmp_path / "killed" / path.name).read_bytes()
