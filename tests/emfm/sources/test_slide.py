"""Elements that slide to where they fit a scan best."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from element_scenes import BOX, GEOMETRY, draw_scene
from emfm.sources.scan_of_elements import Observed, apart
from emfm.sources.slide import Region, slide

REGION = Region(
    Observed(torch.from_numpy(GEOMETRY.source.points())),
    torch.from_numpy(BOX[0] - 2e-4),
    torch.from_numpy(BOX[1] + 1.5e-4),
    GEOMETRY.wavenumber,
    1e-3,
)


def rows(*scenes):
    h = np.stack([scene.fields(GEOMETRY.source.points())[1][:, :2].T.ravel() for scene in scenes])
    return apart(torch.from_numpy(h / np.sqrt(np.mean(np.abs(h) ** 2, axis=1, keepdims=True))))


@pytest.fixture(scope="module")
def scenes():
    rng = np.random.default_rng(8)
    return [draw_scene(rng, 3) for _ in range(6)]


def start(scenes, by, seed=0):
    places = np.stack([scene.positions for scene in scenes])
    moved = places + by * np.random.default_rng(seed).standard_normal(places.shape)
    return torch.from_numpy(moved), torch.from_numpy(np.stack([scene.magnetic for scene in scenes]))


def test_elements_a_tenth_of_a_millimetre_off_find_their_places(scenes):
    fit = slide(REGION, *start(scenes, 1e-4), rows(*scenes), 60)
    true = np.stack([scene.positions for scene in scenes])
    assert np.abs(fit.positions.numpy() - true).max() < 1e-7
    assert float(fit.misfit.max()) < 1e-8


def test_no_step_makes_the_fit_worse(scenes):
    places, magnetic = start(scenes, 5e-4, seed=1)
    misfits = [slide(REGION, places, magnetic, rows(*scenes), steps).misfit for steps in range(6)]
    assert all(bool((after <= before).all()) for before, after in pairwise(misfits))


def test_elements_stay_in_the_region(scenes):
    places, magnetic = start(scenes, 3e-3, seed=2)
    places = torch.maximum(torch.minimum(places, REGION.high), REGION.low)
    found = slide(REGION, places, magnetic, rows(*scenes), 20).positions
    assert bool(((found >= REGION.low) & (found <= REGION.high)).all())


def test_a_scan_fits_alone_as_it_does_beside_others(scenes):
    places, magnetic = start(scenes, 2e-4)
    together = slide(REGION, places, magnetic, rows(*scenes), 8).positions
    for place in range(len(scenes)):
        one = slice(place, place + 1)
        alone = slide(REGION, places[one], magnetic[one], rows(scenes[place]), 8).positions
        torch.testing.assert_close(alone[0], together[place], rtol=0, atol=1e-9)
