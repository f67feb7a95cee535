"""What an instrument does wrong, as the search for sources knows it, against scans that were measured so."""

import numpy as np
import pytest
import torch

from element_scenes import BOX, GEOMETRY, draw_scene
from emfm.core.constants import ETA_0
from emfm.core.grid import Grid
from emfm.core.measurement import MeasurementParams
from emfm.sources.instrument import Instrument
from emfm.sources.scan_of_elements import together
from emfm.sources.slide import Region
from emfm.sources.views import ScanView

VIEW = ScanView.of_grid(GEOMETRY.source, GEOMETRY.frequency, torch.device("cpu"))
REGION = Region(VIEW.observed, *map(torch.from_numpy, BOX), GEOMETRY.wavenumber, 1e-3)


@pytest.fixture
def scene():
    return draw_scene(np.random.default_rng(3), 4)


def errors_of(instrument, scene):
    moments = torch.from_numpy(scene.moments / np.where(scene.magnetic, ETA_0, 1)[:, None])
    places = torch.from_numpy(scene.positions)[None], torch.from_numpy(scene.magnetic)[None]
    (errors,) = together(instrument.errors(REGION, VIEW.progress, *places, moments[None])).numpy()
    return errors.reshape(-1, 2, 11, 11)


def scan_of(scene, grid=GEOMETRY.source):
    return scene.fields(grid.points())[1][:, :2].T.reshape(2, *grid.shape)


def test_gain_and_phase_change_one_component_and_drift_over_the_lines(scene):
    of_gain = errors_of(Instrument(gain=0.02, phase=0.01), scene)
    h = scan_of(scene)
    tiny = 1e-12 * np.abs(h).max()
    np.testing.assert_allclose(of_gain[0], np.stack([0.02 * h[0], 0 * h[1]]), atol=tiny)
    np.testing.assert_allclose(of_gain[1, 0], 0.01j * h[0], atol=tiny)
    np.testing.assert_allclose(of_gain[6, 1], 0.02 * h[1] * np.linspace(-0.5, 0.5, 11)[:, None], atol=tiny)


def test_another_height_is_a_scan_further_up(scene):
    higher = scan_of(scene, Grid(-5e-3, -5e-3, 1e-3, 1e-3, 11, 11, 1e-3 + 1e-6))
    of_height = errors_of(Instrument(height=1e-6), scene)[8]
    np.testing.assert_allclose(of_height, higher - scan_of(scene), atol=2e-3 * np.abs(of_height).max())


def test_a_window_averages(scene):
    side, (nodes, weights) = 2e-4, np.polynomial.legendre.leggauss(3)
    shifts = side / 2 * nodes
    averaged = sum(
        of_x * of_y / 4 * scan_of(scene, Grid(-5e-3 + dx, -5e-3 + dy, 1e-3, 1e-3, 11, 11, 1e-3))
        for dx, of_x in zip(shifts, weights, strict=True)
        for dy, of_y in zip(shifts, weights, strict=True)
    )
    expected = averaged - scan_of(scene)
    of_window = errors_of(Instrument(window=side), scene)[9]
    assert np.linalg.norm(of_window - expected) < 0.02 * np.linalg.norm(expected)


def test_standard_deviations_are_those_of_the_parameters():
    params = MeasurementParams(
        snr_db=None, probe_mm=[0.0, 1.0], position_mm=0.02, height_mm=0.05, gain_db=0.2, phase_deg=1.0, redraw=True
    )
    found = Instrument.of(params)
    assert found.gain == pytest.approx(10 ** (0.2 / 20) - 1, rel=0.02)
    assert (found.phase, found.height, found.window) == pytest.approx((np.pi / 180, 5e-5, 1e-3))
    assert Instrument.of(None) == Instrument()
