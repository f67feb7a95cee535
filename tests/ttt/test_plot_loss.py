"""Loss curves: the figure and the table behind it."""

import csv
from itertools import pairwise
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest

from ttt.command import UserError
from ttt.curves import loss_figure, read_runs, smoothed, tidy_csv, window_for
from ttt.plot_loss import main

mpl.use("Agg")
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def runs(tmp_path, train, monkeypatch):
    """Three runs of two experiments in ./runs, from old to new."""
    monkeypatch.chdir(tmp_path)
    folders = [tmp_path / "runs" / name for name in ("one/001", "one/002", "two/001")]
    for seed, folder in enumerate(folders):
        train(folder, {"seed": seed})
    return folders


def test_a_value_is_smoothed_by_those_around_it():
    assert smoothed(np.array([0.0, 3.0, 6.0, 30.0]), 3).tolist() == [1.5, 3.0, 13.0, 18.0]
    assert smoothed(np.array([1.0, 2.0]), 1).tolist() == [1.0, 2.0]


def test_the_table_holds_every_logged_value_unsmoothed(runs):
    (run,) = read_runs(runs[:1])
    rows = list(csv.DictReader(tidy_csv([run]).splitlines()))
    assert list(rows[0]) == ["run", "kind", "epoch", "step", "figure", "value"]
    losses = [float(row["value"]) for row in rows if (row["kind"], row["figure"]) == ("step", "loss")]
    assert losses == [record["loss"] for record in run.records if record["kind"] == "step"]
    assert {row["figure"] for row in rows if row["kind"] == "epoch"} >= {"train_loss", "val_loss", "lr", "best_score"}


def test_runs_are_named_by_what_tells_them_apart(runs):
    assert [run.name for run in read_runs(runs[:2])] == ["001", "002"]
    assert [run.name for run in read_runs([runs[0], runs[2]])] == ["one/001", "two/001"]


def test_a_figure_has_title_axes_and_a_legend_for_each_run(runs):
    figure = loss_figure(read_runs(runs), smooth=5, title="Loss Compare", log_axis=True)
    losses, rates = figure.axes
    assert figure.get_suptitle() == "Loss Compare"
    assert (losses.get_yscale(), losses.get_ylabel(), rates.get_ylabel()) == ("log", "loss", "learning rate")
    labels = [text.get_text() for text in losses.get_legend().get_texts()]
    assert labels[:2] == ["one/001: training, mean of 5", "one/001: validation"]
    assert len(labels) == 6


def test_one_run_is_drawn_into_its_own_artifacts(runs, capsys):
    assert main(["--run_dir", str(runs[0])]) == 0
    artifacts = runs[0] / "artifacts"
    assert (artifacts / "loss_curve.png").read_bytes().startswith(PNG)
    assert (artifacts / "loss_long.csv").exists()
    assert str(artifacts / "loss_curve.png") in capsys.readouterr().out


def test_the_newest_runs_are_compared_and_figure_and_table_are_kept(runs, tmp_path):
    for number in ("001", "002"):
        assert main(["--last", "2"]) == 0
        folder = tmp_path / "runs" / "comparisons" / number
        assert (folder / "loss_curve.png").read_bytes().startswith(PNG)
        rows = list(csv.DictReader((folder / "loss_long.csv").read_text().splitlines()))
        assert {row["run"] for row in rows} == {"one/002", "two/001"}


def test_outputs_go_where_they_are_asked_to(runs, tmp_path):
    target = tmp_path / "out" / "a.png"
    assert main(["--run_dir", str(runs[0]), "--out_png", str(target), "--out_csv", str(tmp_path / "a.csv")]) == 0
    assert target.exists()
    assert (tmp_path / "a.csv").exists()
    assert not (runs[0] / "artifacts" / "loss_curve.png").exists()


def test_a_loss_that_was_no_number_is_a_gap_and_an_empty_cell(tmp_path):
    lines = ['{"kind": "step", "epoch": 1, "step": 1, "lr": 0.1, "loss": null}']
    lines += ['{"kind": "step", "epoch": 1, "step": 2, "lr": 0.1, "loss": 1.0}']
    (tmp_path / "metrics.jsonl").write_text("\n".join(lines) + "\n")
    runs = read_runs([tmp_path])
    assert runs[0].series("step", "loss")[1].tolist() == [1.0]
    assert f"{tmp_path.name},step,1,1,loss,\n" in tidy_csv(runs)
    loss_figure(runs, 20, None, log_axis=False)


def test_a_damaged_or_empty_log_is_refused(tmp_path):
    (tmp_path / "metrics.jsonl").write_text("")
    with pytest.raises(UserError, match="metrics.jsonl: holds no step and no epoch yet"):
        read_runs([tmp_path])
    (tmp_path / "metrics.jsonl").write_text("nonsense\n\n")
    with pytest.raises(UserError, match="line 1 is no JSON object"):
        read_runs([tmp_path])


CASE = Path(__file__).parents[1] / "data/cases/plot_loss_traceback"
GOOD = '{"kind": "step", "epoch": 1, "step": 1, "lr": 0.1, "loss": 1.0}\n'


