"""Placing the scan, and the U-Net on it."""

import numpy as np
import pytest
import torch

from emfm.core.grid import Geometry, Grid
from emfm.model.placement import ScanPlacement
from emfm.models.forward_unet_lite.network import ForwardUNetLite, UNetParams

DEFAULT = Geometry(5e9, Grid(-5e-3, -5e-3, 1e-3, 1e-3, 11, 11, 1e-3), Grid(-25e-3, -25e-3, 1e-3, 1e-3, 51, 51, 5e-3))
OBLONG = Geometry(5e9, Grid(-2e-3, -1e-3, 1e-3, 1e-3, 5, 3, 1e-3), Grid(-6e-3, -9e-3, 1e-3, 1.5e-3, 14, 13, 5e-3))


def test_each_scan_value_lands_unchanged_on_its_own_point():
    scan = torch.randn(2, 4, 11, 11, generator=torch.Generator().manual_seed(0))
    placed = ScanPlacement(DEFAULT)(scan)
    assert torch.equal(placed[..., 20:31, 20:31], scan)
    assert placed.abs().sum() == scan.abs().sum()


def test_the_inside_of_the_scan_is_marked():
    inside = ScanPlacement(DEFAULT).inside()[0, 0]
    assert inside.sum() == 121
    assert bool((inside[20:31, 20:31] == 1).all())


def test_between_scan_points_a_plane_is_interpolated_exactly():
    source, target = OBLONG.source, OBLONG.target
    plane = 3.0 * source.x[None, :] - 2.0 * source.y[:, None] + 1.0
    placed = ScanPlacement(OBLONG)(torch.from_numpy(plane).float()[None, None])[0, 0].numpy()
    inside_y = (target.y >= source.y[0] - 1e-9) & (target.y <= source.y[-1] + 1e-9)
    inside_x = (target.x >= source.x[0] - 1e-9) & (target.x <= source.x[-1] + 1e-9)
    expected = 3.0 * target.x[None, :] - 2.0 * target.y[:, None] + 1.0
    mask = inside_y[:, None] & inside_x[None, :]
    assert mask.any()
    np.testing.assert_allclose(placed[mask], expected[mask], rtol=1e-6)
    assert np.all(placed[~mask] == 0)


@pytest.mark.parametrize("geometry", [DEFAULT, OBLONG])
@pytest.mark.parametrize("levels", [2, 4])
def test_the_output_has_the_shape_of_the_target_plane(geometry, levels):
    network = ForwardUNetLite(UNetParams(name="forward_unet_lite", width=4, levels=levels), geometry)
    field = network(torch.zeros(3, 4, *geometry.source.shape))
    assert field.shape == (3, 12, *geometry.target.shape)


def test_every_scan_value_reaches_every_output_point_and_every_parameter_learns():
    network = ForwardUNetLite(UNetParams(name="forward_unet_lite", width=4, levels=5), DEFAULT)
    scan = torch.randn(1, 4, 11, 11, requires_grad=True)
    field = network(scan)
    (corner_gradient,) = torch.autograd.grad(field[0, :, 0, 0].sum(), scan, retain_graph=True)
    assert bool((corner_gradient != 0).any())
    field.square().sum().backward()
    assert all(parameter.grad is not None and bool(parameter.grad.any()) for parameter in network.parameters())
    assert bool((scan.grad != 0).all())


def test_width_sets_the_number_of_parameters():
    def size(width):
        network = ForwardUNetLite(UNetParams(name="forward_unet_lite", width=width, levels=3), OBLONG)
        return sum(parameter.numel() for parameter in network.parameters())

    assert 3.5 < size(32) / size(16) < 4.1
