"""`pod_net`: a prior, a linear correction and a network, on modes."""

import numpy as np
import pytest
import torch

import small_training
from emfm.core.channels import to_components
from emfm.core.maxwell import in_plane_residual
from emfm.model.complex_rows import complex_rows
from emfm.model.field_model import channel_errors
from emfm.model.spec import FieldSpec
from emfm.model.symmetries import symmetries
from emfm.models.pod_net.network import PodNet
from emfm.training.losses import WeightedMse
from emfm.training.params import FieldLossParams
from small_fields import pod_net_params, relative_errors, small_samples, small_spec_of, times
from ttt.engine.task import Batch
from ttt.memo import Memo

LOSS = small_training.LOSS | {"h_weight": 3.0, "h_weight_multiplier": 2.0}
RAW = {"normalize_y": False, "balance_eh_loss": False}
FACTORS = [2.5e-3 + 0j, 3j, complex(-0.4, 0.7)]


def train_and_val(kind):
    return small_samples(kind, 300), small_samples(kind, 40, seed=1)


def built(kind="elements", memo=None, **changes):
    """A prepared model, whose network still adds nothing."""
    torch.manual_seed(0)
    train, _ = train_and_val(kind)
    model = PodNet(pod_net_params(**changes), small_spec_of(train))
    model.prepare(train, memo or Memo())
    return model.eval()


@pytest.fixture(scope="module")
def prepared():
    return built()


@pytest.fixture(scope="module")
def stirred():
    """With a network that changes the field by some percent."""
    model = built()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.network.parameters():
            parameter.copy_(0.05 * torch.randn(parameter.shape, generator=generator))
    return model


def median_error(model, samples):
    with torch.no_grad():
        return float(relative_errors(model(samples.x), samples.y).median(0).values.max())


def test_before_it_was_prepared_it_predicts_no_field():
    train, val = train_and_val("elements")
    with torch.no_grad():
        field = PodNet(pod_net_params(), small_spec_of(train))(val.x)
    assert field.shape == val.y.shape
    assert not field.any()


@pytest.mark.parametrize("changes", [{}, {"prior": "none"}])
def test_preparing_twice_gives_the_same_bits(changes):
    one, again = (built(**changes).state_dict() for _ in range(2))
    torch.testing.assert_close(one, again, rtol=0, atol=0, equal_nan=True)  # trust is NaN before it is calibrated


def test_fields_of_few_elements_are_predicted_by_physics_alone(prepared):
    _, val = train_and_val("elements")
    assert median_error(prepared, val) < 0.2
    assert median_error(built(prior="none"), val) > 2 * median_error(prepared, val)


def test_encoded_scans_give_the_same_prediction(stirred):
    _, val = train_and_val("elements")
    with torch.no_grad():
        torch.testing.assert_close(stirred(stirred.encode(val.x)), stirred(val.x), rtol=0, atol=0)


