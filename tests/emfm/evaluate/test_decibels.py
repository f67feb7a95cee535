"""Errors of strength in dB."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emfm.evaluate.decibels import decibel_errors


def fields(samples=4, seed=0, grid=(6, 7)):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((samples, 6, *grid)) * rng.lognormal(0, 2, (samples, 1, 1, 1))


@pytest.mark.parametrize(("factor", "decibels"), [(2.0, 6.0206), (0.5, 6.0206), (10.0, 20.0), (1.0, 0.0)])
def test_a_field_that_is_so_many_times_as_strong_is_wrong_by_its_decibels_everywhere(factor, decibels):
    truth = fields()
    np.testing.assert_allclose(decibel_errors(factor * truth, truth), decibels, atol=1e-4)


def test_the_phase_and_the_direction_of_the_vector_do_not_count():
    truth = fields()
    np.testing.assert_allclose(decibel_errors(-truth[:, ::-1], truth), 0, atol=1e-9)


def test_points_below_30_db_of_the_strongest_do_not_count():
    truth = np.zeros((1, 6, 1, 4))
    truth[0, 0] = [1.0, 10 ** (-29 / 20), 10 ** (-31 / 20), 0.0]
    prediction = truth.copy()
    prediction[0, 0, 0, 2:] = 5.0
    np.testing.assert_allclose(decibel_errors(prediction, truth), 0, atol=1e-12)
    prediction[0, 0, 0, 1] *= 10
    np.testing.assert_allclose(decibel_errors(prediction, truth), [[10, 19]])


def test_a_prediction_of_nothing_is_wrong_by_no_more_than_120_db():
    truth = fields()
    found = decibel_errors(np.zeros_like(truth), truth)
    assert (found[:, 1] <= 120).all()
    assert (found >= 90).all()


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**32 - 1), cut=st.integers(1, 4))
def test_a_sample_s_error_depends_on_neither_its_batch_nor_its_scale(seed, cut):
    truth = fields(5, seed)
    prediction = truth + 0.3 * fields(5, seed + 1)
    whole = decibel_errors(prediction, truth)
    parts = [decibel_errors(1e-5 * prediction[rows], 1e-5 * truth[rows]) for rows in (slice(cut), slice(cut, None))]
    np.testing.assert_allclose(np.concatenate(parts), whole, rtol=1e-9, atol=1e-9)
