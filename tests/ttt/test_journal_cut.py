"""Where the log of a training that goes on is cut, whatever happened to the file in between."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from ttt.engine.journal import read_records
from ttt.engine.start import Resume

ROOT = Path(__file__).parents[2]
CASE = ROOT / "tests/data/cases/journal_glued/run.sh"
OVERRIDES = {"train.epochs": 4, "ckpt.every_steps": 4, "alerts.patience": 1, "optim.lr": 0.3}


@pytest.fixture
def stopped(tmp_path, train):
    """The log of a whole training, and a run folder with two of its four epochs done."""
    train(tmp_path / "whole", OVERRIDES)
    train(tmp_path / "run", OVERRIDES | {"train.epochs": 2})
    log = (tmp_path / "whole" / "metrics.jsonl").read_bytes()
    assert log.startswith((tmp_path / "run" / "metrics.jsonl").read_bytes())
    return log, tmp_path / "run"


def resumed(train, folder):
    train(folder, OVERRIDES, Resume())
    return (folder / "metrics.jsonl").read_bytes()


@pytest.mark.parametrize(
    "copy",
    [
        lambda log: log.replace(b"\n", b"\r\n"),
        lambda log: log.replace(b"\n", b"\r"),
        lambda log: b"\xef\xbb\xbf" + log,
        lambda log: log.decode().replace("\n", "\r\n").encode("utf-16"),
        lambda log: log.replace(b"\n", b"\r\n") + b'{"kind": "step", "epoch": 3, "step": 13, "lr": 0.3, "lo',
    ],
    ids=["crlf", "cr", "utf-8 mark", "utf-16", "crlf and half a line beyond"],
)
def test_a_log_that_went_through_another_program_gets_its_bytes_back(stopped, train, copy, caplog):
    log, folder = stopped
    path = folder / "metrics.jsonl"
    path.write_bytes(copy(path.read_bytes()))
    assert resumed(train, folder) == log
    assert "metrics.jsonl: is not as it was written, and gets its line ends and encoding back" in caplog.text


@pytest.mark.parametrize("cut", [1, 2, 30, 300])
def test_a_log_that_ends_within_a_line_is_cut_at_its_last_whole_record(stopped, train, cut, caplog):
    log, folder = stopped
    path = folder / "metrics.jsonl"
    content = path.read_bytes()
    path.write_bytes(content[:-cut])
    whole = content[:-cut].rpartition(b"\n")[0] + b"\n" if cut > 1 else content
    assert resumed(train, folder) == whole + log[len(content) :]
    if cut > 1:
        assert "lines of the training so far are missing from it; its " in caplog.text
        assert "whole records up to step 12 are kept, 1 damaged lines are not" in caplog.text


def test_what_lies_beyond_the_checkpoint_is_cut_without_a_word(stopped, train, caplog):
    log, folder = stopped
    (folder / "metrics.jsonl").write_bytes(log + b'{"kind": "st')
    assert resumed(train, folder) == log
    assert "metrics.jsonl" not in caplog.text


def test_records_beyond_the_checkpoint_are_cut_by_what_they_say_where_bytes_do_not_tell(stopped, train, caplog):
    log, folder = stopped
    lines = log.splitlines(keepends=True)
    (folder / "metrics.jsonl").write_bytes(b"".join(lines[1:]).replace(b"\n", b"\r\n"))
    assert resumed(train, folder) == b"".join(lines[1:])
    assert "lines of the training so far are missing from it" in caplog.text


@pytest.mark.parametrize("content", [None, b"", b"\n", b"\x00" * 4096])
def test_a_log_that_is_gone_begins_anew_with_a_warning(stopped, train, content, caplog):
    log, folder = stopped
    path = folder / "metrics.jsonl"
    size = path.stat().st_size
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    assert resumed(train, folder) == log[size:]
    assert "lines of the training so far are missing from it; its 0 whole records up to step 12 are kept" in caplog.text


def test_a_log_that_an_earlier_resume_glued_together_is_readable_again(stopped, train, caplog):
    log, folder = stopped
    path = folder / "metrics.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], lines[1][:20], *lines[2:]]))
    content = resumed(train, folder)
    assert content == lines[0] + b"".join(log.splitlines(keepends=True)[3:])
    assert "1 damaged lines are not" in caplog.text


def test_lines_that_stand_there_twice_are_kept_once(stopped, train):
    log, folder = stopped
    path = folder / "metrics.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:3], *lines]))
    assert resumed(train, folder) == log


def test_a_checkpoint_within_an_epoch_keeps_the_records_before_it(tmp_path, train, monkeypatch):
    """Killed in step 11 after a checkpoint at step 8 in the second epoch; the log is then changed in its first line."""
    from ttt.engine import loop

    class Killed(BaseException):
        pass

    def kill(training, samples, after=loop._Training._after_step):
        after(training, samples)
        if training._state.place.step == 11:
            raise Killed

    train(tmp_path / "whole", OVERRIDES)
    with monkeypatch.context() as patch:
        patch.setattr(loop._Training, "_after_step", kill)
        with pytest.raises(Killed):
            train(tmp_path / "run", OVERRIDES)
    path = tmp_path / "run" / "metrics.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"kind": "step"', b'"kind":   "step"', 1))
    content = resumed(train, tmp_path / "run").replace(b'"kind":   "step"', b'"kind": "step"')
    assert content == (tmp_path / "whole" / "metrics.jsonl").read_bytes()


@pytest.mark.slow
def test_the_case_journal_glued_ends_with_logs_that_every_tool_reads(tmp_path):
    shutil.copy(CASE, tmp_path)
    done = subprocess.run(
        ["sh", "run.sh", str(ROOT / "configs/ttt_demo.yaml")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert "cannot be read any more" not in done.stdout
    assert done.stderr.count("lines of the training so far are missing from it") == 1
    assert done.stderr.count("gets its line ends and encoding back") == 1
    for run in ("short", "crlf"):
        path = tmp_path / "runs/j" / run / "metrics.jsonl"
        steps = [record["step"] for record in read_records(path) if record["kind"] == "step"]
        assert steps == sorted(set(steps))
        assert steps[-1] == 90
        assert all(isinstance(json.loads(line), dict) for line in path.read_bytes().split(b"\n")[:-1])
