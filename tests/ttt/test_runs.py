"""Names and numbers of runs."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from ttt.command import UserError
from ttt.engine.errors import Interrupted, TrainingError
from ttt.runs import claim_next_run, kept_once_begun, newest_run, newest_runs, run_folder


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def log(folder, when):
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "metrics.jsonl"
    path.touch()
    os.utime(path, (when, when))


def test_runs_that_start_at_the_same_time_get_different_numbers():
    with ThreadPoolExecutor(8) as pool:
        names = sorted(folder.name for folder in pool.map(claim_next_run, ["exp"] * 20))
    assert names == [f"{number:03d}" for number in range(1, 21)]


def test_numbers_go_on_after_the_highest_and_leave_other_names_alone():
    run_folder("exp", "041").mkdir(parents=True)
    run_folder("exp", "baseline").mkdir()
    assert claim_next_run("exp").name == "042"


def test_the_newest_run_is_the_one_that_was_worked_on_last():
    log(run_folder("exp", "001"), 200)
    log(run_folder("exp", "002"), 100)
    run_folder("exp", "003").mkdir()
    assert newest_run("exp").name == "001"


def test_the_newest_runs_of_all_experiments_come_from_old_to_new(tmp_path):
    for when, name in enumerate(["a/1", "b/1", "a/2"]):
        log(tmp_path / "runs" / name, 100 + when)
    assert [str(path.relative_to(tmp_path / "runs")) for path in newest_runs(tmp_path / "runs", 2)] == ["b/1", "a/2"]


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/etc", "a b", ".hidden"])
def test_a_name_that_is_no_plain_file_name_is_refused(name):
    with pytest.raises(UserError, match="--exp_name: found"):
        claim_next_run(name)
    with pytest.raises(UserError, match="--run_id: found"):
        run_folder("exp", name)


def stop(folder, claimed, files, error):
    with kept_once_begun(folder, claimed):
        folder.mkdir(parents=True, exist_ok=True)
        for name in files:
            (folder / name).touch()
        raise error


@pytest.mark.parametrize(
    ("was_there", "claimed", "files", "error", "stays"),
    [
        (False, True, [], UserError("no"), False),
        (False, True, ["store.part"], UserError("no"), False),
        (False, True, ["last.pth"], TrainingError("no"), True),
        (False, True, ["store.part"], Interrupted(2, 0, None), True),
        (False, False, [".lock"], TrainingError("no"), False),
        (False, False, ["store.part"], UserError("no"), True),
        (True, False, [".lock"], UserError("no"), True),
    ],
)
def test_a_run_folder_stays_only_where_its_training_was_not_refused(tmp_path, was_there, claimed, files, error, stays):
    folder = tmp_path / "run"
    if was_there or claimed:
        folder.mkdir()
    with pytest.raises(type(error)):
        stop(folder, claimed, files, error)
    assert folder.exists() == stays
