"""How far a prediction can be trusted."""

import numpy as np
import pytest
import torch

from emfm.model.trust import FEWEST_FOR_BOUND, SCAN_DESCRIPTORS, TrustCalibration, scan_descriptors
from small_fields import one_sample, small_geometry, small_samples, times


def described(count, seed, spread=1.0):
    """Descriptors of very different sizes that hang together."""
    values = spread * torch.randn(count, 3, generator=torch.Generator().manual_seed(seed))
    return values @ torch.tensor([[1.0, 0.5, 0.0], [0.0, 0.1, 0.0], [0.0, 0.0, 30.0]]) + torch.tensor([5.0, 0.0, -40.0])


def errors_of(descriptors, seed, factor=1.0):
    """Log-linear in the descriptors, twice as large for H, with chance in it."""
    logs = -4 + 1.5 * (descriptors[:, :1] - 5) + torch.tensor([0.0, 0.6931])
    chance = 0.2 * torch.randn(logs.shape, generator=torch.Generator().manual_seed(seed))
    return factor * (logs + chance).exp()


def calibrate(trust, train, train_errors, val, val_errors):
    """With each validation sample in a family of its own."""
    return trust.calibrate(train, train_errors, val, val_errors, torch.arange(len(val)))


def calibrated(factor=1.0):
    trust = TrustCalibration(3)
    known, unseen = described(2000, 0), described(200, 1)
    calibrate(trust, known, errors_of(known, 2), unseen, errors_of(unseen, 3, factor))
    return trust


def test_expected_errors_follow_the_true_ones():
    descriptors = described(500, 4)
    expected, bound, distance = calibrated()(descriptors)
    assert expected.shape == bound.shape == (500, 2)
    assert distance.shape == (500,)
    expected = expected[distance <= 1]
    ratio = expected / errors_of(descriptors, 5)[distance <= 1]
    assert float(ratio.median()) == pytest.approx(1.0, rel=0.1)
    assert float((ratio.log().abs() < 0.7).float().mean()) > 0.95
    assert float(expected[:, 0].max() / expected[:, 0].min()) > 100


def test_e_and_h_are_told_apart():
    expected, _, _ = calibrated()(described(50, 4))
    torch.testing.assert_close(expected[:, 1] / expected[:, 0], torch.full((50,), 2.0), rtol=0.15, atol=0)


def test_unseen_samples_say_how_large_the_error_is():
    """A model is better on what it was trained on."""
    descriptors = described(50, 4)
    for larger, small in zip(calibrated(3.0)(descriptors)[:2], calibrated()(descriptors)[:2], strict=True):
        torch.testing.assert_close(larger / small, torch.full((50, 2), 3.0), rtol=1e-3, atol=0)


def test_half_of_the_unseen_samples_that_are_like_the_training_are_worse_than_expected():
    trust, known, unseen = TrustCalibration(3), described(30, 0), described(401, 1, spread=2.0)
    true = errors_of(unseen, 3)
    calibrate(trust, known, errors_of(known, 2), unseen, true)
    expected, _, distance = trust(unseen)
    like = distance <= 1
    assert 0.1 < float(like.float().mean()) < 0.9
    ratio = (true / expected)[like]
    worse = (ratio > 1).float().mean(0)
    torch.testing.assert_close(worse, torch.full((2,), 0.5), rtol=0, atol=1 / len(ratio) + 1e-3)


def uneven(count, seed, too_good=1.0):
    """Eight descriptors and errors whose chance and size go with some of them, not as a straight line.

    ``too_good``: how far a model that fits its training samples too well is below that, and flatter.
    """
    chance = torch.Generator().manual_seed(seed)
    values = torch.randn(count, 8, generator=chance)
    logs = -3 + too_good * (values @ torch.linspace(0.4, -0.2, 8) + 0.2 * values[:, 0].square())
    spread = 0.2 + 0.5 * torch.sigmoid(2 * values[:, 2])
    noise = spread[:, None] * torch.randn(count, 2, generator=chance)
    return values, too_good * (logs[:, None] + torch.tensor([0.0, 0.4]) + noise).exp()


