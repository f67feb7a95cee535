"""The ledger of looks at test_final."""

import json
import subprocess

import pytest

from emfm.core.errors import DataError
from emfm.results.ledger import Look, read_ledger, record_looks
from ttt.config import UserError


@pytest.fixture
def repository(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    for command in (
        "init -q -b main",
        "config user.email test@example.org",
        "config user.name test",
        "commit -q --allow-empty -m first",
    ):
        subprocess.run(["git", *command.split()], check=True)
    return tmp_path


def look(model="a" * 64, stage="stage5", when="2026-01-01T00:00:00+00:00"):
    return Look(when, "0" * 40, stage, model, "t" * 64, {"rel_l2_e": 0.5})


def test_every_look_is_kept_in_the_tracked_and_in_the_shared_ledger(repository):
    tracked = repository / "ledger.jsonl"
    record_looks(tracked, [look("a"), look("b", when="2026-01-02T00:00:00+00:00")])
    assert [entry.model_sha256 for entry in read_ledger(tracked)] == ["a", "b"]
    assert (repository / ".git" / "emfm-test-final-ledger.jsonl").read_text() == tracked.read_text()


def test_the_same_model_is_counted_once_and_keeps_its_first_time(repository):
    tracked = repository / "ledger.jsonl"
    record_looks(tracked, [look()])
    before = tracked.read_bytes()
    record_looks(tracked, [look(when="2027-01-01T00:00:00+00:00", stage="stage3")])
    assert tracked.read_bytes() == before


def test_the_same_model_on_another_test_set_is_another_look(repository):
    tracked = repository / "ledger.jsonl"
    other = Look("2026-01-01T00:00:00+00:00", "0" * 40, "stage5", "a" * 64, "u" * 64, {})
    assert len(record_looks(tracked, [look(), other])) == 2


def test_looks_of_another_work_tree_are_merged_into_the_tracked_ledger(repository, monkeypatch):
    subprocess.run(["git", "worktree", "add", "-q", "../elsewhere"], check=True)
    elsewhere = repository.parent / "elsewhere"
    monkeypatch.chdir(elsewhere)
    record_looks(elsewhere / "ledger.jsonl", [look("a")])
    monkeypatch.chdir(repository)
    merged = record_looks(repository / "ledger.jsonl", [look("b")])
    assert [entry.model_sha256 for entry in merged] == ["a", "b"]


def test_a_temporary_folder_of_an_experiment_shares_the_ledger_of_its_repository(repository, tmp_path, monkeypatch):
    copy = tmp_path / "copy"
    subprocess.run(["git", "clone", "-q", str(repository), str(copy)], check=True)
    monkeypatch.chdir(copy)
    monkeypatch.setenv("DVC_ROOT", str(repository))
    record_looks(copy / "ledger.jsonl", [look("a")])
    assert len(read_ledger(repository / ".git" / "emfm-test-final-ledger.jsonl")) == 1


def test_a_look_names_the_commit_and_whether_it_was_changed(repository):
    head = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
    assert Look.now("stage5", "a", "t", {}).revision == head
    (repository / "file").write_text("one")
    subprocess.run(["git", "add", "file"], check=True)
    assert Look.now("stage5", "a", "t", {}).revision == f"{head}-dirty"


@pytest.mark.parametrize("line", ["{", json.dumps({"when": "now"}), "[]"])
def test_a_damaged_ledger_is_refused_and_left_as_it_is(repository, line):
    tracked = repository / "ledger.jsonl"
    tracked.write_text(line + "\n")
    with pytest.raises(DataError, match=r"ledger.jsonl: line 1 is no look .*restore the file from git"):
        record_looks(tracked, [look()])
    assert tracked.read_text() == line + "\n"


def test_outside_a_repository_the_error_says_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.delenv("DVC_ROOT", raising=False)
    with pytest.raises(UserError, match="run this inside the git repository"):
        record_looks(tmp_path / "ledger.jsonl", [look()])
