"""Results of a set: to JSON and back, and what is refused."""

import json
from copy import deepcopy

import numpy as np
import pytest

from emfm.core.errors import DataError
from emfm.core.field_errors import FieldErrors
from emfm.evaluate.comparisons import compare
from emfm.evaluate.groups import Group
from emfm.evaluate.set_metrics import SetMetrics
from emfm.evaluate.set_results import model_result, predictor_result
from emfm.results.schema import (
    Metrics,
    MilestoneResults,
    OtherSet,
    SetResults,
    TrustMetrics,
    ValResults,
    read_milestone_results,
    read_val_results,
)
from small_results import DIPOLES, NOT_OPENED, TEST_SET
from small_store import GEOMETRY
from ttt.files import write_json

COMPARED = ["val_mse", "rmse_e_mean", "rmse_h_mean", "rel_l2_e", "rel_l2_h", "rel_l2_e_p95", "rel_l2_h_p95"]
SHA = "0123456789abcdef" * 4
TRUST = {
    "rank_correlation_e": 0.8,
    "true_over_expected_e": 1.1,
    "coverage_e": 0.9,
    "rank_correlation_h": -0.2,
    "true_over_expected_h": 0.9,
    "coverage_h": None,
    "unlike_training": 0.25,
}


@pytest.fixture
def val():
    fields = np.random.default_rng(0).standard_normal((2, 3, 12, *GEOMETRY.target.shape))
    figures, noise = SetMetrics(GEOMETRY), FieldErrors()
    figures.update(*fields)
    noise.update(*fields)
    groups = {"depth": [Group(1e-3, 2e-3, np.array([0, 2])), Group(None, None, np.array([1]))]}
    result = predictor_result(figures, np.array([0, 0, 1]), groups, {20.0: (noise, None)})
    errors = figures.per_sample()
    trust = TrustMetrics.model_validate(TRUST)
    return ValResults(
        set="val_fixed",
        samples=3,
        models={"stage1": model_result(result, 100, SHA), "stage2": model_result(result, 500, SHA, trust)},
        baselines={"mean_field": result},
        recommended="stage2",
        comparisons=compare({"stage1": errors, "stage2": errors}, [("stage2", "stage1")], np.array([0, 0, 1])),
        equivalent_dipoles=DIPOLES,
        references={},
        sets={
            "loops": OtherSet(samples=3, metrics={"stage2": result.metrics, "mean_field": result.metrics}, trust=trust)
        },
        left_out={"nec": "the cases have another target plane than the section data"},
    )


def test_results_come_back_from_their_json_as_they_were(val, tmp_path):
    write_json(tmp_path / "val.json", val.model_dump(by_alias=True))
    assert read_val_results(tmp_path / "val.json") == val


def test_the_json_says_the_set_the_samples_the_models_and_their_hashes(val):
    content = val.model_dump(by_alias=True)
    assert (content["set"], content["samples"]) == ("val_fixed", 3)
    assert content["models"]["stage2"]["train_samples"] == 500
    assert content["models"]["stage2"]["checkpoint_sha256"] == SHA
    assert list(content["models"]["stage1"]["rmse_per_channel"])[:2] == ["Ex_re", "Ex_im"]


def test_figures_stand_in_the_json_as_they_are_defined(val):
    assert list(val.model_dump(by_alias=True)["baselines"]["mean_field"]["figures"]) == list(Metrics.model_fields)


def test_what_is_compared_between_experiments_is_few_figures(val):
    figures = val.models["stage1"].metrics
    assert list(figures.headline()) == [*COMPARED, "maxwell_residual"]
    assert list(figures.model_copy(update={"maxwell_residual": None}).headline()) == COMPARED


def test_figures_of_trust_stand_as_they_are_defined_and_null_where_a_model_says_nothing(val):
    content = val.model_dump(by_alias=True)
    assert content["models"]["stage1"]["trust"] is None
    assert content["models"]["stage2"]["trust"] == TRUST
    assert list(content["models"]["stage2"]["trust"]) == list(TrustMetrics.model_fields)


