"""Loss curves: the figure and the table behind it."""

import csv

import matplotlib as mpl
import numpy as np
import pytest

from ttt.command import UserError
from ttt.curves import loss_figure, read_runs, smoothed, tidy_csv
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
