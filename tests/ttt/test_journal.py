"""The log of a training."""

import json
import math

import pytest

from ttt.engine.journal import Journal, epoch_records, read_records


def test_lines_beyond_the_checkpoint_are_cut(tmp_path):
    path = tmp_path / "metrics.jsonl"
    with Journal(path, 0) as journal:
        journal.write("step", {"step": 1})
        size = journal.size
        journal.write("step", {"step": 2})
    with Journal(path, size) as journal:
        journal.write("step", {"step": 2})
    assert [record["step"] for record in read_records(path)] == [1, 2]


def test_a_line_is_on_the_disk_as_soon_as_it_is_written(tmp_path):
    with Journal(tmp_path / "metrics.jsonl", 0) as journal:
        journal.write("step", {"step": 1, "loss": 0.5})
        assert json.loads((tmp_path / "metrics.jsonl").read_text()) == {"kind": "step", "step": 1, "loss": 0.5}


def test_what_json_has_no_number_for_is_null(tmp_path):
    with Journal(tmp_path / "metrics.jsonl", 0) as journal:
        journal.write("epoch", {"epoch": 1, "val_loss": math.nan, "lr": math.inf})
    assert epoch_records(tmp_path / "metrics.jsonl") == [{"epoch": 1, "val_loss": None, "lr": None}]


def test_an_unfinished_last_line_is_left_out(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"kind": "step", "step": 1}\n{"kind": "st')
    assert read_records(path) == [{"kind": "step", "step": 1}]


def test_a_damaged_line_is_named(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"kind": "step"}\nnonsense\n{"kind": "step"}\n')
    with pytest.raises(ValueError, match="metrics.jsonl: line 2 is no JSON object"):
        read_records(path)
    path.write_text('{"loss": 1}\n')
    with pytest.raises(ValueError, match="line 1 is no record of a training"):
        read_records(path)
