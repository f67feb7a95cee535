"""Trainings of different revisions, compared on the samples that they share."""

import numpy as np
import pytest

from emfm.core.field_errors import SampleErrors
from emfm.results.sample_errors import ErrorTable, Judged
from emfm.tasks.compare import main
from emfm.workflow.paths import VAL_ERRORS
from tiny_project import Project

SAMPLES = [Judged(f"s{number}", f"f{number // 2}", f"c{number}") for number in range(40)]
ERRORS = np.exp(np.random.default_rng(0).normal(-2, 1, len(SAMPLES)))


def errors_csv(factor_e, factor_h, samples=SAMPLES):
    """The file of a training whose stage2 has so many times the errors of `ERRORS`, and stage1 errors of 1."""
    ones = np.ones(len(samples))
    of_stage2 = SampleErrors(factor_e * ERRORS[: len(samples)], factor_h * ERRORS[: len(samples)])
    errors = {"stage1": SampleErrors(ones, ones), "stage2": of_stage2, "mean_field": SampleErrors(2 * ones, ones)}
    return ErrorTable(samples, errors).to_csv()


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A repository whose commit has the errors, with an experiment that halves those of E alone."""
    project = Project(tmp_path)
    monkeypatch.chdir(tmp_path)
    project.run("git", "init", "-q", "-b", "main")
    project.introduce_user()
    VAL_ERRORS.parent.mkdir()
    VAL_ERRORS.write_text(errors_csv(1, 1))
    project.commit("base")
    experiment(project, "halved", errors_csv(0.5, 1))
    return project


def experiment(project, name, text):
    """What `dvc exp run -n NAME` leaves behind, as far as git is concerned."""
    VAL_ERRORS.write_text(text)
    project.commit(name)
    project.run("git", "update-ref", f"refs/exps/00/{'0' * 38}/{name}", "HEAD")
    project.run("git", "reset", "-q", "--hard", "HEAD~1")


def rows(text):
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if "|" in line]
    return {row[0]: row[1:] for row in cells}


def test_an_experiment_is_compared_with_a_revision_sample_by_sample(project, capsys):
    assert main(["main", "halved"]) == 0
    output = capsys.readouterr().out
    assert "40 samples of 20 scene families" in output
    found = rows(output)
    assert found["main, stage2"][:2] == [f"{np.median(ERRORS):#.4g}"] * 2
    assert found["halved, stage2"][2:] == ["0.500 (0.500 to 0.500)", "1.000 (1.000 to 1.000)"]
    verdict = "halved, stage2: E 50 % smaller on a typical sample; H no difference that 40 samples can show"
    assert verdict in output.splitlines()


def test_one_name_is_compared_with_the_workspace(project, capsys):
    VAL_ERRORS.write_text(errors_csv(3, 1))
    assert main(["halved"]) == 0
    assert "workspace, stage2: E 6.0 times as large on a typical sample" in capsys.readouterr().out


def test_another_predictor_can_be_compared(project, capsys):
    assert main(["main", "halved", "--predictor", "mean_field"]) == 0
    assert "halved, mean_field: no difference that 40 samples can show" in capsys.readouterr().out
    assert main(["main", "--predictor", "stage9"]) == 2
    assert "--predictor: main has no 'stage9'; choose from stage1, stage2, mean_field" in capsys.readouterr().err


def test_only_samples_that_are_the_same_in_content_are_compared(project, capsys):
    changed = [sample._replace(content="other") if number < 10 else sample for number, sample in enumerate(SAMPLES)]
    VAL_ERRORS.write_text(errors_csv(1, 1, changed))
    assert main(["main"]) == 0
    captured = capsys.readouterr()
    assert "30 samples of 15 scene families" in captured.out
    assert "only the 30 samples of val_fixed that are the same in all are compared" in captured.err
    VAL_ERRORS.write_text(errors_csv(1, 1, [sample._replace(content="other") for sample in SAMPLES]))
    assert main(["main"]) == 2
    assert "main and workspace: no sample of val_fixed is the same in all" in capsys.readouterr().err


def test_a_revision_without_the_file_and_an_unknown_name_are_refused(project, capsys):
    project.run("git", "rm", "-q", str(VAL_ERRORS))
    project.commit("without")
    assert main(["main", "halved"]) == 2
    assert f"main: has no {VAL_ERRORS}; run it again" in capsys.readouterr().err
    assert main(["halved", "nothing"]) == 2
    assert "nothing: no experiment and no revision has this name" in capsys.readouterr().err
    assert main(["halved"]) == 2
    assert f"{VAL_ERRORS}: cannot be read" in capsys.readouterr().err
