"""The blend of a search with equivalent dipoles."""

import pytest
import torch

from emfm.model.complex_rows import complex_rows
from emfm.model.search.equivalent_dipoles import dipole_operator, dipole_settings
from emfm.model.search.modes import FieldModes
from emfm.model.search.params import DipoleGridParams
from emfm.model.search.snapshots import physical_snapshots
from emfm.models.pod_net.blend import Blend
from small_fields import region, small_geometry, small_samples

DIPOLES = DipoleGridParams(depths=[1.5], margins=[0.0, 1.0], tikhonov=[1e-2, 1e-3])
FACTS = 3


@pytest.fixture(scope="module")
def modes():
    found = FieldModes(40, small_geometry())
    found.find([physical_snapshots(small_geometry(), region(), 160)])
    return found


@pytest.fixture
def blend(modes):
    torch.manual_seed(0)
    made = Blend(DIPOLES, small_geometry(), modes.count, FACTS)
    made.find(modes)
    return made


@pytest.fixture
def learned(blend):
    """With a network that says something else of each scan."""
    with torch.no_grad():
        for parameter in blend.network.parameters():
            parameter.copy_(0.3 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)))
    return blend


def scans_and_firsts(modes, count=12):
    scan = complex_rows(small_samples("elements", count).x)
    return scan / scan.norm(dim=1, keepdim=True), torch.randn(count, modes.count, dtype=torch.complex64)


def test_its_estimates_are_the_fields_of_the_dipoles(blend, modes):
    samples = small_samples("elements", 5)
    first = torch.randn(5, modes.count, dtype=torch.complex64)
    found = blend.estimates(complex_rows(samples.x), first)
    assert found[0] is first
    for coefficients, setting in zip(found[1:], dipole_settings(DIPOLES), strict=True):
        field = torch.from_numpy(dipole_operator(small_geometry(), setting).apply(samples.x.numpy())).float()
        expected = modes.project(field)
        assert (coefficients - expected).norm() < 1e-3 * expected.norm()


def test_before_it_learned_an_estimate_counts_by_the_samples_of_which_it_is_the_best(blend, modes):
    scan, first = scans_and_firsts(modes)
    errors = torch.rand(10, 5)
    errors[:6, 2], errors[6:9, 0], errors[9, 4] = -1, -1, -1
    blend.fit(torch.randn(10, 4), errors)
    with torch.no_grad():
        blended = blend(scan, first, torch.randn(len(scan), FACTS))
    weights = blended.weights
    torch.testing.assert_close(
        weights, torch.tensor([0.3, 0.0, 0.6, 0.0, 0.1]).expand(len(scan), -1), atol=0.002, rtol=0
    )
    assert blended.share.eq(1).all()
    estimates = torch.stack(blend.estimates(scan, first), 1)
    torch.testing.assert_close(blended.mean, (weights[:, :, None] * estimates).sum(1), rtol=1e-4, atol=1e-6)


def test_a_first_estimate_that_is_always_best_is_taken_as_it_is(blend, modes):
    scan, first = scans_and_firsts(modes)
    truth = first + 1e-6
    blend.fit(*blend.compared(scan, first, truth))
    with torch.no_grad():
        mean = blend(scan, first, torch.zeros(len(scan), FACTS)).mean
    others = torch.stack(blend.estimates(scan, first)[1:])
    assert (mean - first).norm() < 0.01 * (others - first).norm()


@pytest.mark.parametrize("factor", [1e-3 + 0j, 3j, complex(-2, 5)])
def test_a_complex_factor_on_a_scan_is_one_on_its_blend(learned, modes, factor):
    scan, first = scans_and_firsts(modes)
    facts = torch.randn(len(scan), FACTS)
    with torch.no_grad():
        one, other = learned(scan, first, facts), learned(factor * scan, factor * first, facts)
    torch.testing.assert_close(other.mean, factor * one.mean, rtol=1e-3, atol=1e-4 * abs(factor))
    torch.testing.assert_close(other.share, one.share, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(other.weights, one.weights, rtol=1e-3, atol=1e-4)


def test_learned_weights_differ_from_scan_to_scan_and_sum_to_one(learned, modes):
    scan, first = scans_and_firsts(modes)
    with torch.no_grad():
        blended = learned(scan, first, torch.randn(len(scan), FACTS))
    torch.testing.assert_close(blended.weights.sum(1), torch.ones(len(scan)))
    assert blended.weights.std(0).max() > 0.05
    assert ((blended.share > 0) & (blended.share < 2)).all()


def test_the_spread_is_that_of_the_estimates_about_their_mean(learned, modes):
    scan, first = scans_and_firsts(modes)
    facts = torch.randn(len(scan), FACTS)
    with torch.no_grad():
        blended = learned(scan, first, facts)
    squares = [(estimate - blended.mean).norm(dim=1) ** 2 for estimate in learned.estimates(scan, first)]
    expected = (blended.weights * torch.stack(squares, 1)).sum(1).sqrt() / blended.mean.norm(dim=1)
    torch.testing.assert_close(blended.spread(), expected, rtol=1e-4, atol=1e-6)


def test_a_scan_without_room_for_dipoles_has_the_first_estimate_alone(modes):
    alone = Blend(DipoleGridParams(depths=[1.5], margins=[3.0], tikhonov=[1e-3]), small_geometry(), modes.count, FACTS)
    alone.find(modes)
    scan, first = scans_and_firsts(modes)
    alone.fit(*alone.compared(scan, first, first + 1))
    with torch.no_grad():
        blended = alone(scan, first, torch.randn(len(scan), FACTS))
    torch.testing.assert_close(blended.mean, first)
    assert blended.weights.eq(1).all()
    assert blended.share.eq(1).all()
