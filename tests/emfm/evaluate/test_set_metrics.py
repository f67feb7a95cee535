"""All figures of a set: as defined, and independent of the batches."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emfm.core.channels import to_components
from emfm.core.field_errors import FieldErrors
from emfm.core.grid import Geometry, Grid
from emfm.core.maxwell import in_plane_residual
from emfm.evaluate import bootstrap
from emfm.evaluate.decibels import decibel_errors
from emfm.evaluate.set_metrics import SetMetrics
from emfm.results.schema import Metrics
from small_store import GEOMETRY, SingleElements

TRUTH = np.stack([SingleElements(["f"] * 9).sample(row).target for row in range(9)]).astype(np.float64)
PREDICTION = TRUTH * (1 + 0.2 * np.random.default_rng(1).standard_normal(TRUTH.shape))


def figures_of(prediction, truth, sizes=None):
    collected = SetMetrics(GEOMETRY)
    cuts = np.cumsum(sizes)[:-1] if sizes else []
    for p, t in zip(np.split(prediction, cuts), np.split(truth, cuts), strict=True):
        collected.update(p, t)
    return collected


@settings(deadline=None, max_examples=20)
@given(cuts=st.lists(st.integers(1, 3), min_size=1, max_size=4))
def test_figures_do_not_depend_on_how_samples_are_batched(cuts):
    sizes = [*cuts, len(TRUTH) - sum(cuts)] if sum(cuts) < len(TRUTH) else [len(TRUTH)]
    whole, parts = figures_of(PREDICTION, TRUTH), figures_of(PREDICTION, TRUTH, sizes)
    assert parts.compute() == pytest.approx(whole.compute(), rel=1e-12, abs=0)
    assert parts.rmse_per_channel() == pytest.approx(whole.rmse_per_channel(), rel=1e-12, abs=0)


def test_figures_are_what_their_definitions_say():
    found = figures_of(PREDICTION, TRUTH).compute()
    assert list(found) == list(Metrics.model_fields)
    errors = FieldErrors()
    errors.update(PREDICTION, TRUTH)
    assert {name: found[name] for name in errors.compute()} == errors.compute()
    for quantity, part in (("e", slice(0, 6)), ("h", slice(6, 12))):
        median, p95 = np.median(decibel_errors(PREDICTION[:, part], TRUTH[:, part]), axis=0)
        assert (found[f"db_error_{quantity}"], found[f"db_error_{quantity}_p95"]) == (median, p95)
    for name, field in (("maxwell_residual", PREDICTION), ("maxwell_residual_truth", TRUTH)):
        residual = in_plane_residual(to_components(field), GEOMETRY.target, GEOMETRY.frequency)
        assert found[name] == pytest.approx(np.median(residual))


def test_the_interval_of_a_set_that_is_drawn_as_it_is_are_its_headline_metrics(monkeypatch):
    monkeypatch.setattr(bootstrap, "resampled", lambda families: [np.ones((2, len(families)), np.int64)])
    found = figures_of(PREDICTION, TRUTH, [4, 5])
    headline = Metrics.model_validate(found.compute()).headline()
    intervals = found.intervals(np.arange(len(TRUTH)))
    assert list(intervals) == list(headline)
    for name, (low, high) in intervals.items():
        assert low == high == pytest.approx(headline[name], rel=1e-12)


def test_noise_on_a_prediction_shows_in_the_residual_and_not_in_the_truth_s():
    clean, noisy = figures_of(TRUTH, TRUTH).compute(), figures_of(PREDICTION, TRUTH).compute()
    assert clean["maxwell_residual"] == clean["maxwell_residual_truth"] == noisy["maxwell_residual_truth"]
    assert noisy["maxwell_residual"] > 2 * clean["maxwell_residual"]
    assert clean["db_error_e"] == clean["db_error_h_p95"] == 0


def test_a_plane_without_an_interior_has_no_residual():
    narrow = Grid(0, 0, 1e-3, 1e-3, 2, 5, 5e-3)
    collected = SetMetrics(Geometry(5e9, GEOMETRY.source, narrow))
    collected.update(PREDICTION[..., :2], TRUTH[..., :2])
    found = collected.compute()
    assert (found["maxwell_residual"], found["maxwell_residual_truth"]) == (None, None)
    assert found["db_error_e"] > 0


def test_no_samples_have_no_figures():
    with pytest.raises(ValueError, match="no samples were given"):
        SetMetrics(GEOMETRY).compute()
