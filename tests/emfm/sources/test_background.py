"""A background of weak elements: when it is likelier than noise, and what it is."""

import numpy as np
import pytest
import torch

from element_scenes import GEOMETRY
from emfm.core.constants import ETA_0
from emfm.sources.background import Background
from emfm.sources.found import CurrentElements
from emfm.sources.scan_of_elements import apart
from emfm.sources.views import ScanView

RNG = np.random.default_rng(4)


@pytest.fixture(scope="module")
def background():
    return Background(ScanView.of_grid(GEOMETRY.source, GEOMETRY.frequency, torch.device("cpu")))


def white(size=1.0):
    numbers = RNG.standard_normal((5, 242)) + 1j * RNG.standard_normal((5, 242))
    return torch.from_numpy(size * numbers / np.sqrt(2))


def of_many_elements(background):
    """Scans of size one that the background's own elements make with random moments."""
    places = background.elements(white()[:1], torch.ones(1, dtype=torch.float64))[0].positions
    scans = []
    for _ in range(5):
        moments = RNG.standard_normal((2, *places.shape)) + 1j * RNG.standard_normal((2, *places.shape))
        elements = CurrentElements(places, moments[0], ETA_0 * moments[1], GEOMETRY.frequency)
        h = elements.fields(GEOMETRY.source.points())[1][:, :2].T.ravel()
        scans.append(h / np.sqrt(np.mean(np.abs(h) ** 2)))
    return torch.from_numpy(np.stack(scans))


def test_white_noise_is_taken_for_noise_of_its_size(background):
    evidence = background.evidence(white(0.1))
    gain = evidence.best - evidence.without
    assert float(gain.max()) < 4
    np.testing.assert_allclose(evidence.noise[:, 0].numpy(), 0.01, rtol=0.25)


def test_the_scan_of_many_elements_is_taken_for_a_background_over_noise(background):
    evidence = background.evidence(of_many_elements(background) + white(0.2))
    assert float((evidence.best - evidence.without).min()) > 50
    np.testing.assert_allclose(evidence.noise[:, 1].numpy(), 0.04, rtol=0.5)


def test_the_backgrounds_elements_make_the_scan(background):
    scan = of_many_elements(background)[0]
    (elements,) = background.elements(scan[None], torch.tensor([1e6], dtype=torch.float64))
    made = elements.fields(GEOMETRY.source.points())[1][:, :2].T.ravel()
    assert np.linalg.norm(made - scan.numpy()) < 0.01 * np.linalg.norm(scan.numpy())


def test_no_background_has_no_elements(background):
    assert [len(elements) for elements in background.elements(white(), torch.zeros(5, dtype=torch.float64))] == [0] * 5


def test_whitened_noise_is_of_size_one(background):
    noise = torch.tensor([0.04], dtype=torch.float64)
    whitened = background.whitened(apart(white(0.2))[None], noise, torch.zeros(1, dtype=torch.float64))
    assert float(2 * whitened.square().mean()) == pytest.approx(1, rel=0.15)


def test_a_background_that_is_whitened_is_of_size_one_as_noise_is(background):
    ratio = torch.tensor([1e3], dtype=torch.float64)
    both = of_many_elements(background)
    noise = both.abs().square().mean()[None] / (1 + ratio)
    quiet = background.whitened(apart(both + white(float(noise) ** 0.5))[None], noise, ratio)
    assert float(2 * quiet.square().mean()) == pytest.approx(1, rel=0.3)