def test_the_bound_covers_90_percent_of_unseen_samples_whose_errors_are_not_as_the_regression_thinks():
    """Over calibrations, as a single one covers more or less: the beta distribution of split conformal prediction."""
    covered = []
    for seed in range(20):
        trust = TrustCalibration(8)
        calibrate(trust, *uneven(1000, 3 * seed, too_good=0.2), *uneven(200, 3 * seed + 1))
        unseen, true = uneven(2000, 3 * seed + 2)
        _, bound, distance = trust(unseen)
        covered.append((true <= bound)[distance <= 1].float().mean(0))
    shares = torch.stack(covered)
    assert (shares.mean(0) - 0.9).abs().max() < 0.01
    assert shares.min() > 0.8
    single = TrustCalibration(8)
    calibrate(single, *uneven(1000, 100, too_good=0.2), *uneven(1000, 101))
    unseen, true = uneven(5000, 102)
    _, bound, distance = single(unseen)
    share = (true <= bound)[distance <= 1].float().mean(0)
    assert ((share > 0.87) & (share < 0.93)).all()


def test_the_bound_is_that_of_each_scan_and_not_one_for_all():
    descriptors = described(500, 4)
    expected, bound, distance = calibrated()(descriptors)
    like = distance <= 1
    assert (bound[like] > expected[like]).all()
    assert float(bound[like, 0].max() / bound[like, 0].min()) > 100
    true = errors_of(descriptors, 5)[like]
    for part in (expected[like, 0] < expected[like, 0].median(), expected[like, 0] > expected[like, 0].median()):
        assert float((true <= bound[like])[part].float().mean()) == pytest.approx(0.9, abs=0.06)


def test_slopes_of_a_model_that_fits_its_training_samples_too_well_are_corrected_by_the_validation_samples():
    """The training errors hardly go with the descriptors, the others do."""
    unseen, true = uneven(1000, 2)
    spread = []
    for count in (40, 1000):
        trust = TrustCalibration(8)
        calibrate(trust, *uneven(1000, 0, too_good=0.01), *uneven(count, 1))
        expected, _, distance = trust(unseen)
        spread.append(float((true / expected)[distance <= 1].log().std()))
    flat = float(true.log().std())
    assert spread[1] < 0.95 * spread[0] < 0.95 * 0.95 * flat


@pytest.mark.parametrize("count", [1, FEWEST_FOR_BOUND - 1, FEWEST_FOR_BOUND])
def test_with_too_few_validation_samples_there_is_no_bound(count):
    trust, known, unseen = TrustCalibration(3), described(2000, 0), described(count, 1)
    calibrate(trust, known, errors_of(known, 2), unseen, errors_of(unseen, 3))
    expected, bound, distance = trust(described(9, 4, spread=0.5))
    assert (distance <= 1).all()
    assert expected.isfinite().all()
    assert bool(bound.isfinite().all()) == (count == FEWEST_FOR_BOUND)
    assert bool(bound.isnan().all()) == (count < FEWEST_FOR_BOUND)


def test_validation_samples_that_are_all_unlike_the_training_give_no_bound_but_an_expected_error():
    trust, known, unseen = TrustCalibration(3), described(2000, 0), described(20, 1) + 1000
    calibrate(trust, known, errors_of(known, 2), unseen, errors_of(described(20, 1), 3))
    expected, bound, _ = trust(described(9, 4))
    assert expected.isfinite().all()
    assert bound.isnan().all()


