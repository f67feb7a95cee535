"""Paired comparisons: they see what the samples' own difficulty hides, and find no difference where there is none."""

import numpy as np
import pytest

from emfm.core.field_errors import SampleErrors
from emfm.evaluate.baselines import physics_baselines
from emfm.evaluate.bootstrap import intervals, percentile_of
from emfm.evaluate.comparisons import compare, compare_two, stage_pairs
from emfm.model.search.equivalent_dipoles import DipoleSetting
from emfm.results.best import best_untrained, by_errors
from emfm.results.comparisons import in_words
from emfm.results.definitions import UNTRAINED
from emfm.settings import load_params
from small_results import result
from small_store import GEOMETRY
from tiny_project import ROOT

FAMILIES = np.repeat(np.arange(50), 4)


def difficulty(seed=0):
    """Errors that differ a hundredfold from sample to sample."""
    return np.exp(np.random.default_rng(seed).normal(-2, 1.2, 200))


def noisy(errors, factor, seed=1):
    """``factor`` times the errors, each off by 5 %."""
    return errors * factor * np.exp(np.random.default_rng(seed).normal(0, 0.05, len(errors)))


def both(errors):
    return SampleErrors(errors, errors)


def test_a_small_gain_is_seen_though_the_intervals_of_both_overlap():
    errors = difficulty()
    better = noisy(errors, 0.95)
    found = compare_two("new", both(better), "old", both(errors), FAMILIES)
    ratio = found.rel_l2_e.of_samples
    assert ratio.differs
    assert ratio.value == pytest.approx(0.95, abs=0.01)
    assert 0.9 < ratio.low < ratio.value < ratio.high < 1
    assert "% smaller, H 5" in in_words(found, 200).replace(" 5.", " 5")
    old, new = (
        intervals(lambda counts, values=values: {"median": percentile_of(values, counts, 50)}, FAMILIES)["median"]
        for values in (errors, better)
    )
    assert old[0] < new[1]


def test_a_certain_difference_that_no_table_shows_is_not_told_as_one():
    errors = difficulty()
    found = compare_two("new", SampleErrors(0.9998 * errors, 0.9 * errors), "old", both(errors), FAMILIES)
    assert found.rel_l2_e.of_samples.differs
    assert in_words(found, 200) == "E the same to a thousandth, H 10 % smaller on a typical sample"


def test_without_a_difference_none_is_found_as_often_as_the_interval_says():
    errors = difficulty()
    found = [
        compare_two("new", both(noisy(errors, 1, seed)), "old", both(errors), FAMILIES).rel_l2_e.of_samples.differs
        for seed in range(1, 101)
    ]
    assert np.mean(found) <= 0.12
    same = compare_two("new", both(errors), "old", both(errors), FAMILIES)
    assert in_words(same, 200) == "no difference that 200 samples can show"


def test_the_ratio_of_the_medians_is_that_of_the_reported_medians():
    errors, others = difficulty(), difficulty(3)
    found = compare_two("new", SampleErrors(errors, others), "old", SampleErrors(others, errors), FAMILIES)
    assert found.rel_l2_e.of_medians.value == pytest.approx(np.median(errors) / np.median(others))
    assert found.rel_l2_h.of_medians.value == pytest.approx(np.median(others) / np.median(errors))


def test_a_single_family_has_a_ratio_without_an_interval_and_an_error_of_zero_has_one_too():
    found = compare_two("new", both(np.zeros(3)), "old", both(np.array([0.0, 1e-3, 2e-3])), np.zeros(3, np.int64))
    assert found.rel_l2_e.of_samples.value == pytest.approx(1e-6)
    assert (found.rel_l2_e.of_samples.low, found.rel_l2_e.of_samples.high) == (None, None)
    assert not found.rel_l2_e.of_samples.differs


def test_each_stage_is_compared_with_the_one_before_the_first_and_the_best_untrained_baseline_once():
    errors = {name: both(difficulty(seed)) for seed, name in enumerate(("stage1", "stage2", "stage3", "dipoles"))}
    pairs = stage_pairs(["stage1", "stage2", "stage3"], ["stage3", "stage1", "stage2"], "dipoles")
    found = [(one.predictor, one.against) for one in compare(errors, pairs, FAMILIES)]
    assert sorted(found) == [
        ("stage1", "dipoles"),
        ("stage2", "dipoles"),
        ("stage2", "stage1"),
        ("stage3", "dipoles"),
        ("stage3", "stage1"),
        ("stage3", "stage2"),
    ]
    assert stage_pairs(["stage1"], ["stage1"], None) == stage_pairs([], [], None) == []
    assert ("stage1", "stage3") in stage_pairs(["stage1", "stage2", "stage3"], ["stage1", "stage3", "stage2"], None)


def test_the_best_is_the_lowest_sum_of_both_errors_and_an_untrained_baseline_learns_nothing():
    results = {"mean_field": result(0.1), "equivalent_dipoles": result(0.3), "sparse_sources": result(0.2)}
    assert by_errors(results) == ["mean_field", "sparse_sources", "equivalent_dipoles"]
    assert best_untrained(results) == "sparse_sources"
    assert best_untrained({"mean_field": result(0.1)}) is None
    search = load_params(ROOT / "params.yaml").eval.sparse_sources
    assert tuple(physics_baselines(GEOMETRY, DipoleSetting(margin=0.0), search)) == UNTRAINED