def test_encoded_samples_are_the_samples_encoded(stirred):
    _, val = train_and_val("elements")
    encoded, plain = (stirred.encoded(val, Memo(), with_targets=targets) for targets in (True, False))
    chosen = [7, 0, 39]
    assert len(encoded) == len(val)
    assert encoded.fingerprint == val.fingerprint
    rows = encoded.__getitems__(chosen)
    torch.testing.assert_close(rows.x, stirred.encode(val.x)[chosen], rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(plain.__getitems__(chosen).x, rows.x, rtol=0, atol=0)
    assert plain.__getitems__(chosen).y.equal(val.y[chosen])
    torch.testing.assert_close(
        torch.view_as_complex(rows.y.unflatten(1, (-1, 2))),
        stirred.target_coefficients(val.y, stirred.encode(val.x))[chosen],
        rtol=1e-4,
        atol=1e-4,
    )


@pytest.mark.parametrize(
    "changes",
    [{}, {"balance_eh_loss": False}, RAW, RAW | {"auto_channel_weight": True}],
    ids=["normalised and balanced", "normalised", "physical units", "automatic weights"],
)
def test_the_loss_of_encoded_samples_is_that_of_the_fields(stirred, changes):
    train, val = train_and_val("elements")
    params = FieldLossParams(**(LOSS | changes))
    loss = WeightedMse(params, stirred, train, 50)
    encoded = stirred.encoded(val, Memo(), with_targets=True).__getitems__(list(range(len(val))))
    with torch.no_grad():
        value, parts = loss(encoded)
        scale = stirred.scale(val.x)
        among_modes = stirred.modes.expand(stirred.modes.project(val.y / scale)) * scale
        for target, tolerance in ((among_modes, 1e-3), (val.y, 0.25)):
            error = stirred(val.x) - target
            if params.normalize_y:
                error = error / scale / stirred.target_std
            mse_e, mse_h = (float(part.mean()) for part in channel_errors(error, loss.channel_weights))
            e_weight, h_weight = (1.0, 3.0) if params.balance_eh_loss else (1.0, 1.0)
            assert float(parts["mse_e"]) == pytest.approx(mse_e, rel=tolerance)
            assert float(parts["mse_h"]) == pytest.approx(mse_h, rel=tolerance)
            expected = (e_weight * mse_e + h_weight * mse_h) / (e_weight + h_weight)
            assert float(value) == pytest.approx(expected, rel=tolerance)


def test_plain_samples_have_the_loss_of_encoded_ones(stirred):
    train, val = train_and_val("elements")
    loss = WeightedMse(FieldLossParams(**LOSS), stirred, train, 50)
    encoded = stirred.encoded(val, Memo(), with_targets=True).__getitems__(list(range(len(val))))
    with torch.no_grad():
        for batch in (val.all(), Batch(encoded.x, val.y), Batch(val.x, encoded.y)):
            assert float(loss(batch)[0]) == pytest.approx(float(loss(encoded)[0]), rel=1e-4)


def test_two_losses_of_one_model_do_not_disturb_each_other(stirred):
    train, val = train_and_val("elements")
    losses = [WeightedMse(FieldLossParams(**(LOSS | changes)), stirred, train, 50) for changes in ({}, RAW)]
    with torch.no_grad():
        alone, other, again = (float(losses[number](val.all())[0]) for number in (0, 1, 0))
    assert again == alone != other


def test_the_gradient_of_the_loss_reaches_every_weight_of_the_network(stirred):
    train, _ = train_and_val("elements")
    loss = WeightedMse(FieldLossParams(**LOSS), stirred, train, 50)
    value, _ = loss(stirred.encoded(train, Memo(), with_targets=True).__getitems__(list(range(32))))
    gradients = torch.autograd.grad(value, list(stirred.network.parameters()))
    assert all(bool(gradient.any()) for gradient in gradients)


@pytest.mark.parametrize("symmetry", symmetries(small_spec_of(small_samples("elements", 2)).geometry()), ids=str)
def test_what_the_network_adds_to_an_image_is_the_image_of_what_it_adds(stirred, prepared, symmetry):
    _, val = train_and_val("elements")
    geometry = small_spec_of(val).geometry()
    scans = symmetry.of_scans(complex_rows(val.x), geometry.source)
    images = torch.view_as_real(scans.unflatten(1, (-1, *geometry.source.shape))).movedim(-1, 2).flatten(1, 2)
    with torch.no_grad():
        added, added_to_image = (complex_rows(stirred(x) - prepared(x)) for x in (val.x, images))
    expected = symmetry.of_fields(added, geometry.target)
    assert (added_to_image - expected).norm() < 0.2 * expected.norm()


def test_a_training_step_sees_an_image_of_its_own(stirred):
    _, val = train_and_val("elements")
    stirred.train()
    try:
        with torch.no_grad():
            seen = [stirred(val.x) for _ in range(6)]
    finally:
        stirred.eval()
    assert any(not torch.equal(seen[0], other) for other in seen[1:])


@pytest.mark.parametrize("factor", FACTORS)
def test_a_complex_factor_on_the_scan_is_one_on_the_field(stirred, factor):
    _, val = train_and_val("elements")
    with torch.no_grad():
        field, found = stirred(val.x), stirred(times(factor, val.x))
    errors = relative_errors(found, times(factor, field))
    assert errors.median() < 1e-3
    assert errors.max() < 0.1  # rounding is amplified where nearly nothing is unsettled


def test_without_scaling_by_the_source_fields_are_finite_too():
    train, val = train_and_val("elements")
    model = PodNet(pod_net_params(), small_spec_of(train, scale_by_source=False))
    with torch.no_grad():
        assert model.scale(val.x).unique().tolist() == [1.0]
        model.prepare(train, Memo())
        assert torch.isfinite(model(val.x)).all()


def test_predictions_satisfy_maxwells_equations_in_the_plane_as_well_as_the_truth(stirred):
    _, val = train_and_val("elements")
    geometry = small_spec_of(val).geometry()

    def residual(field):
        return in_plane_residual(to_components(field.double().numpy()), geometry.target, geometry.frequency)

    with torch.no_grad():
        assert np.median(residual(stirred(val.x))) < 2 * np.median(residual(val.y))


@pytest.mark.parametrize("prior", ["sparse_sources", "none"])
def test_a_linear_map_is_learned_by_the_linear_correction(prior):
    _, val = train_and_val("aperture")
    model = built("aperture", prior=prior, modes=60)
    among_modes = model.modes.expand(model.modes.project(val.y))
    smallest = float(relative_errors(among_modes, val.y).median(0).values.max())
    corrected = median_error(model, val)
    model.linear.zero_()
    assert corrected < 1.1 * smallest
    assert median_error(model, val) > 5 * corrected


def test_where_a_linear_correction_does_not_help_there_is_none():
    train, _ = train_and_val("elements")
    model = PodNet(pod_net_params(), small_spec_of(train))
    few = type(train)(train.x[:30], train.y[:30])
    model.prepare(few, Memo())
    assert not model.linear.any()


def test_fields_of_few_elements_stay_those_of_the_search(prepared):
    """Equivalent dipoles are far from them, and no linear map is worth half of the error."""
    _, val = train_and_val("elements")
    assert not prepared.linear.any()
    with torch.no_grad():
        encoded = prepared.encode(val.x)
        found = prepared._parts(encoded)[2]
        prior = torch.complex(found[:, 0::2], found[:, 1::2])
        scan = complex_rows(val.x) / encoded[:, :1]
        _, errors = prepared.blend.compared(scan, prior, prepared.target_coefficients(val.y, encoded))
    blended = median_error(prepared, val)
    assert errors[:, 0].median() < 0.5 * errors[:, 1:].median()
    assert blended < 1.2 * float(errors[:, 0].median())


def test_preparing_again_keeps_the_modes_and_learns_from_the_new_samples():
    model = built("elements", modes=60)
    modes = model.modes.modes.clone()
    train, val = train_and_val("aperture")
    before = median_error(model, val)
    model.prepare(train, Memo())
    assert model.modes.modes.equal(modes)
    assert median_error(model, val) < 0.2 * before


def test_a_remembered_encoding_gives_the_same_model(tmp_path):
    first = built(memo=Memo(tmp_path))
    files = {path: path.read_bytes() for path in tmp_path.iterdir()}

    def never():
        raise AssertionError("computed again")

    again = built(memo=Memo(tmp_path, never))
    assert files
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == files
    one, other = first.state_dict(), again.state_dict()
    torch.testing.assert_close(one, other, rtol=0, atol=0, equal_nan=True)  # trust is NaN before it is calibrated


def test_another_region_of_sources_is_another_encoding(tmp_path):
    built(memo=Memo(tmp_path))
    count = len(list(tmp_path.iterdir()))
    built(memo=Memo(tmp_path), sources=pod_net_params().sources.model_copy(update={"iterations": 3}))
    assert len(list(tmp_path.iterdir())) == 2 * count


def test_calibrated_it_expects_the_errors_that_it_has(prepared):
    train, val = train_and_val("elements")
    model = built()
    model.calibrate(train, val, 16)
    unseen = small_samples("elements", 60, seed=2)
    with torch.no_grad():
        expected, _, distance = model.trust(model.descriptors(unseen.x))
        errors = relative_errors(model(unseen.x), unseen.y)
    like = distance <= 1
    assert float(like.float().mean()) > 0.8
    expected, errors = expected[like], errors[like]
    ratio = (expected / errors).log()
    assert float(ratio.median().abs()) < 0.5
    together = torch.corrcoef(torch.stack([expected[:, 0].log(), errors[:, 0].float().log()]))[0, 1]
    assert float(together) > 0.5


def test_calibration_by_encoded_samples_is_that_by_plain_ones():
    train, val = train_and_val("elements")
    plain, encoded = built(), built()
    plain.calibrate(train, val, 16)
    encoded.calibrate(encoded.encoded(train, Memo(), True), encoded.encoded(val, Memo(), False), 32)
    torch.testing.assert_close(encoded.trust.coefficients, plain.trust.coefficients, rtol=0, atol=0.06)


def test_noise_and_a_lone_point_have_finite_fields(stirred):
    scans = torch.randn(9, 4, 5, 5, generator=torch.Generator().manual_seed(0))
    scans[0] = 0
    scans[0, 2, 3, 1] = 1e-6
    with torch.no_grad():
        assert torch.isfinite(stirred(scans)).all()
        assert torch.isfinite(stirred.descriptors(scans)).all()


def test_weights_fit_a_model_that_was_never_prepared(stirred):
    train, val = train_and_val("elements")
    other = PodNet(pod_net_params(), FieldSpec(**small_spec_of(train).model_dump())).eval()
    other.load_state_dict(stirred.state_dict())
    with torch.no_grad():
        torch.testing.assert_close(other(val.x), stirred(val.x), rtol=0, atol=0)
