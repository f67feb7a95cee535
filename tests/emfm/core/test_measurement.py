"""Scans as measured: how large each error is, and what a draw depends on."""

import numpy as np
import pytest

from emfm.core.channels import to_components
from emfm.core.measurement import (
    AS_STORED,
    FIXED,
    MeasuredSamples,
    Measurement,
    described,
    epoch_draw,
)
from emfm.core.sample_lists import whole_store
from measurements import NONE, measurement_params, only
from small_store import GEOMETRY, SingleElements, packed

COUNT = 1500
SHAPE = GEOMETRY.source.shape
IDS = [f"s{number:08d}" for number in range(COUNT)]


def scans(count=COUNT):
    rng = np.random.default_rng(0)
    sizes = 10.0 ** rng.integers(-3, 3, (count, 1, 1, 1))
    return (rng.standard_normal((count, 4, *SHAPE)) * sizes).astype(np.float32)


def read(params, draw=FIXED, ids=IDS):
    return Measurement(params, GEOMETRY).read(scans(len(ids)), ids, draw).astype(np.float64)


def factors(params):
    """What each component is multiplied by, complex ``(n, c, ny)``."""
    ratio = to_components(read(params)) / to_components(scans().astype(np.float64))
    np.testing.assert_allclose(ratio, ratio[..., :1] * np.ones(SHAPE[1]), rtol=1e-3)
    return ratio[..., 0]


def test_the_noise_lies_between_the_two_ratios_evenly_in_db_and_is_white():
    noise = read(only(snr_db=[20.0, 40.0])) - scans()
    powers = [np.square(part).reshape(COUNT, -1).mean(1) for part in (scans().astype(np.float64), noise)]
    snr_db = 10 * np.log10(powers[0] / powers[1])
    spread = 20 / np.sqrt(2 * 4 * SHAPE[0] * SHAPE[1]) / np.log(10) * 4  # of an estimated power
    assert 20 - spread < snr_db.min() < 21
    assert 39 < snr_db.max() < 40 + spread
    assert np.histogram(snr_db, 4, (20, 40))[0] == pytest.approx(COUNT / 4, rel=0.2)
    white = noise / np.sqrt(powers[1])[:, None, None, None]
    covariance = np.cov(white.reshape(COUNT, -1).T)
    np.testing.assert_allclose(covariance, np.eye(len(covariance)), atol=0.15)


def test_gain_and_phase_are_off_by_their_sigmas_and_drift_from_line_to_line_in_hx_and_hy_apart():
    db = 20 * np.log10(np.abs(factors(only(gain_db=0.5))))
    degrees = np.rad2deg(np.angle(factors(only(phase_deg=2.0))))
    for error, sigma in ((db, 0.5), (degrees, 2.0)):
        constant, drift = error.mean(-1), error[..., -1] - error[..., 0]
        for part in (constant, drift):
            assert part.std(0) == pytest.approx(sigma, rel=0.08)
            assert abs(part.mean(0)).max() < 0.1 * sigma
            assert abs(np.corrcoef(part.T)[0, 1]) < 0.1
        assert abs(np.corrcoef(constant[:, 0], drift[:, 0])[0, 1]) < 0.1


def test_positions_height_and_window_are_drawn_as_asked_for(monkeypatch):
    seen = {}
    measurement = Measurement(
        only(probe_mm=[0.2, 0.6], position_mm=0.05, height_mm=0.1),
        GEOMETRY,
    )

    class Noting:
        def lifted_and_averaged(self, given, height, window):
            seen.update(height=height, window=window)
            return given

        def displaced(self, given, dx, dy):
            seen.update(dx=dx, dy=dy)
            return given

    monkeypatch.setattr(measurement, "_errors", Noting())
    measurement.read(scans(), IDS)
    for name, sigma in (("height", 1e-4), ("dx", 5e-5), ("dy", 5e-5)):
        assert seen[name].std() == pytest.approx(sigma, rel=0.08)
        assert abs(seen[name].mean()) < 0.1 * sigma
    assert (seen["dx"].shape, seen["height"].shape) == ((COUNT, *SHAPE), (COUNT,))
    assert 2e-4 <= seen["window"].min() < 2.05e-4
    assert 5.95e-4 < seen["window"].max() <= 6e-4
    points = np.concatenate([seen["dx"].reshape(COUNT, -1), seen["dy"].reshape(COUNT, -1)], 1)
    np.testing.assert_allclose(np.corrcoef(points.T), np.eye(points.shape[1]), atol=0.15)


