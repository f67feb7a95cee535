"""Complex linear least squares with a ridge."""

import numpy as np
import pytest

from emfm.core.ridge import RidgeSums


def gaussian(rng, *shape):
    return rng.standard_normal(shape) + 1j * rng.standard_normal(shape)


def fitted(x, y, ridge=None, batch=None):
    sums = RidgeSums(x.shape[1], y.shape[1])
    for start in range(0, len(x), batch or len(x)):
        chosen = slice(start, start + (batch or len(x)))
        sums.add(x[chosen], y[chosen])
    return sums.solve(ridge)


def error(found, truth):
    return np.linalg.norm(found - truth) / np.linalg.norm(truth)


def test_as_the_ridge_vanishes_it_is_least_squares():
    rng = np.random.default_rng(0)
    x, y = gaussian(rng, 40, 7), gaussian(rng, 40, 5)
    expected = np.linalg.lstsq(x, y)[0]
    errors = [error(fitted(x, y, ridge), expected) for ridge in (1e-2, 1e-5, 1e-12)]
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 1e-10


def test_it_minimises_the_sum_of_squares_plus_the_ridge():
    rng = np.random.default_rng(1)
    x, y, ridge = gaussian(rng, 6, 9), gaussian(rng, 6, 4), 0.3
    damping = ridge * np.trace(x.conj().T @ x).real / 9
    expected = np.linalg.solve(x.conj().T @ x + damping * np.eye(9), x.conj().T @ y)
    np.testing.assert_allclose(fitted(x, y, ridge), expected, rtol=1e-10, atol=1e-12)


def test_the_ridge_means_the_same_for_inputs_of_any_size():
    rng = np.random.default_rng(2)
    x, y = gaussian(rng, 20, 6), gaussian(rng, 20, 3)
    np.testing.assert_allclose(fitted(1e-5 * x, y, 0.1) * 1e-5, fitted(x, y, 0.1), rtol=1e-10)


@pytest.mark.parametrize("ridge", [None, 1e-3])
def test_batches_of_any_size_give_the_same_map(ridge):
    rng = np.random.default_rng(3)
    x, y = gaussian(rng, 50, 8), gaussian(rng, 50, 4)
    whole = fitted(x, y, ridge)
    for batch in (1, 7, 49):
        np.testing.assert_allclose(fitted(x, y, ridge, batch), whole, rtol=1e-10, atol=1e-12)


def test_single_precision_is_summed_in_double():
    rng = np.random.default_rng(4)
    x, truth = gaussian(rng, 3000, 4).astype(np.complex64), gaussian(rng, 4, 3)
    assert error(fitted(x, x.astype(np.complex128) @ truth, 1e-14, 10), truth) < 1e-12


def test_cross_validation_leaves_exact_data_alone():
    rng = np.random.default_rng(5)
    x, truth = gaussian(rng, 60, 10), gaussian(rng, 10, 8)
    assert error(fitted(x, x @ truth), truth) < 1e-6


def test_cross_validation_damps_what_noise_would_spoil():
    rng = np.random.default_rng(6)
    decay = 10.0 ** -np.linspace(0, 4, 30)
    x, unseen = gaussian(rng, 40, 30) * decay, gaussian(rng, 500, 30) * decay
    truth = gaussian(rng, 30, 20)
    y = x @ truth + 0.1 * gaussian(rng, 40, 20)
    errors = {ridge: error(unseen @ fitted(x, y, ridge), unseen @ truth) for ridge in (1e-14, 1e-5, 1e-3, 1e-1, None)}
    assert errors[None] < 0.5 * errors[1e-14]
    assert errors[None] < 1.2 * min(errors.values())


@pytest.mark.parametrize("ridge", [0.0, -1.0, float("nan")])
def test_a_ridge_that_is_not_above_zero_is_refused(ridge):
    rng = np.random.default_rng(7)
    with pytest.raises(ValueError, match=f"a ridge must be above 0, found {ridge}"):
        fitted(gaussian(rng, 5, 2), gaussian(rng, 5, 2), ridge)


@pytest.mark.parametrize("count", [0, 4])
def test_nothing_to_fit_to_is_refused(count):
    sums = RidgeSums(3, 2)
    sums.add(np.zeros((count, 3), complex), np.ones((count, 2), complex))
    with pytest.raises(ValueError, match="there are no samples, or none with an input that is not zero"):
        sums.solve()
