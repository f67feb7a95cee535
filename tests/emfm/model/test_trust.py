"""How far a prediction can be trusted."""

import pytest
import torch

from emfm.model.trust import SCAN_DESCRIPTORS, TrustCalibration, scan_descriptors
from small_fields import small_samples, times


def described(count, seed, spread=1.0):
    """Descriptors of very different sizes that hang together."""
    values = spread * torch.randn(count, 3, generator=torch.Generator().manual_seed(seed))
    return values @ torch.tensor([[1.0, 0.5, 0.0], [0.0, 0.1, 0.0], [0.0, 0.0, 30.0]]) + torch.tensor([5.0, 0.0, -40.0])


def errors_of(descriptors, seed, factor=1.0):
    """Log-linear in the descriptors, twice as large for H, with chance in it."""
    logs = -4 + 1.5 * (descriptors[:, :1] - 5) + torch.tensor([0.0, 0.6931])
    chance = 0.2 * torch.randn(logs.shape, generator=torch.Generator().manual_seed(seed))
    return factor * (logs + chance).exp()


def calibrated(factor=1.0):
    trust = TrustCalibration(3)
    known, unseen = described(2000, 0), described(200, 1)
    trust.calibrate(known, errors_of(known, 2), unseen, errors_of(unseen, 3, factor))
    return trust


def test_expected_errors_follow_the_true_ones():
    descriptors = described(500, 4)
    expected, distance = calibrated()(descriptors)
    ratio = expected / errors_of(descriptors, 5)
    assert expected.shape == (500, 2)
    assert distance.shape == (500,)
    assert float(ratio.median()) == pytest.approx(1.0, rel=0.1)
    assert float((ratio.log().abs() < 0.7).float().mean()) > 0.95
    assert float(expected[:, 0].max() / expected[:, 0].min()) > 100


def test_e_and_h_are_told_apart():
    expected, _ = calibrated()(described(50, 4))
    torch.testing.assert_close(expected[:, 1] / expected[:, 0], torch.full((50,), 2.0), rtol=0.15, atol=0)


def test_unseen_samples_say_how_large_the_error_is():
    """A model is better on what it was trained on."""
    descriptors = described(50, 4)
    torch.testing.assert_close(
        calibrated(3.0)(descriptors)[0] / calibrated()(descriptors)[0], torch.full((50, 2), 3.0), rtol=1e-3, atol=0
    )


def test_half_of_the_unseen_samples_are_worse_than_expected_even_where_they_are_unlike_a_small_training_set():
    trust, known, unseen = TrustCalibration(3), described(6, 0), described(41, 1, spread=4.0)
    true = errors_of(unseen, 3)
    trust.calibrate(known, errors_of(known, 2), unseen, true)
    expected, distance = trust(unseen)
    assert float((distance > 1).float().mean()) > 0.5
    torch.testing.assert_close((true / expected).median(0).values, torch.ones(2), rtol=1e-3, atol=0)


def test_hardly_any_scan_like_the_training_samples_is_called_unlike_them():
    _, distance = calibrated()(described(2000, 6))
    assert float((distance > 1).float().mean()) < 0.005
    assert float(distance.max()) > 0.7


@pytest.mark.parametrize("direction", [(10.0, 5.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 300.0)])
def test_a_scan_far_from_all_training_samples_is_called_unlike_them_in_any_direction(direction):
    trust = calibrated()
    for sign in (1, -1):
        far = described(1, 0) + sign * torch.tensor([direction])
        expected, distance = trust(far)
        further_expected, further = trust(far + sign * torch.tensor([direction]))
        assert float(distance) > 1
        assert float(further) > 1.5 * float(distance)
        assert torch.isfinite(further_expected).all()
        assert (further_expected > expected).all()


def test_before_calibration_nothing_is_known_and_nothing_unlike():
    expected, distance = TrustCalibration(3)(described(4, 0))
    assert expected.isnan().all()
    assert not distance.any()


@pytest.mark.parametrize("constant", [[1], [0, 1, 2]])
def test_descriptors_that_do_not_vary_are_no_obstacle(constant):
    known = described(50, 0)
    known[:, constant] = known[:1, constant]
    trust = TrustCalibration(3)
    trust.calibrate(known, errors_of(known, 1), known, errors_of(known, 2))
    expected, distance = trust(known)
    assert torch.isfinite(expected).all()
    assert float((distance > 1).float().mean()) <= 0.02


def test_calibration_is_kept_with_the_weights():
    trust, other = calibrated(), TrustCalibration(3)
    other.load_state_dict(trust.state_dict())
    for one, again in zip(trust(described(9, 7)), other(described(9, 7)), strict=True):
        torch.testing.assert_close(one, again, rtol=0, atol=0)


@pytest.mark.parametrize("factor", [1e-4 + 0j, 3j, complex(-2, 5)])
def test_descriptors_of_a_scan_do_not_change_with_a_complex_factor(factor):
    scans = small_samples("elements", 100).x[:20]
    scans = scans / scans.square().mean().sqrt()
    torch.testing.assert_close(scan_descriptors(times(factor, scans)), scan_descriptors(scans), rtol=1e-3, atol=1e-3)


def test_descriptors_say_what_their_names_say():
    everywhere, one_point, rim = torch.ones(1, 4, 5, 5), torch.zeros(1, 4, 5, 5), torch.ones(1, 4, 5, 5)
    one_point[0, 0, 2, 2] = 1
    rim[:, :, 1:-1, 1:-1] = 0
    spread, rough, at_rim = dict(
        zip(SCAN_DESCRIPTORS, scan_descriptors(torch.cat([everywhere, one_point, rim])).T.tolist(), strict=True)
    ).values()
    torch.testing.assert_close(torch.tensor(spread).exp(), torch.tensor([25.0, 1.0, 16.0]), rtol=1e-4, atol=0)
    assert rough[0] < rough[2] < rough[1]
    torch.testing.assert_close(torch.tensor(at_rim).exp(), torch.tensor([16 / 25, 1e-6, 1.0]), rtol=1e-4, atol=0)
