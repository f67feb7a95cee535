"""The scan of current elements against the fields of `emfm.core.elements`, and its slopes against differences."""

import numpy as np
import pytest
import torch

from element_scenes import GEOMETRY, draw_scene
from emfm.core.constants import ETA_0
from emfm.sources.scan_of_elements import ElementScans, Observed, together

POINTS = torch.from_numpy(GEOMETRY.source.points())


@pytest.fixture
def scene():
    drawn = draw_scene(np.random.default_rng(3), 7)
    assert 0 < drawn.magnetic.sum() < 7
    return drawn


ALL = ("Ex", "Ey", "Ez", "Hx", "Hy", "Hz")
OBSERVED = {
    "Hx and Hy": Observed(POINTS),
    "Hz alone": Observed(POINTS, ("Hz",)),
    "all components": Observed(POINTS, ALL),
    "every third number": Observed(POINTS, ALL, torch.arange(0, 6 * len(POINTS), 3)),
    "E weighed": Observed(POINTS, ("Ey", "Ez", "Hx"), e_weight=0.3),
}


@pytest.fixture(params=OBSERVED.values(), ids=OBSERVED)
def observed(request):
    return request.param


def scans_of(scene, observed, positions=None):
    places = torch.from_numpy(scene.positions if positions is None else positions)
    return ElementScans(observed, places, torch.from_numpy(scene.magnetic), GEOMETRY.wavenumber)


def moments_of(scene):
    return torch.from_numpy(scene.moments / np.where(scene.magnetic, ETA_0, 1)[:, None])


def test_columns_times_moments_are_what_is_observed_of_the_field(scene, observed):
    scan = torch.einsum("nm,nmp->p", moments_of(scene), together(scans_of(scene, observed).columns())).numpy()
    e_field, h_field = scene.fields(GEOMETRY.source.points())
    field = dict(zip(ALL, np.concatenate([observed.e_weight / ETA_0 * e_field.T, h_field.T]), strict=True))
    expected = np.concatenate([field[name] for name in observed.components])
    expected = expected if observed.known is None else expected[observed.known]
    assert expected.shape == (observed.count,)
    np.testing.assert_allclose(scan, expected, rtol=1e-10, atol=1e-12 * np.abs(expected).max())


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_slopes_are_the_change_with_the_place(scene, observed, axis):
    moments, step = moments_of(scene), 1e-8 * np.eye(3)[axis]
    slopes = together(scans_of(scene, observed).slopes(moments))[:, axis].numpy()

    def scans(positions):
        return torch.einsum("nm,nmp->np", moments, together(scans_of(scene, observed, positions).columns())).numpy()

    differences = (scans(scene.positions + step) - scans(scene.positions - step)) / 2e-8
    np.testing.assert_allclose(slopes, differences, atol=1e-6 * np.abs(differences).max())


@pytest.mark.parametrize("magnetic", [False, True])
def test_elements_of_one_kind_alone_work(magnetic):
    places = torch.tensor([[0.0, 0.0, -1e-3], [1e-3, 2e-3, -5e-4]], dtype=torch.float64)
    scans = ElementScans(Observed(POINTS), places, torch.full((2,), magnetic), GEOMETRY.wavenumber)
    assert scans.columns().shape == (2, 3, 2 * 242)
    assert scans.columns().isfinite().all()


def test_numbers_of_points_and_of_components_stay_with_what_is_known():
    observed = Observed(POINTS[:3], ("Ez", "Hx"), torch.tensor([0, 2, 4]))
    assert observed.component_places.tolist() == [0, 0, 1]
    assert observed.of_points(torch.tensor([7.0, 8.0, 9.0])).tolist() == [7, 9, 8]
