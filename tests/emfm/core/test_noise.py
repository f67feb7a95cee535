"""Noise on scans: of the power that was asked for, and the same for a sample in any batch."""

import numpy as np
import pytest

from emfm.core.noise import with_noise

IDS = tuple(f"s{number}" for number in range(6))


def scans(grid=(40, 50)):
    rng = np.random.default_rng(0)
    shape = (len(IDS), 4, *grid)
    return (rng.standard_normal(shape) * 10.0 ** np.arange(-3, 3)[:, None, None, None]).astype(np.float32)


@pytest.mark.parametrize("snr_db", [40.0, 20.0, 0.0])
def test_the_noise_of_each_sample_lies_so_many_db_below_its_field(snr_db):
    clean = scans().astype(np.float64)
    noise = with_noise(scans(), IDS, snr_db) - clean
    signal_power, noise_power = (np.square(part).mean((1, 2, 3)) for part in (clean, noise))
    np.testing.assert_allclose(10 * np.log10(signal_power / noise_power), snr_db, atol=0.25)


def test_it_is_complex_and_white():
    noise = with_noise(scans(), IDS, 10.0) - scans().astype(np.float64)
    noise /= np.sqrt(np.square(noise).mean((1, 2, 3), keepdims=True))
    np.testing.assert_allclose(np.square(noise).mean((0, 2, 3)), 1, atol=0.05)
    flat = noise.swapaxes(0, 1).reshape(4, -1)
    np.testing.assert_allclose(np.corrcoef(flat), np.eye(4), atol=0.03)
    for axis in (2, 3):
        neighbours = (noise * np.roll(noise, 1, axis)).mean()
        assert abs(neighbours) < 0.02
    assert abs((noise[0] * noise[1]).mean()) < 0.05


def test_a_sample_has_the_same_noise_at_every_run_in_any_batch_and_at_any_ratio():
    whole = with_noise(scans(), IDS, 20.0)
    alone = np.concatenate([with_noise(scans()[n : n + 1], IDS[n : n + 1], 20.0) for n in range(len(IDS))])
    np.testing.assert_array_equal(whole, alone)
    clean = scans().astype(np.float64)
    np.testing.assert_allclose(with_noise(scans(), IDS, 0.0) - clean, 10 * (whole - clean), rtol=0, atol=1e-2)


def test_a_zero_scan_stays_zero_and_the_precision_stays():
    nothing = np.zeros((1, 4, 3, 3), np.float32)
    noisy = with_noise(nothing, ["a"], 20.0)
    assert noisy.dtype == np.float32
    np.testing.assert_array_equal(noisy, nothing)
