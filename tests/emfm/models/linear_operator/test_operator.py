"""`linear_operator`: exact where the map from scan to field is linear."""

import numpy as np
import pytest
import torch

from emfm.acquire.aperture import aperture_operator
from emfm.core.channels import to_channels, to_components
from emfm.models.linear_operator.operator import LinearOperator, LinearOperatorParams
from small_fields import FieldsInMemory, relative_errors, simulated, small_geometry, small_samples, small_spec_of, times
from ttt.memo import Memo

DEFAULT_PLANES = {
    "source_plane": {"z_mm": 1.0, "x_mm": [-5.0, 5.0], "y_mm": [-5.0, 5.0], "pitch_mm": 1.0},
    "target_plane": {"z_mm": 5.0, "x_mm": [-25.0, 25.0], "y_mm": [-25.0, 25.0], "pitch_mm": 1.0},
}


def fitted(samples, ridge=None, **changes):
    params = LinearOperatorParams(name="linear_operator", ridge=ridge)
    model = LinearOperator(params, small_spec_of(samples, **changes)).eval()
    model.prepare(samples, Memo())
    return model


def worst_median(model, samples):
    return float(relative_errors(model(samples.x), samples.y).median(0).values.max())


def test_the_field_of_an_equivalent_current_is_predicted_exactly():
    model = fitted(small_samples("aperture", 300))
    assert worst_median(model, small_samples("aperture", 40, seed=1)) < 1e-3


@pytest.mark.slow
def test_on_the_default_planes_1000_samples_are_enough():
    geometry = small_geometry(**DEFAULT_PLANES)
    few_points = small_geometry(**(DEFAULT_PLANES | {"target_plane": {"z_mm": 5, "x_mm": [0, 1], "y_mm": [0, 1],
                                                                      "pitch_mm": 1}}))  # fmt: skip
    operator = aperture_operator(geometry.source, geometry.target, geometry.frequency).astype(np.complex64)

    def aperture(count, seed):
        scans = simulated("elements", count, few_points, seed).x.numpy()
        return FieldsInMemory(scans, to_channels(np.tensordot(to_components(scans), operator, ((1, 2, 3), (3, 4, 5)))))

    model = fitted(aperture(1000, 0), **DEFAULT_PLANES)
    assert worst_median(model, aperture(100, 1)) < 1e-3


def test_the_field_of_scenes_themselves_is_no_linear_map_of_few_points():
    model = fitted(small_samples("elements", 300))
    assert worst_median(model, small_samples("elements", 40, seed=1)) > 0.1


@pytest.mark.parametrize("factor", [1e-6 + 0j, 2 - 3j])
def test_a_complex_factor_on_the_scan_is_one_on_the_field(factor):
    val = small_samples("aperture", 40, seed=1)
    model = fitted(small_samples("aperture", 300))
    assert relative_errors(model(times(factor, val.x)), times(factor, model(val.x))).max() < 1e-4


def test_strong_samples_do_not_count_more_than_weak_ones():
    samples = small_samples("elements", 60)
    strengths = torch.logspace(-2, 2, 60)[:, None, None, None]
    strong = FieldsInMemory(samples.x * strengths, samples.y * strengths)
    torch.testing.assert_close(fitted(strong, 0.01).matrix, fitted(samples, 0.01).matrix, rtol=1e-3, atol=1e-2)


def test_it_has_nothing_to_train_and_nothing_to_say_before_it_is_fitted():
    samples = small_samples("aperture", 40, seed=1)
    model = LinearOperator(LinearOperatorParams(name="linear_operator", ridge=None), small_spec_of(samples))
    assert not list(model.parameters())
    assert not model(samples.x).any()
    assert model.trust(model.descriptors(samples.x))[0].isnan().all()


def test_its_bound_holds_for_90_percent_of_unseen_scenes():
    """Over a few calibrations: a single one covers some 2 % more or less, as samples of a family are alike."""
    train, unseen, *vals = (small_samples("elements", 600 + 400 * (seed > 0), seed) for seed in range(6))
    model = fitted(train)
    shares = []
    for val in vals:
        model.calibrate(train, val, 64)
        with torch.no_grad():
            prediction, expected, bound, distance = model.predict_with_trust(unseen.x)
        like = distance <= 1
        assert float(like.float().mean()) > 0.97  # each sign of a wrong scan, as the distance, may be wrong in 0.5 %
        errors = relative_errors(prediction, unseen.y)[like]
        shares.append(torch.cat([(errors <= most[like]).float().mean(0) for most in (expected, bound)]))
    torch.testing.assert_close(torch.stack(shares).mean(0), torch.tensor([0.5, 0.5, 0.9, 0.9]), rtol=0, atol=0.04)


@pytest.mark.parametrize("ridge", [0.0, -1.0])
def test_a_ridge_that_is_not_above_zero_is_refused_in_the_configuration(ridge):
    with pytest.raises(ValueError, match="greater than 0"):
        LinearOperatorParams(name="linear_operator", ridge=ridge)
