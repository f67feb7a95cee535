"""How well a model foretells its own errors."""

from dataclasses import replace

import numpy as np
import pytest

from emfm.core.field_errors import SampleErrors
from emfm.evaluate.agreement import Expectation, agreement, rank_correlation
from emfm.results.schema import TrustMetrics

ERRORS = SampleErrors(np.array([0.1, 0.4, 0.2, 0.3]), np.array([0.2, 0.8, 0.4, 0.6]))


def expectation(factor=1.0, distance=(0.5, 0.5, 0.5, 2.0)):
    """Expects the true errors over ``factor``, and says that they are at most twice that."""
    like = np.where(np.array(distance) > 1, np.nan, 1 / factor)
    e, h = like * ERRORS.rel_l2_e, like * ERRORS.rel_l2_h
    return Expectation(e, h, 2 * e, 2 * h, np.array(distance))


def test_a_model_that_knows_its_errors_up_to_a_factor_ranks_them_right():
    figures = agreement(expectation(factor=2.0), ERRORS)
    assert figures["rank_correlation_e"] == pytest.approx(1)
    assert figures["rank_correlation_h"] == pytest.approx(1)
    assert figures["true_over_expected_e"] == pytest.approx(2)
    assert figures["unlike_training"] == 0.25
    assert list(figures) == list(TrustMetrics.model_fields)


@pytest.mark.parametrize(("factor", "covered"), [(1.9, 1.0), (2.1, 0.0)])
def test_errors_up_to_the_bound_are_covered(factor, covered):
    figures = agreement(expectation(factor), ERRORS)
    assert (figures["coverage_e"], figures["coverage_h"]) == (covered, covered)


def test_only_samples_that_are_not_warned_of_count():
    said = expectation(distance=(0.5, 2.0, 0.5, 0.5))
    bound = np.array([0.1, np.nan, 0.19, 0.31])  # of errors of 0.1, 0.2 and 0.3
    figures = agreement(replace(said, bound_e=bound), ERRORS)
    assert figures["coverage_e"] == pytest.approx(2 / 3)
    assert figures["true_over_expected_e"] == pytest.approx(1)
    assert figures["unlike_training"] == 0.25


def test_a_model_without_a_bound_has_no_coverage():
    figures = agreement(replace(expectation(), bound_e=np.full(4, np.nan)), ERRORS)
    assert figures["coverage_e"] is None
    assert figures["coverage_h"] == 1
    assert figures["rank_correlation_e"] == pytest.approx(1)


def test_a_model_that_says_nothing_has_no_agreement():
    nothing = np.full(4, np.nan)
    assert agreement(Expectation(nothing, nothing, nothing, nothing, np.zeros(4)), ERRORS) is None


def test_a_model_that_warns_of_all_samples_is_known_and_names_no_error():
    figures = agreement(expectation(distance=(2.0, 2.0, 2.0, 2.0)), ERRORS)
    assert figures.pop("unlike_training") == 1
    assert set(figures.values()) == {None}


def test_two_samples_without_a_warning_are_too_few():
    figures = agreement(expectation(distance=(0.5, 0.5, 2.0, 2.0)), ERRORS)
    assert figures.pop("unlike_training") == 0.5  # a share needs no ranks
    assert set(figures.values()) == {None}


def test_the_reverse_order_correlates_with_minus_one_and_a_constant_with_nothing():
    values = np.array([3.0, 1.0, 2.0])
    assert rank_correlation(values, -np.exp(values)) == pytest.approx(-1)
    assert rank_correlation(values, np.ones(3)) == 0
    assert rank_correlation(np.array([1.0, 1.0, 2.0]), np.array([5.0, 5.0, 9.0])) == pytest.approx(1)