def test_a_draw_depends_on_the_sample_and_its_name_and_on_no_other_sample():
    whole = read(measurement_params())
    some = [7, 3, 1200, 8]
    chosen = Measurement(measurement_params(), GEOMETRY).read(scans()[some], [IDS[place] for place in some])
    assert (chosen == whole[some].astype(np.float32)).all()
    for place in some:
        alone = Measurement(measurement_params(), GEOMETRY).read(scans()[place : place + 1], [IDS[place]])
        assert (alone[0] == whole[place].astype(np.float32)).all()


def test_draws_of_epochs_and_seeds_and_the_fixed_one_are_all_different():
    draws = [FIXED, *(epoch_draw(seed, epoch) for seed in (0, 1, 11) for epoch in (1, 2, 11))]
    sizes = np.abs(scans(50)).max((1, 2, 3), keepdims=True)
    noise = [((read(only(snr_db=[20.0, 20.0]), draw, IDS[:50]) - scans(50)) / sizes).ravel() for draw in draws]
    assert np.abs(np.corrcoef(noise) - np.eye(len(draws))).max() < 0.1


@pytest.mark.parametrize("error", ["probe_mm", "position_mm", "height_mm", "gain_db", "phase_deg"])
def test_switching_an_error_off_leaves_the_draws_of_the_others(error):
    noise = {"snr_db": [200.0, 200.0], error: measurement_params().model_dump()[error]}
    one = read(only(**noise), ids=IDS[:9])
    alone = read(only(**{error: noise[error]}), ids=IDS[:9])
    assert not np.isclose(alone, scans(9), rtol=1e-9).all(axis=(1, 2, 3)).any()
    np.testing.assert_allclose(one, alone, rtol=0, atol=1e-6 * np.abs(alone).max())


def test_a_scan_that_is_zero_stays_zero():
    nothing = np.zeros((2, 4, *SHAPE), np.float32)
    assert (Measurement(measurement_params(), GEOMETRY).read(nothing, ["a", "b"]) == 0).all()


@pytest.fixture
def samples(tmp_path):
    return whole_store(packed(SingleElements(list("abcdefg")), tmp_path / "store"))


def test_samples_are_measured_the_same_in_batches_of_any_size(samples):
    measured = MeasuredSamples(samples, Measurement(measurement_params(), GEOMETRY))
    at_once = next(measured.batches(len(samples)))
    parts = [np.concatenate(part) for part in zip(*measured.batches(2), strict=True)]
    assert all((one == other).all() for one, other in zip(at_once, parts, strict=True))
    assert measured.digest != MeasuredSamples(samples, None).digest == samples.digest


def test_without_errors_scans_are_bit_for_bit_those_that_are_stored(samples):
    for params in (None, only(**NONE)):
        measurement = Measurement.of(params, GEOMETRY)
        stored, read_again = (next(each.batches(9)) for each in (samples, MeasuredSamples(samples, measurement)))
        assert all(one.tobytes() == other.tobytes() for one, other in zip(stored, read_again, strict=True))
        assert described(measurement) == AS_STORED


def test_the_errors_are_told_in_words_without_those_that_are_zero():
    told = described(Measurement(only(snr_db=[30.0, 60.0], height_mm=0.05), GEOMETRY))
    assert told == "as measured: noise 30 to 60 dB below the scan, height off by 0.05 mm"
