"""Intervals of metrics: by whole families, the same each time, and as wide as chance is."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emfm.evaluate.bootstrap import intervals, mean_of, percentile_of, resampled
from emfm.results.schema import RESAMPLES


def metrics_of(values):
    """The mean, the median and the 95th percentile of ``values``."""
    return lambda counts: {
        "mean": mean_of(values, counts),
        "median": percentile_of(values, counts, 50),
        "p95": percentile_of(values, counts, 95),
    }


def families_of(families, members, seed):
    """Values that differ ten times as much between families as within one, and the family of each."""
    rng = np.random.default_rng(seed)
    values = np.repeat(rng.standard_normal(families), members) + 0.1 * rng.standard_normal(families * members)
    return values, np.repeat(np.arange(families), members)


@settings(deadline=None, max_examples=50)
@given(counts=st.lists(st.integers(0, 3), min_size=1, max_size=12).filter(any), percent=st.floats(0, 100))
def test_a_resampled_set_has_the_mean_and_the_percentiles_of_its_samples(counts, percent):
    values = np.random.default_rng(len(counts)).lognormal(size=len(counts))
    drawn = np.repeat(values, counts)
    assert mean_of(values, np.array([counts]))[0] == pytest.approx(drawn.mean(), rel=1e-12)
    pairs = np.stack([values, 2 * values], 1)
    np.testing.assert_allclose(mean_of(pairs, np.array([counts]))[0], [drawn.mean(), 2 * drawn.mean()], rtol=1e-12)
    found = percentile_of(values, np.array([counts]), percent)[0]
    assert found == pytest.approx(np.percentile(drawn, percent), rel=1e-9)


def test_families_are_drawn_whole_and_as_many_as_there_are():
    families = np.array([7, 3, 7, 3, 3, 9])
    drawn = np.concatenate(list(resampled(families)))
    assert drawn.shape == (RESAMPLES, 6)
    assert (drawn[:, [0, 3]] == drawn[:, [2, 4]]).all()
    assert (drawn[:, [0, 1, 5]].sum(1) == 3).all()
    np.testing.assert_allclose(drawn.mean(0), 1, atol=0.1)


@pytest.mark.parametrize("copies", [2, 10])
def test_the_same_samples_again_in_their_families_make_no_interval_narrower(copies):
    values = np.random.default_rng(0).lognormal(size=60)
    single = intervals(metrics_of(values), np.arange(60))
    repeated = intervals(metrics_of(np.repeat(values, copies)), np.repeat(np.arange(60), copies))
    for name, (low, high) in single.items():
        width = repeated[name][1] - repeated[name][0]
        assert width == pytest.approx(high - low, rel=1e-9 if name == "mean" else 0.1), name
    as_if_new = intervals(metrics_of(np.repeat(values, copies)), np.arange(60 * copies))
    assert np.ptp(as_if_new["mean"]) < 0.8 * np.ptp(single["mean"])


def test_an_interval_holds_the_truth_as_often_as_it_says():
    """Of sets of alike families; drawn sample by sample it would hold it half as often."""
    held, held_by_samples = 0, 0
    for seed in range(200):
        values, families = families_of(40, 8, seed)
        for chosen in (families, np.arange(len(values))):
            low, high = intervals(lambda counts, values=values: {"mean": mean_of(values, counts)}, chosen)["mean"]
            if chosen is families:
                held += low <= 0 <= high
            else:
                held_by_samples += low <= 0 <= high
    assert 0.89 <= held / 200 <= 0.99
    assert held_by_samples / 200 < 0.7


def test_intervals_are_the_same_each_time_whatever_the_families_are_called():
    values, families = families_of(20, 3, 0)
    assert intervals(metrics_of(values), families) == intervals(metrics_of(values), 5 + 2 * families)


def test_a_single_family_has_no_interval():
    assert intervals(metrics_of(np.arange(5.0)), np.full(5, 3)) == {}