def refused(folder, content, capsys):
    """What plot_loss answers to a log."""
    (folder / "metrics.jsonl").write_bytes(content if isinstance(content, bytes) else content.encode())
    assert main(["--run_dir", str(folder)]) == 2
    answer = capsys.readouterr().err
    assert answer.startswith(f"error: {folder}/metrics.jsonl: ")
    assert answer.count("metrics.jsonl") == 1
    assert not (folder / "artifacts").exists()
    return answer


def test_the_case_plot_loss_traceback_is_refused_with_its_line(tmp_path, capsys):
    content = (CASE / "metrics.jsonl").read_bytes()
    assert "line 6: has no 'step'" in refused(tmp_path, content, capsys)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ('{"kind": "step", "step": 2, "loss": 1.0}', "line 2: has no 'epoch'"),
        ('{"kind": "step", "epoch": 1, "step": "2"}', "line 2: 'step' is \"2\"; needs a whole number from 0 on"),
        ('{"kind": "step", "epoch": 1, "step": null}', "line 2: 'step' is null; needs a whole number"),
        ('{"kind": "step", "epoch": 1, "step": NaN}', "line 2: 'step' is NaN; needs a whole number"),
        ('{"kind": "step", "epoch": 1.5, "step": 2}', "line 2: 'epoch' is 1.5; needs a whole number"),
        ('{"kind": "step", "epoch": true, "step": 2}', "line 2: 'epoch' is true; needs a whole number"),
        ('{"kind": "step", "epoch": 1, "step": -2}', "line 2: 'step' is -2; needs a whole number"),
        ('{"kind": "step", "epoch": 1, "step": 1' + "0" * 400 + "}", "line 2: 'step' is 1000"),
        (
            '{"kind": "step", "epoch": 1, "step": 2, "loss": "0.5"}',
            "line 2: 'loss' is \"0.5\"; needs a number, or",
        ),
        ('{"kind": "epoch", "epoch": 1, "step": 2, "val_loss": [1]}', "line 2: 'val_loss' is [1]; needs a number"),
        ('{"kind": "epoch", "epoch": 1, "step": 2, "val_loss": {"a": 1}}', "line 2: 'val_loss' is {\"a\": 1}; needs"),
        ('{"kind": "epoch", "epoch": 1, "step": 2, "a": 1' + "0" * 400 + "}", "needs a number that 64 bits hold"),
        ('{"kind": "epoch", "epoch": 1, "step": 2, "\\ud800": 1}', 'line 2: the figure "\\ud800" has no name'),
        ("[1, 2]", "line 2 is no record of a training"),
        ("3", "line 2 is no record of a training"),
        ("null", "line 2 is no record of a training"),
        ("\x00\x00", "line 2 is no JSON object"),
    ],
)
def test_a_record_that_is_none_is_refused_with_its_line(tmp_path, capsys, line, sentence):
    assert sentence in refused(tmp_path, GOOD + line + "\n" + GOOD, capsys)


@pytest.mark.parametrize("content", [PNG, bytes(range(256)) * 4, b"\x1f\x8b" + b"\xff\n" * 9])
def test_a_file_that_is_no_text_is_refused(tmp_path, capsys, content):
    assert "line 1 is no JSON object (" in refused(tmp_path, content, capsys)


def test_a_folder_in_the_place_of_the_log_is_refused(tmp_path, capsys):
    (tmp_path / "metrics.jsonl").mkdir()
    assert main(["--run_dir", str(tmp_path)]) == 2
    assert "metrics.jsonl: cannot be read (Is a directory)" in capsys.readouterr().err


@pytest.mark.parametrize("end", ["\r\n", "\r", "\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_log_that_went_through_another_program_is_read(tmp_path, end, encoding):
    text = GOOD + GOOD.replace("1.0", "NaN") + GOOD.replace("1.0", "-Infinity")
    (tmp_path / "metrics.jsonl").write_bytes(text.replace("\n", end).encode(encoding))
    (run,) = read_runs([tmp_path])
    assert [record["loss"] for record in run.records] == [1.0, None, None]


def test_few_values_are_smoothed_by_few(tmp_path):
    assert [window_for(20, count) for count in (0, 1, 2, 6, 24, 100, 178, 10_000)] == [1, 1, 2, 3, 7, 15, 20, 20]
    assert window_for(1, 10_000) == 1
    losses = [1.0, 0.5, 0.25, 0.125, 0.0625, 0.03125]
    lines = [GOOD.replace('"step": 1', f'"step": {1 + i}').replace("1.0", str(loss)) for i, loss in enumerate(losses)]
    (tmp_path / "metrics.jsonl").write_text("".join(lines))
    axes, _ = loss_figure(read_runs([tmp_path]), 20, None, log_axis=True).axes
    (label,) = [text.get_text() for text in axes.get_legend().get_texts() if "training" in text.get_text()]
    assert label.endswith("training, mean of 3")
    (line,) = [line for line in axes.get_lines() if line.get_label() == label]
    drawn = line.get_ydata()
    assert all(later < earlier for earlier, later in pairwise(drawn))
    assert max(drawn) - min(drawn) > 0.5 * (max(losses) - min(losses))
