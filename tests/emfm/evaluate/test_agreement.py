"""How well a model foretells its own errors."""

import numpy as np
import pytest

from emfm.core.field_errors import SampleErrors
from emfm.evaluate.agreement import Expectation, agreement, rank_correlation
from emfm.results.schema import TrustMetrics

ERRORS = SampleErrors(np.array([0.1, 0.4, 0.2, 0.3]), np.array([0.2, 0.8, 0.4, 0.6]))


def expectation(factor=1.0, distance=(0.5, 0.5, 0.5, 2.0)):
    return Expectation(ERRORS.rel_l2_e / factor, ERRORS.rel_l2_h / factor, np.array(distance))


def test_a_model_that_knows_its_errors_up_to_a_factor_ranks_them_right():
    figures = agreement(expectation(factor=2.0), ERRORS)
    assert figures["rank_correlation_e"] == pytest.approx(1)
    assert figures["rank_correlation_h"] == pytest.approx(1)
    assert figures["true_over_expected_e"] == pytest.approx(2)
    assert figures["unlike_training"] == 0.25
    assert list(figures) == list(TrustMetrics.model_fields)


def test_a_model_that_says_nothing_has_no_agreement():
    silent = Expectation(np.full(4, np.nan), np.full(4, np.nan), np.zeros(4))
    assert agreement(silent, ERRORS) is None
    assert silent.unlike_training() is None


def test_two_samples_are_too_few():
    few = SampleErrors(ERRORS.rel_l2_e[:2], ERRORS.rel_l2_h[:2])
    expected = Expectation(few.rel_l2_e, few.rel_l2_h, np.array([0.0, 3.0]))
    assert agreement(expected, few) is None
    assert expected.unlike_training() == 0.5  # a share needs no ranks


def test_the_reverse_order_correlates_with_minus_one_and_a_constant_with_nothing():
    values = np.array([3.0, 1.0, 2.0])
    assert rank_correlation(values, -np.exp(values)) == pytest.approx(-1)
    assert rank_correlation(values, np.ones(3)) == 0
    assert rank_correlation(np.array([1.0, 1.0, 2.0]), np.array([5.0, 5.0, 9.0])) == pytest.approx(1)