def test_groups_have_their_bounds_and_the_number_of_their_samples(val):
    result = val.baselines["mean_field"]
    both, unknown = result.groups["depth"]
    assert (both.low, both.high, both.samples) == (1e-3, 2e-3, 2)
    assert (unknown.low, unknown.samples) == (None, 1)


def test_milestone_results_are_told_from_a_set_that_was_not_opened(val, tmp_path):
    shared = {key: value for key, value in val.model_dump(by_alias=True).items() if key in SetResults.model_fields}
    opened = MilestoneResults(milestone=True, test_set_sha256=TEST_SET, **(shared | {"models": {}}))
    write_json(tmp_path / "opened.json", opened.model_dump(by_alias=True))
    write_json(tmp_path / "closed.json", NOT_OPENED.model_dump(by_alias=True))
    assert read_milestone_results(tmp_path / "opened.json") == opened
    assert read_milestone_results(tmp_path / "closed.json") == NOT_OPENED


def changed(content, path, value):
    content = deepcopy(content)
    *front, last = path
    place = content
    for key in front:
        place = place[key]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return content


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        (("samples",), None, "samples: missing"),
        (("samples",), "3", "samples: found '3'"),
        (("models", "stage1", "checkpoint_sha256"), "12ab", r"models.stage1.checkpoint_sha256: found '12ab'"),
        (("models", "stage1", "figures", "rel_l2_e"), -1.0, "models.stage1.figures.rel_l2_e: found -1.0"),
        (
            ("models", "stage1", "figures", "rel_l2_e"),
            float("nan"),
            "models.stage1.figures.rel_l2_e: found nan",
        ),
        (
            ("models", "stage1", "rmse_per_channel", "Hz_im"),
            None,
            "models.stage1.rmse_per_channel: .*one value for each",
        ),
        (
            ("sets", "loops", "figures", "stage2", "db_error_h"),
            None,
            "sets.loops.figures.stage2.db_error_h: missing",
        ),
        (("models", "stage1", "groups", "depth", 0, "samples"), 0, r"models.stage1.groups.depth.*samples: found 0"),
        (("models", "stage1", "groups", "width"), [], "models.stage1.groups.width"),
        (
            ("models", "stage2", "trust", "rank_correlation_h"),
            1.5,
            "models.stage2.trust.rank_correlation_h: found 1.5",
        ),
        (("sets", "loops", "trust", "coverage_e"), 2.0, "sets.loops.trust.coverage_e: found 2.0"),
        (("baselines", "mean_field", "intervals", "rel_l2_e", "low"), None, "baselines.*intervals.rel_l2_e.low: miss"),
        (("baselines", "mean_field", "extra"), 1, "baselines.mean_field.extra: unknown"),
        (("models",), {}, "models: found"),
        (("recommended",), "stage9", "recommended: found 'stage9'.*must be one of stage1, stage2"),
        (("comparisons", 0, "rel_l2_e", "of_samples", "low"), -1.0, "comparisons.*of_samples.low: found -1.0"),
    ],
)
def test_a_damaged_json_is_refused_with_the_full_key_and_the_remedy(val, tmp_path, path, value, sentence):
    file = tmp_path / "val.json"
    file.write_text(json.dumps(changed(val.model_dump(by_alias=True), path, value)))
    with pytest.raises(DataError, match=rf"val\.json: {sentence}.*dvc repro"):
        read_val_results(file)


def test_a_set_of_which_nothing_says_whether_it_was_opened_is_refused(val, tmp_path):
    write_json(tmp_path / "test.json", val.model_dump(by_alias=True))
    with pytest.raises(DataError, match="milestone: missing"):
        read_milestone_results(tmp_path / "test.json")


@pytest.mark.parametrize("content", ["", '{"set": ', "[]"])
def test_a_file_that_is_not_the_json_of_results_is_refused(tmp_path, content):
    (tmp_path / "val.json").write_text(content)
    with pytest.raises(DataError, match=r"val\.json.*dvc pull"):
        read_val_results(tmp_path / "val.json")


def test_a_missing_file_is_refused_by_name(tmp_path):
    with pytest.raises(DataError, match=r"none\.json: cannot be read.*dvc repro"):
        read_val_results(tmp_path / "none.json")
