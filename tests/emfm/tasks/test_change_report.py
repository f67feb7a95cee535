"""What a pull request is told of its results, from commits alone."""

import json
import shutil

import numpy as np
import pytest
import yaml

from emfm.core.field_errors import SampleErrors
from emfm.results.sample_errors import ErrorTable, Judged
from emfm.tasks.change_report import main
from emfm.workflow.paths import TEST_RESULTS, VAL_ERRORS, VAL_RESULTS
from small_results import NOT_OPENED, milestone_results, model, val_results
from tiny_project import ROOT, Project
from ttt.files import write_json

STAGES = ("stage1", "stage2", "stage3")
SAMPLES = [Judged(f"s{number}", f"f{number // 2}", f"c{number}") for number in range(40)]
ERRORS = np.exp(np.random.default_rng(0).normal(-2, 1, len(SAMPLES)))
PARAMS = {"seed": 0, "optim": {"lr": 0.001, "name": "adamw"}}


def write(folder, params, factor, stages_errors):
    """The results of a training: errors of stage3 on each sample are ``factor`` times `ERRORS`."""
    errors = {name: SampleErrors(factor * ERRORS, ERRORS) for name in STAGES}
    val = val_results()
    metrics = val.models["stage3"].metrics.model_copy(update={"rel_l2_e": stages_errors})
    models = val.models | {"stage3": val.models["stage3"].model_copy(update={"metrics": metrics})}
    (folder / "params.yaml").write_text(yaml.safe_dump(params))
    (folder / "reports/figures").mkdir(parents=True, exist_ok=True)
    write_json(folder / VAL_RESULTS, val.model_copy(update={"models": models}).model_dump(by_alias=True))
    (folder / VAL_ERRORS).write_text(ErrorTable(SAMPLES, errors).to_csv())
    write_json(folder / TEST_RESULTS, NOT_OPENED.model_dump(by_alias=True))
    (folder / "reports/figures/scaling_curve.png").write_text(f"{factor}")
    (folder / "reports/figures/loss_curves.png").write_text("the same")


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A repository whose branch ``change`` halves the errors of E by another learning rate."""
    project = Project(tmp_path / "project")
    project.folder.mkdir()
    monkeypatch.chdir(project.folder)
    project.run("git", "init", "-q", "-b", "main")
    project.introduce_user()
    write(project.folder, PARAMS, 1.0, 0.25)
    project.commit("base")
    project.run("git", "checkout", "-q", "-b", "change")
    write(project.folder, PARAMS | {"optim": {"lr": 0.002}, "amp": True}, 0.5, 0.125)
    project.commit("change")
    return project


def report(capsys, *arguments):
    assert main(list(arguments)) == 0
    return capsys.readouterr().out


def rows(text):
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if "|" in line]
    return {row[0]: row[1:] for row in cells}


def test_each_parameter_that_changed_has_a_line(project, capsys):
    lines = report(capsys, "main", "change").splitlines()
    assert sorted(line for line in lines if line.startswith("- `")) == [
        "- `amp`: not there → true",
        "- `optim.lr`: 0.001 → 0.002",
        '- `optim.name`: "adamw" → not there',
    ]


def test_errors_before_and_after_stand_beside_each_other_with_what_the_samples_show(project, capsys):
    text = report(capsys, "main", "change")
    row = rows(text)["stage3"]
    assert row[0].startswith("0.2500 (")
    assert row[1].startswith("0.1250 (")
    assert row[4] == "E 50 % smaller on a typical sample; H no difference that 40 samples can show"
    assert "stage3 on nec, 12 cases" in rows(text)
    assert "**test_final** was not opened" not in text, "it is the same in both"


def test_a_change_without_results_says_so(project, capsys):
    text = report(capsys, "change", "change")
    assert "**Parameters**: none changed." in text
    assert "no result changed" in text
    assert "|" not in text


def test_pictures_are_linked_where_they_changed(project, capsys):
    text = report(capsys, "main", "change", "--pictures", "https://example.org/o/r/raw/")
    commits = [project.run("git", "rev-parse", name).stdout.strip() for name in ("main", "change")]
    for commit in commits:
        assert f"](https://example.org/o/r/raw/{commit}/reports/figures/scaling_curve.png)" in text
    assert "Errors and loss by epoch: the picture has not changed." in text
    assert "](" not in report(capsys, "main", "change")


def test_a_milestone_on_one_side_alone_is_said(project, capsys):
    opened = milestone_results({"stage3": model(0.3, 4900, "c")})
    write_json(project.folder / TEST_RESULTS, opened.model_dump(by_alias=True))
    project.commit("promoted")
    assert "**test_final** was not opened before the change" in report(capsys, "main", "change")


def test_results_of_another_form_are_named_and_the_rest_is_reported(project, capsys):
    content = json.loads((project.folder / VAL_RESULTS).read_text())
    (project.folder / VAL_RESULTS).write_text(
        json.dumps({key: content[key] for key in content if key != "recommended"})
    )
    project.commit("other form")
    text = report(capsys, "main", "change")
    assert "**val_fixed** is not compared: reports/val_fixed.json of" in text
    assert "recommended: missing" in text
    assert "- `optim.lr`: 0.001 → 0.002" in text


@pytest.mark.slow
def test_the_workflow_makes_the_report_with_this_command(project):
    """The very lines of .github/workflows/report.yml, with what GitHub would put into the environment."""
    workflow = yaml.safe_load((ROOT / ".github/workflows/report.yml").read_text())
    (script,) = [step["run"] for step in workflow["jobs"]["compare"]["steps"] if "change_report" in step.get("run", "")]
    shutil.copytree(ROOT / "src", project.folder / "src", ignore=shutil.ignore_patterns("*.egg-info", "__pycache__"))
    summary = project.folder.parent / "summary.md"
    project.variables = {"BASE": "main", "HEAD": "change", "PICTURES": "https://p", "GITHUB_STEP_SUMMARY": str(summary)}
    project.run("bash", "-eo", "pipefail", "-c", script)
    assert summary.read_text() == project.read("report.md")
    assert "E 50 % smaller" in summary.read_text()
