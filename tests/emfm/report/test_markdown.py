"""The text of the report: what it says, and what it must not hold."""

import numpy as np
import pytest

from emfm.evaluation.baselines import DESCRIPTIONS
from emfm.evaluation.figures import DEFINITIONS, FieldErrors
from emfm.evaluation.ledger import Look
from emfm.evaluation.results import NOT_OPENED, MilestoneResults, SetResults, baseline_result, model_result
from emfm.report.markdown import Pictures, render_report
from emfm.report.numbers import four_digits

PICTURES = Pictures(
    loss_curves="figures/loss_curves.png",
    scaling_curve="figures/scaling_curve.png",
    channel_errors="figures/channel_errors.png",
    field_maps={"s00000003": "figures/field_s00000003.png", "s00000005": "figures/field_s00000005.png"},
)


def errors(size):
    """Errors of ``size`` times the truth, everywhere."""
    truth = np.random.default_rng(0).standard_normal((3, 12, 2, 2))
    collected = FieldErrors()
    collected.update(truth * (1 + size), truth)
    return collected


def model(size, train_samples, digit):
    return model_result(errors(size), train_samples, digit * 64)


@pytest.fixture
def val():
    models = {
        "stage1": model(0.5, 100, "a"),
        "stage2": model(0.25, 1500, "b"),
        "stage3": model(0.3, 4900, "c"),
    }
    baselines = {
        "mean_field": baseline_result(errors(1.0)),
        "equivalent_dipoles": baseline_result(errors(0.2)),
    }
    return SetResults(set="val_fixed", samples=40, models=models, baselines=baselines)


@pytest.fixture
def test_final():
    models = {"stage3": model(0.123456, 4900, "c")}
    return MilestoneResults(milestone=True, set="test_final", samples=90, models=models, baselines={})


def looks(count):
    figures = errors(0.1).compute()
    return [
        Look(f"2031-01-0{n}T09:00:00", "f" * 40, "stage3", f"{n}" * 64, "e" * 64, figures) for n in range(1, count + 1)
    ]


def row(report, name):
    (line,) = {
        line
        for line in report.splitlines()
        if line.startswith(f"| {name} ") and "checkpoint" not in line and "[" not in line
    }
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_the_glance_sets_the_best_stage_beside_the_best_baseline(val, test_final):
    report = render_report(val, test_final, [], PICTURES)
    assert "**stage2**, trained on 1,500 samples; relative L2 error 0.2500 of E, 0.2500 of H" in report
    assert "**equivalent_dipoles**; relative L2 error 0.2000 of E, 0.2000 of H" in report
    assert "The errors of stage2 are 1.250 (E) and 1.250 (H) times as large" in report


def test_stages_and_baselines_stand_in_one_table(val):
    report = render_report(val, NOT_OPENED, [], PICTURES)
    assert row(report, "stage1")[1:4] == ["100", "0.5000", "0.5000"]
    assert row(report, "stage3")[-1] == "c" * 12
    assert row(report, "mean_field")[1:3] == ["", "1.000"]
    assert f"- mean_field: {DESCRIPTIONS['mean_field']}." in report


def test_every_channel_is_listed_with_its_unit(val):
    report = render_report(val, NOT_OPENED, [], PICTURES)
    assert "| Ex_re [V/m] |" in report
    assert "| Hz_im [A/m] |" in report


def test_milestones_stand_with_the_number_of_looks_and_no_time(val, test_final):
    report = render_report(val, test_final, looks(3), PICTURES)
    assert "90 samples. Looks at test_final in its ledger so far, each model counted once: 3." in report
    assert "On test_final: **stage3**; relative L2 error 0.1235 of E" in report
    assert "2031" not in report


def test_a_set_that_was_not_opened_is_said_to_be_closed_and_why(val):
    report = render_report(val, NOT_OPENED, looks(1), PICTURES)
    assert "test_final was not opened: the training parameters differ from the promoted ones" in report
    assert "each model counted once: 1." in report


def test_a_workflow_without_milestones_or_baselines_has_a_report(val):
    no_baselines = val.model_copy(update={"baselines": {}})
    nobody = MilestoneResults(milestone=True, set="test_final", samples=90, models={}, baselines={})
    report = render_report(no_baselines, nobody, [], PICTURES)
    assert "No stage is a milestone under `milestone`" in report
    assert "Best baseline" not in report


def test_pictures_are_linked_as_given(val):
    report = render_report(val, NOT_OPENED, [], PICTURES)
    for link in ("loss_curves", "scaling_curve", "channel_errors", "field_s00000003", "field_s00000005"):
        assert f"](figures/{link}.png)" in report


def test_every_figure_is_defined(val):
    report = render_report(val, NOT_OPENED, [], PICTURES)
    for name in (*DEFINITIONS, "rmse_per_channel"):
        assert report.count(f"- `{name}`") == 1


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.1, "0.1000"), (1234.0, "1234"), (12345.0, "1.234e+04"), (1.23456e-5, "1.235e-05"), (0.0, "0.000")],
)
def test_numbers_have_four_significant_digits(value, text):
    assert four_digits(value) == text
