"""The figures: independent of batches, as defined, and never of unusable samples."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from emfm.core.channels import TARGET_CHANNELS
from emfm.core.errors import DataError
from emfm.core.field_errors import FieldErrors
from emfm.results.schema import Metrics

GRID = (3, 4)


def fields(samples, seed=0):
    """Truth with E some 377 times H and strong and weak samples, and a prediction that is not far from it."""
    rng = np.random.default_rng(seed)
    truth = rng.standard_normal((samples, 12, *GRID)) * rng.lognormal(0, 2, (samples, 1, 1, 1))
    truth[:, :6] *= 377.0
    return truth * (1 + 0.3 * rng.standard_normal(truth.shape)), truth


def errors_of(prediction, truth, sizes=None):
    errors = FieldErrors()
    cuts = np.cumsum(sizes)[:-1] if sizes else []
    for p, t in zip(np.split(prediction, cuts), np.split(truth, cuts), strict=True):
        errors.update(p, t)
    return errors


@settings(deadline=None, max_examples=50)
@given(sizes=st.lists(st.integers(1, 6), min_size=1, max_size=6), seed=st.integers(0, 2**32 - 1))
def test_figures_do_not_depend_on_how_samples_are_batched(sizes, seed):
    prediction, truth = fields(sum(sizes), seed)
    whole, parts = errors_of(prediction, truth), errors_of(prediction, truth, sizes)
    assert parts.compute() == pytest.approx(whole.compute(), rel=1e-12, abs=0)
    assert parts.rmse_per_channel() == pytest.approx(whole.rmse_per_channel(), rel=1e-12, abs=0)
    np.testing.assert_allclose(parts.per_sample().rel_l2_h, whole.per_sample().rel_l2_h, rtol=1e-12)


def test_figures_are_what_their_definitions_say():
    prediction, truth = fields(7)
    difference = prediction - truth
    rmse = np.sqrt((difference**2).mean((0, 2, 3)))
    rel_e, rel_h = (
        np.array([np.linalg.norm(d[part]) / np.linalg.norm(t[part]) for d, t in zip(difference, truth, strict=True)])
        for part in (slice(0, 6), slice(6, 12))
    )
    errors = errors_of(prediction, truth)
    assert errors.compute() == pytest.approx(
        {
            "val_mse": (difference**2).mean(),
            "rmse_e_mean": rmse[:6].mean(),
            "rmse_h_mean": rmse[6:].mean(),
            "rel_l2_e": np.median(rel_e),
            "rel_l2_h": np.median(rel_h),
            "rel_l2_e_p95": np.percentile(rel_e, 95),
            "rel_l2_h_p95": np.percentile(rel_h, 95),
        },
        rel=1e-12,
    )
    assert errors.rmse_per_channel() == pytest.approx(dict(zip(TARGET_CHANNELS, rmse, strict=True)), rel=1e-12)
    np.testing.assert_allclose(errors.per_sample().rel_l2_e, rel_e, rtol=1e-12)
    assert list(errors.compute()) == [name for name in Metrics.model_fields if name.startswith(("val", "rmse", "rel"))]


def test_mean_squares_are_those_of_each_sample_and_channel():
    prediction, truth = fields(7)
    found = errors_of(prediction, truth, [3, 4]).mean_squares()
    np.testing.assert_allclose(found, ((prediction - truth) ** 2).mean((2, 3)), rtol=1e-12)


def test_an_error_of_one_channel_shows_in_its_own_figures_alone():
    _, truth = fields(5)
    prediction = truth.copy()
    prediction[:, TARGET_CHANNELS.index("Hx_im")] += 0.25
    errors = errors_of(prediction, truth)
    by_channel = errors.rmse_per_channel()
    assert by_channel.pop("Hx_im") == pytest.approx(0.25)
    assert set(by_channel.values()) == {0.0}
    figures = errors.compute()
    assert figures["rel_l2_e"] == figures["rmse_e_mean"] == 0.0
    assert figures["rmse_h_mean"] == pytest.approx(0.25 / 6)
    assert figures["rel_l2_h"] > 0


def test_tensors_of_any_precision_and_layout_give_the_figures_of_the_same_numbers():
    prediction, truth = (torch.from_numpy(array).float() for array in fields(4))
    errors = FieldErrors()
    errors.update(prediction.clone().requires_grad_().to(memory_format=torch.channels_last), truth)
    expected = errors_of(prediction.numpy().astype(np.float64), truth.numpy().astype(np.float64))
    assert errors.compute() == expected.compute()


@pytest.mark.parametrize(("quantity", "part"), [("E", slice(0, 6)), ("H", slice(6, 12))])
def test_a_sample_without_a_true_field_is_refused_by_its_number_in_the_set(quantity, part):
    prediction, truth = fields(5)
    truth[4, part] = 0
    errors = errors_of(prediction[:3], truth[:3])
    with pytest.raises(DataError, match=f"sample 5 of the set: its true {quantity} is zero.*remove the sample"):
        errors.update(prediction[3:], truth[3:])


def test_a_refused_batch_leaves_the_figures_as_they_were():
    prediction, truth = fields(4)
    errors = errors_of(prediction, truth)
    before = errors.compute()
    bad = truth.copy()
    bad[2, 6:] = 0
    with pytest.raises(DataError, match="true H is zero"):
        errors.update(prediction, bad)
    assert errors.compute() == before


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize(
    ("which", "sentence"),
    [(0, "its prediction holds NaN or Inf; train"), (1, "its truth holds NaN or Inf; mend")],
)
def test_numbers_that_are_not_finite_are_refused(which, sentence, value):
    pair = fields(3)
    pair[which][1, 7, 0, 0] = value
    with pytest.raises(DataError, match=f"sample 2 of the set: {sentence}"):
        FieldErrors().update(*pair)


def test_fields_on_other_grids_are_refused():
    prediction, truth = fields(3)
    errors = errors_of(prediction, truth)
    with pytest.raises(ValueError, match=r"prediction has the shape .*4, 3\), but truth .*3, 4\); give both on one"):
        errors.update(prediction.swapaxes(2, 3), truth)
    with pytest.raises(ValueError, match="earlier samples of"):
        errors.update(prediction.swapaxes(2, 3), truth.swapaxes(2, 3))
    with pytest.raises(ValueError, match=r"truth must have the shape \(n, 12, ny, nx\), found \(3, 6, 3, 4\)"):
        errors.update(prediction, truth[:, :6])


def test_no_samples_have_no_figures():
    errors = FieldErrors()
    for read in (errors.compute, errors.rmse_per_channel, errors.per_sample):
        with pytest.raises(ValueError, match="no samples were given"):
            read()