def in_families(count, of_each, seed):
    """Samples whose errors have most of their chance in common with those of their family; and the families."""
    chance = torch.Generator().manual_seed(seed)
    families = torch.arange(count) // of_each
    common = torch.randn(-(-count // of_each), 2, generator=chance)[families]
    values = torch.randn(count, 3, generator=chance)
    return values, (-3 + 0.6 * common + 0.1 * torch.randn(count, 2, generator=chance)).exp(), families


def test_the_bound_covers_90_percent_of_samples_of_unseen_families_too():
    """Of ten families of 20 the unseen one is the eleventh: the bound is a higher one than that of 200 single ones."""
    covered = []
    for seed in range(40):
        val, errors, families = in_families(200, 20, 2 * seed)
        known, known_errors, _ = in_families(500, 1, 2 * seed + 1000)
        unseen, true, _ = in_families(2000, 1, 2 * seed + 1)
        bounds = []
        for groups in (families, torch.arange(200)):
            trust = TrustCalibration(3)
            trust.calibrate(known, known_errors, val, errors, groups)
            bounds.append(trust(unseen)[1])
        distance = trust(unseen)[2]
        assert (bounds[0] > bounds[1])[distance <= 1].all()
        covered.append(float((true <= bounds[0])[distance <= 1].float().mean()))
    assert sum(covered) / len(covered) > 0.9


def test_fewer_families_than_nine_give_no_bound_however_many_samples_they_have():
    val, errors, families = in_families(200, 25, 0)
    trust = TrustCalibration(3)
    trust.calibrate(val, errors, val, errors, families)
    expected, bound, distance = trust(val)
    assert bound.isnan().all()
    assert expected[distance <= 1].isfinite().all()


def test_what_else_tells_scans_apart_is_held_against_hardly_any_right_one_either():
    known, unseen = described(2000, 0), described(200, 1)
    chance = torch.Generator().manual_seed(9)
    others = 1.2 * torch.rand(2000, generator=chance).square(), 1.2 * torch.rand(200, generator=chance).square()
    trust = TrustCalibration(3)
    farther = trust.calibrate(known, errors_of(known, 2), unseen, errors_of(unseen, 3), torch.arange(200), others)
    assert farther > 1
    for samples, other in ((known, others[0]), (unseen, others[1])):
        unlike = torch.maximum(trust(samples)[2], other / farther) > 1
        assert 0 < float(unlike.float().mean()) <= 0.02
    alone = TrustCalibration(3)
    assert alone.calibrate(known, errors_of(known, 2), unseen, errors_of(unseen, 3), torch.arange(200)) == 1
    torch.testing.assert_close(trust.farthest, alone.farthest * farther)


def test_a_calibration_repeats_bit_for_bit():
    for one, again in zip(calibrated().state_dict().values(), calibrated().state_dict().values(), strict=True):
        assert torch.equal(one, again)


def test_hardly_any_scan_like_the_training_samples_is_called_unlike_them():
    _, _, distance = calibrated()(described(2000, 6))
    assert 0 < float((distance > 1).float().mean()) < 0.015


def test_a_scan_between_the_kinds_of_training_samples_is_like_none_of_them():
    corners = torch.tensor([[x, y, z] for x in (-6.0, 6.0) for y in (-6.0, 6.0) for z in (-6.0, 6.0)])
    known, unseen = (corners.repeat(count, 1) + described(8 * count, count, spread=0.01) for count in (200, 25))
    trust = TrustCalibration(3)
    calibrate(trust, known, errors_of(known, 4), unseen, errors_of(unseen, 5))
    assert float((trust(unseen)[2] > 1).float().mean()) < 0.03
    assert (trust(described(100, 6, spread=0.01))[2] > 1).all()


def test_validation_samples_of_another_world_do_not_widen_that_of_the_training():
    trust, known, unseen = TrustCalibration(3), described(2000, 0), described(200, 1) + 1000
    calibrate(trust, known, errors_of(known, 2), unseen, errors_of(described(200, 1), 3))
    assert (trust(unseen)[2] > 1).all()


@pytest.mark.parametrize("direction", [(10.0, 5.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 300.0)])
def test_a_scan_far_from_all_training_samples_is_called_unlike_them_in_any_direction(direction):
    trust = calibrated()
    for sign in (1, -1):
        far = described(1, 0) + sign * torch.tensor([direction])
        *numbers, distance = trust(far)
        *further_numbers, further = trust(far + sign * torch.tensor([direction]))
        assert float(distance) > 1
        assert float(further) > 1.5 * float(distance)
        assert torch.cat([*numbers, *further_numbers]).isnan().all()  # no number stands beside the warning


def test_before_calibration_nothing_is_known_and_nothing_unlike():
    expected, bound, distance = TrustCalibration(3)(described(4, 0))
    assert expected.isnan().all()
    assert bound.isnan().all()
    assert not distance.any()


@pytest.mark.parametrize("constant", [[1], [0, 1, 2]])
def test_descriptors_that_do_not_vary_are_no_obstacle(constant):
    known = described(50, 0)
    known[:, constant] = known[:1, constant]
    trust = TrustCalibration(3)
    calibrate(trust, known, errors_of(known, 1), known, errors_of(known, 2))
    expected, bound, distance = trust(known)
    assert expected[distance <= 1].isfinite().all()
    assert bound[distance <= 1].isfinite().all()
    assert float((distance > 1).float().mean()) <= 0.02


def test_calibration_is_kept_with_the_weights():
    trust, other = calibrated(), TrustCalibration(3)
    other.load_state_dict(trust.state_dict())
    for one, again in zip(trust(described(9, 7)), other(described(9, 7)), strict=True):
        torch.testing.assert_close(one, again, rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("factor", [1e-4 + 0j, 3j, complex(-2, 5)])
def test_descriptors_of_a_scan_do_not_change_with_a_complex_factor(factor):
    scans = small_samples("elements", 100).x[:20]
    scans = scans / scans.square().mean().sqrt()
    torch.testing.assert_close(scan_descriptors(times(factor, scans)), scan_descriptors(scans), rtol=1e-3, atol=1e-3)


def test_descriptors_say_what_their_names_say():
    everywhere, one_point, rim = torch.ones(1, 4, 5, 5), torch.zeros(1, 4, 5, 5), torch.ones(1, 4, 5, 5)
    one_point[0, 0, 2, 2] = 1
    rim[:, :, 1:-1, 1:-1] = 0
    spread, rough, at_rim, _ = dict(
        zip(SCAN_DESCRIPTORS, scan_descriptors(torch.cat([everywhere, one_point, rim])).T.tolist(), strict=True)
    ).values()
    torch.testing.assert_close(torch.tensor(spread).exp(), torch.tensor([25.0, 1.0, 16.0]), rtol=1e-4, atol=0)
    assert rough[0] < rough[2] < rough[1]
    torch.testing.assert_close(torch.tensor(at_rim).exp(), torch.tensor([16 / 25, 1e-6, 1.0]), rtol=1e-4, atol=0)


def test_h_hardly_turns_in_the_plane_but_where_a_component_is_wrong():
    plane = {"z_mm": 1.0, "x_mm": [-5, 5], "y_mm": [-4, 6], "pitch_mm": 1.0}
    angles = np.linspace(0, 2 * np.pi, 90, endpoint=False)  # a current in a ring, beside the middle
    places = np.column_stack([3 * np.cos(angles) - 1, 2 * np.sin(angles), 0 * angles - 1])
    along = np.column_stack([-3 * np.sin(angles), 2 * np.cos(angles), 0 * angles])
    scan, _ = one_sample(small_geometry(source_plane=plane), places, along, 0 * along)
    hx, hy = scan.chunk(2, 1)
    right, sign, flipped, swapped, missing = (
        float(scan_descriptors(changed)[0, SCAN_DESCRIPTORS.index("turn in the plane")])
        for changed in (
            scan,
            torch.cat([hx, -hy], 1),
            scan.flip(2),
            torch.cat([hy, hx], 1),
            torch.cat([hx, 0 * hy], 1),
        )
    )
    assert right < 0.2
    assert min(sign, flipped) > 1.5
    assert swapped > 0.4
    assert missing == pytest.approx(1, rel=1e-5)
