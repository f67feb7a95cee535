"""Trainings that differ in their seed alone: what is queued, what is shown, and when two series differ."""

import json
import re
from statistics import mean, stdev

import pytest
import yaml

from emfm.tasks import seed_answers, seeds
from emfm.workflow.paths import VAL_METRICS, VAL_RESULTS
from tiny_project import Project

PARAMS = {"seed": 0, "loss": {"h_weight": 1.0}}


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A repository with the parameters alone."""
    project = Project(tmp_path)
    monkeypatch.chdir(tmp_path)
    project.run("git", "init", "-q", "-b", "main")
    project.introduce_user()
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(PARAMS))
    project.commit("base")
    return project


@pytest.fixture
def runs(project, monkeypatch):
    """The calls of `dvc exp run`; each that queues leaves an experiment whose errors its seed and h_weight decide."""
    calls = []

    def run(*arguments):
        calls.append(arguments)
        if arguments[0] == "--queue":
            changes = dict(change.split("=") for change in arguments[4::2])
            leave_experiment(project, arguments[2], int(changes["seed"]), float(changes.get("loss.h_weight", 1)))

    monkeypatch.setattr(seeds, "_dvc", run)
    return calls


def leave_experiment(project, name, seed, h_weight):
    (project.folder / "params.yaml").write_text(yaml.safe_dump({"seed": seed, "loss": {"h_weight": h_weight}}))
    VAL_METRICS.parent.mkdir(exist_ok=True)
    errors = {"rel_l2_e": 0.2 + 0.001 * seed, "rel_l2_h": 0.1 * h_weight + 0.001 * seed}
    VAL_METRICS.write_text(json.dumps({"val": errors}))
    VAL_RESULTS.write_text(json.dumps({"comparisons": comparisons(seed)}))
    project.commit(name)
    project.run("git", "update-ref", f"refs/exps/00/{'0' * 38}/{name}", "HEAD")
    project.run("git", "reset", "-q", "--hard", "HEAD~1")


def comparisons(seed):
    """Of two stages: E is smaller with every seed, H with the first two alone."""

    def ratio(value, low, high):
        found = {"value": value, "low": low, "high": high}
        return {"of_samples": found, "of_medians": found}

    of_e, of_h = ratio(0.8 + 0.01 * seed, 0.7, 0.9), ratio(0.95, 0.9, 0.99 if seed < 2 else 1.01)
    return [{"predictor": "stage2", "against": "stage1", "rel_l2_e": of_e, "rel_l2_h": of_h}]


def rows(text):
    cells = [[cell.strip("* ") for cell in line.strip("|").split("|")] for line in text.splitlines() if "|" in line]
    return {row[0]: row[1:] for row in cells}


def test_each_seed_is_queued_as_an_experiment_and_mean_and_spread_are_shown(runs, capsys):
    assert seeds.main(["--seeds", "0", "1", "4", "-S", "loss.h_weight=2.0", "-n", "heavy", "-j", "2"]) == 0
    assert runs[1] == ("--queue", "-n", "heavy-1", "-S", "seed=1", "-S", "loss.h_weight=2.0")
    assert len(runs) == 4
    assert runs[3] == ("--run-all", "-j", "2")
    found = rows(capsys.readouterr().out)
    assert found["heavy-4"] == ["0.2040", "0.2040"]
    values = [0.2, 0.201, 0.204]
    assert found["heavy, mean"][0] == f"{mean(values):#.4g}"
    assert float(found["heavy, standard deviation"][0]) == pytest.approx(stdev(values), rel=1e-3)


def test_the_answers_of_the_report_that_all_seeds_give_are_told_from_those_that_one_gives(runs, capsys):
    assert seeds.main(["--seeds", "0", "1"]) == 0
    found = rows(capsys.readouterr().out)
    assert found["stage2 against stage1"] == ["0.800, 0.810", "0.950, 0.950", "E smaller, H smaller"]
    assert seeds.main(["--seeds", "0", "1", "2"]) == 0
    found = rows(capsys.readouterr().out)
    assert found["stage2 against stage1"] == ["0.800, 0.810, 0.820", "0.950, 0.950, 0.950", "E smaller, H not the same"]


def test_reports_that_compare_other_stages_are_refused(runs, capsys, monkeypatch):
    others = [{"comparisons": comparisons(0)}, {"comparisons": []}]
    results = iter(json.dumps(one) for one in others)
    monkeypatch.setattr(seed_answers, "file_of", lambda *_: next(results))
    assert seeds.main(["--seeds", "0", "1"]) == 2
    assert "seed-0, seed-1: their reports compare other stages with each other" in capsys.readouterr().err


def test_results_of_another_form_are_named(runs, capsys, monkeypatch):
    monkeypatch.setattr(seed_answers, "file_of", lambda *_: json.dumps({"comparisons": [{"predictor": "stage2"}]}))
    assert seeds.main(["--seeds", "0", "1"]) == 2
    error = capsys.readouterr().err
    assert "reports/val_fixed.json of seed-0: comparisons.against" in error
    assert "run it again with this code" in error


def test_what_was_run_before_is_shown_and_not_run_again(runs, capsys):
    assert seeds.main(["--seeds", "0", "1"]) == 0
    first = capsys.readouterr().out
    runs.clear()
    assert seeds.main(["--seeds", "0", "1"]) == 0
    assert runs == []
    assert capsys.readouterr().out == first
    assert seeds.main(["--seeds", "0", "1", "2"]) == 0
    assert [call[:3] for call in runs] == [("--queue", "-n", "seed-2"), ("--run-all", "-j", "1")]


def test_two_series_differ_where_their_means_are_farther_apart_than_the_seeds_make_them(runs, capsys):
    assert seeds.main(["--seeds", "0", "1", "2"]) == 0
    assert seeds.main(["--seeds", "0", "1", "2", "-n", "heavy", "-S", "loss.h_weight=2.0", "--against", "seed"]) == 0
    output = capsys.readouterr().out
    assert re.search(r"E: heavy - seed = \+0\.0000, which does not exceed", output)
    # Student's test: 2.78 * sqrt(2 / 3) * 0.001
    assert re.search(r"H: heavy - seed = \+0\.1000, which exceeds what the seeds make by chance \(0\.0023\)", output)


def test_an_experiment_of_the_name_with_other_parameters_is_not_taken_for_one_of_the_series(runs, capsys):
    assert seeds.main(["--seeds", "0", "1", "-n", "heavy", "-S", "loss.h_weight=2.0"]) == 0
    assert seeds.main(["--seeds", "0", "1", "-n", "heavy", "-S", "loss.h_weight=3.0"]) == 2
    message = capsys.readouterr().err
    assert "heavy-0: is there already, with loss.h_weight: 2.0; give the series another name (-n)" in message


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--seeds", "1"], "--seeds: found 1; give two or more different ones"),
        (["--seeds", "1", "1"], "--seeds: found 1 1; give two or more different ones"),
        (["--seeds", "1", "2", "-j", "0"], "--jobs: found 0; give 1 or more"),
        (["--seeds", "1", "2", "--against", "none"], "none-1: no experiment and no revision has this name"),
    ],
)
def test_what_cannot_be_run_is_refused(runs, capsys, arguments, sentence):
    assert seeds.main(arguments) == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.slow
def test_dvc_trains_with_each_seed(swept):
    done = swept.run("python", "-m", "emfm.tasks.seeds", "--seeds", "0", "5")
    table = rows(done.stdout[done.stdout.index("| ") :])
    assert {"seed-0", "seed-5", "seed, mean", "seed, standard deviation"} <= set(table)
    assert float(table["seed, standard deviation"][0]) > 0
    assert len(table["stage5 against stage1"]) == 3
    assert swept.run("git", "status", "--porcelain").stdout == ""
    swept.run("dvc", "exp", "remove", "seed-0", "seed-5")
