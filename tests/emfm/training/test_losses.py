"""The weighted loss."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from emfm.compute_norm_stats.moments import compute_norm_stats
from emfm.core.errors import DataError
from emfm.model.field_model import NetworkFieldModel
from emfm.training.losses import RelativeL2, WeightedHuber, WeightedMse, automatic_weights
from emfm.training.params import FieldLossParams, HuberParams, RelativeParams
from small_training import LOSS
from ttt.engine.task import Batch

EH = (slice(0, 6), slice(6, 12))


class Samples:
    """Random samples, E some 377 times H."""

    fingerprint = "random"

    def __init__(self, count=24):
        generator = torch.Generator().manual_seed(0)
        self.x = torch.randn(count, 4, 3, 3, generator=generator)
        self.y = torch.randn(count, 12, 4, 5, generator=generator) + 1
        self.y[:, :6] *= 377

    def __len__(self):
        return len(self.x)

    def __getitems__(self, indices):
        return Batch(self.x[indices], self.y[indices])


class Paint(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(36, 240)

    def forward(self, x):
        return self.layer(x.flatten(1)).view(-1, 12, 4, 5)


def make_loss(kind=WeightedMse, section=FieldLossParams, **changes):
    torch.manual_seed(0)
    samples = Samples()
    stats = compute_norm_stats([(samples.x.numpy(), samples.y.numpy())], True, 1e-6)
    params = section(**(LOSS | changes))
    model = NetworkFieldModel(Paint(), stats)
    return kind(params, model, samples, 8), samples


def batch_of(samples, count=10):
    return samples.__getitems__(list(range(count)))


@given(st.floats(0, 10), st.floats(0.01, 10))
@settings(max_examples=20, deadline=None)
def test_balanced_it_is_the_weighted_mean_of_the_parts(e_weight, h_weight):
    loss, samples = make_loss(e_weight=e_weight, h_weight=h_weight)
    value, parts = loss(batch_of(samples))
    expected = (e_weight * parts["mse_e"] + h_weight * parts["mse_h"]) / (e_weight + h_weight)
    assert value.item() == pytest.approx(expected.item(), rel=1e-5)


def test_normalised_e_and_h_weigh_alike_and_raw_e_drowns_h():
    normalised, samples = make_loss()
    _, parts = normalised(batch_of(samples))
    assert 0.2 < parts["mse_e"] / parts["mse_h"] < 5
    raw, samples = make_loss(normalize_y=False, balance_eh_loss=False)
    _, parts = raw(batch_of(samples))
    assert parts["mse_e"] / parts["mse_h"] > 1e4


def test_raw_it_is_the_squared_error_in_physical_units():
    loss, samples = make_loss(normalize_y=False, balance_eh_loss=False)
    batch = batch_of(samples)
    expected = (loss.model(batch.x) - batch.y).square().mean()
    assert loss(batch)[0].item() == pytest.approx(expected.item(), rel=1e-5)


def test_a_larger_h_weight_pulls_the_gradient_towards_h():
    def share_of_h(h_weight):
        loss, samples = make_loss(h_weight=h_weight)
        value, _ = loss(batch_of(samples))
        value.backward()
        gradient = loss.model.network.layer.weight.grad.view(12, -1).square().sum(1)
        return (gradient[6:].sum() / gradient.sum()).item()

    assert share_of_h(1.0) < share_of_h(3.0) < share_of_h(30.0)


def test_automatic_weights_are_one_over_the_mean_square_times_the_multiplier():
    loss, samples = make_loss(
        normalize_y=False,
        balance_eh_loss=False,
        auto_channel_weight=True,
        auto_weight_max_batches=2,
        h_weight_multiplier=3.0,
    )
    expected = 1 / samples.y[:16].double().square().mean((0, 2, 3))
    expected[6:] *= 3
    torch.testing.assert_close(loss.channel_weights.double(), expected, rtol=1e-5, atol=0)
    batch = batch_of(samples)
    by_channel = (loss.model(batch.x) - batch.y).square().mean((0, 2, 3))
    assert loss(batch)[0].item() == pytest.approx((expected * by_channel).mean().item(), rel=1e-5)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"auto_channel_weight": True},
            "auto_channel_weight is the alternative to normalize_y and balance_eh_loss",
        ),
        ({"e_weight": 0.0, "h_weight": 0.0}, "e_weight and h_weight are both 0"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        FieldLossParams(**(LOSS | changes))


AUTOMATIC = {"normalize_y": False, "balance_eh_loss": False, "auto_channel_weight": True}


def made(change, **params):
    torch.manual_seed(0)
    samples = Samples()
    change(samples.y)
    stats = compute_norm_stats([(samples.x.numpy(), samples.y.numpy())], True, 1e-6)
    params = FieldLossParams(**(LOSS | AUTOMATIC | params))
    return WeightedMse(params, NetworkFieldModel(Paint(), stats), samples, 8), samples


@pytest.mark.parametrize("value", [0.0, 1e-12])
@pytest.mark.parametrize("channels", [[11], [2, 5, 8], [0, 1, 2, 3, 4]])
def test_a_channel_that_is_zero_has_the_weight_of_the_floor_of_the_statistics(value, channels):
    def nothing(y):
        y[:, channels] = value

    loss, samples = made(nothing, norm_eps=1e-3)
    square = samples.y.double().square().mean((0, 2, 3))
    expected = [1 / max(square[c], 1e-6 * square[c // 6 * 6 : c // 6 * 6 + 6].max()) for c in range(12)]
    torch.testing.assert_close(loss.channel_weights.double(), torch.stack(expected), rtol=1e-5, atol=0)
    value, _ = loss(batch_of(samples))
    assert value.isfinite()
    value.backward()
    assert all(weight.grad.isfinite().all() for weight in loss.parameters())


@pytest.mark.parametrize("size", [0.0, 1e-22])
def test_a_quantity_that_is_nothing_at_all_is_refused(size):
    samples = Samples()
    samples.y[:, 6:] *= size
    with pytest.raises(DataError, match="target H has channels of at most .* too little to weigh them by it"):
        automatic_weights(FieldLossParams(**(LOSS | AUTOMATIC)), samples, 8)


def huber(delta):
    return make_loss(WeightedHuber, HuberParams, delta=delta)


def test_a_huber_loss_is_the_squared_error_while_every_error_is_small():
    squared, samples = make_loss()
    robust, _ = huber(delta=1e3)
    batch = batch_of(samples)
    assert robust(batch)[0].item() == squared(batch)[0].item()
    assert {name: part.item() for name, part in robust(batch)[1].items()} == {
        name: part.item() for name, part in squared(batch)[1].items()
    }


def test_a_huber_loss_grows_with_a_large_error_and_not_with_its_square():
    loss, _ = huber(delta=0.1)
    one, ten = (loss.of_squares(torch.tensor([size**2])).item() for size in (1.0, 10.0))
    assert (one, ten) == pytest.approx((0.2 - 0.01, 2.0 - 0.01), rel=1e-6)


def test_a_huber_loss_and_its_slope_have_no_jump_at_delta():
    loss, _ = huber(delta=0.5)
    sizes = torch.tensor([0.4999, 0.5, 0.5001], requires_grad=True)
    values = torch.stack([loss.of_squares(size.square()[None]) for size in sizes])
    slopes = torch.autograd.grad(values.sum(), sizes)[0]
    assert values.tolist() == pytest.approx([0.25] * 3, abs=2e-4)
    assert slopes.tolist() == pytest.approx([1.0] * 3, abs=1e-3)


def test_the_gradient_is_finite_where_a_sample_has_no_error():
    loss, _ = huber(delta=0.5)
    squares = torch.zeros(3, requires_grad=True)
    loss.of_squares(squares).backward()
    assert squares.grad.isfinite().all()


@pytest.mark.parametrize("power", [1.0, 0.5])
def test_the_relative_loss_is_the_weighted_mean_of_the_relative_errors(power):
    loss, samples = make_loss(RelativeL2, RelativeParams, e_weight=1.0, h_weight=3.0, power=power)
    batch = batch_of(samples)
    error, true = loss.model(batch.x) - batch.y, batch.y
    ratios = [error[:, part].flatten(1).norm(dim=1) / true[:, part].flatten(1).norm(dim=1) for part in EH]
    of_e, of_h = (ratio.pow(power).mean() for ratio in ratios)
    assert loss(batch)[0].item() == pytest.approx((of_e + 3 * of_h).item() / 4, rel=1e-3)


def test_the_relative_loss_of_a_prediction_is_that_of_its_batch_to_the_bit():
    loss, samples = make_loss(RelativeL2, RelativeParams, e_weight=1.0, h_weight=3.0)
    batch = batch_of(samples)
    value, parts = loss.of_prediction(loss.model(batch.x), batch)
    whole, of_whole = loss(batch)
    assert value.item() == whole.item()
    assert {name: part.item() for name, part in parts.items()} == {n: part.item() for n, part in of_whole.items()}


def test_a_large_field_counts_as_much_as_a_small_one_in_the_relative_loss():
    loss, samples = make_loss(RelativeL2, RelativeParams)
    batch = batch_of(samples)
    loud = Batch(1e3 * batch.x, 1e3 * batch.y)
    assert loss(loud)[0].item() == pytest.approx(loss(batch)[0].item(), rel=1e-4)


def test_the_relative_loss_has_a_finite_slope_where_the_prediction_is_right():
    loss, samples = make_loss(RelativeL2, RelativeParams)
    x = batch_of(samples).x
    with torch.no_grad():
        right = Batch(x, loss.model(x))
    loss(right)[0].backward()
    assert all(parameter.grad.isfinite().all() for parameter in loss.model.parameters())


def test_the_relative_loss_has_no_weights_of_channels():
    with pytest.raises(DataError, match="of no use to relative_l2"):
        make_loss(RelativeL2, RelativeParams, **AUTOMATIC)
