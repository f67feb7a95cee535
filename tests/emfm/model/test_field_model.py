"""The normalising wrapper."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from emfm.compute_norm_stats.moments import compute_norm_stats
from emfm.core.norm_stats import source_scale
from emfm.model.field_model import NetworkFieldModel


def norm(scale_by_source, seed=0):
    generator = torch.Generator().manual_seed(seed)
    source_h = torch.randn(30, 4, 3, 3, generator=generator).numpy()
    target = torch.randn(30, 12, 4, 5, generator=generator).numpy() + 2
    target[:, :6] *= 377
    return compute_norm_stats([(source_h, target)], scale_by_source, 1e-6)


class Stretch(nn.Module):
    """A network whose output depends on all of its input."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(36, 240)

    def forward(self, x):
        return torch.tanh(self.layer(x.flatten(1))).view(-1, 12, 4, 5)


@pytest.mark.parametrize("scale_by_source", [True, False])
def test_denormalize_undoes_normalize(scale_by_source):
    torch.manual_seed(0)
    model = NetworkFieldModel(Stretch(), norm(scale_by_source)).double()
    target = torch.randn(5, 12, 4, 5, dtype=torch.float64)
    scale = model.scale(torch.randn(5, 4, 3, 3, dtype=torch.float64))
    torch.testing.assert_close(model.denormalize(model.normalize(target, scale), scale), target, atol=1e-9, rtol=1e-9)


def test_the_network_sees_and_makes_numbers_of_size_one():
    stats = norm(False)
    model = NetworkFieldModel(nn.Identity(), stats)
    generator = torch.Generator().manual_seed(0)
    target = torch.randn(400, 12, 4, 5, generator=generator) + 2
    target[:, :6] *= 377
    normalized = model.normalize(target, torch.ones(400, 1, 1, 1))
    assert normalized.mean((0, 2, 3)).abs().max() < 0.2
    assert (normalized.std((0, 2, 3)) - 1).abs().max() < 0.1


@given(st.floats(1e-6, 1e6))
@settings(max_examples=30, deadline=None)
def test_scaled_by_its_source_the_map_commutes_with_amplitude(factor):
    torch.manual_seed(0)
    model = NetworkFieldModel(Stretch(), norm(True))
    source_h = torch.randn(3, 4, 3, 3)
    with torch.no_grad():
        torch.testing.assert_close(model(factor * source_h), factor * model(source_h), rtol=1e-4, atol=1e-4 * factor)


def test_without_scaling_it_does_not():
    torch.manual_seed(0)
    model = NetworkFieldModel(Stretch(), norm(False))
    source_h = torch.randn(3, 4, 3, 3)
    assert not torch.allclose(model(10 * source_h), 10 * model(source_h), rtol=1e-2)


def test_the_scale_is_that_of_the_channel_statistics():
    source_h = torch.randn(6, 4, 3, 3)
    scale = NetworkFieldModel(Stretch(), norm(True)).scale(source_h)
    torch.testing.assert_close(scale.flatten().double(), torch.from_numpy(source_scale(source_h.numpy())))
