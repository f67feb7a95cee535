"""How many elements make a scan, of which kind and where: found from the scan alone."""

import numpy as np
import pytest

from element_scenes import BOX, GEOMETRY, draw_scene, relative_errors
from emfm.core.errors import DataError
from emfm.core.grid import Geometry, Grid
from emfm.sources.instrument import Instrument
from emfm.sources.search import PointSearch

SCENES = 16


@pytest.fixture(scope="module")
def search():
    return PointSearch(GEOMETRY)


@pytest.fixture(scope="module")
def scenes():
    rng = np.random.default_rng(21)
    return [draw_scene(rng) for _ in range(SCENES)]


def is_right(sources, scene):
    return sorted(sources.magnetic) == sorted(scene.magnetic)


def errors(found, scenes):
    points = GEOMETRY.target.points()
    fields = [np.concatenate([field.T for field in sources.all_elements.fields(points)]) for sources in found]
    return np.array([relative_errors(field, scene.target()) for field, scene in zip(fields, scenes, strict=True)])


def test_without_noise_number_kinds_places_and_field_are_exact(search, scenes):
    found = search.find(np.stack([scene.scan() for scene in scenes]))
    right = [is_right(sources, scene) for sources, scene in zip(found, scenes, strict=True)]
    assert np.mean(right) >= 0.9
    assert np.median(errors(found, scenes)) < 1e-6
    for sources, scene in zip(found, scenes, strict=True):
        if is_right(sources, scene):
            apart = np.linalg.norm(sources.positions[:, None] - scene.positions, axis=2)
            assert apart.min(axis=1).max() < 1e-6


@pytest.mark.parametrize(("snr_db", "most"), [(40, 0.0045), (20, 0.045)])
def test_with_noise_the_field_is_near_what_the_noise_allows(search, scenes, snr_db, most):
    rng = np.random.default_rng(5)
    found = search.find(np.stack([scene.scan(snr_db, rng) for scene in scenes]))
    assert np.median(errors(found, scenes)) < most
    for sources, scene in zip(found, scenes, strict=True):
        size = np.sqrt(np.mean(np.square(scene.scan())) * 2)
        if is_right(sources, scene):
            assert sources.noise == pytest.approx(size * 10 ** (-snr_db / 20), rel=0.3)


def test_ellipsoids_and_expected_errors_are_as_sure_as_they_may_be(search):
    """Of one scene with 24 draws of noise: the spread of what is found is the spread that is told."""
    rng = np.random.default_rng(2)
    scene = draw_scene(rng, 2)
    found = search.find(np.stack([scene.scan(30, rng) for _ in range(24)]))
    found = [sources for sources in found if is_right(sources, scene)]
    assert len(found) >= 20
    squares = []
    for sources in found:
        for element, place in enumerate(sources.positions):
            own = slice(9 * element, 9 * element + 3)
            off = place - scene.positions[np.argmin(np.linalg.norm(scene.positions - place, axis=1))]
            squares.append(off @ np.linalg.solve(sources.covariance[own, own], off))
    assert np.mean(squares) == pytest.approx(3, rel=0.5)  # chi-square of three degrees of freedom
    off = errors(found, [scene] * len(found))
    expected = np.array([sources.expected_rel_l2 for sources in found])
    bound = np.array([sources.bound_rel_l2 for sources in found])
    assert 0.6 < np.median(off / expected) < 1.6
    assert 0.7 < np.mean(off < bound) <= 1


def test_an_instrument_that_may_be_wrong_makes_less_sure(search, scenes):
    scans = np.stack([scene.scan() for scene in scenes[:4]])
    pairs = zip(search.find(scans), PointSearch(GEOMETRY, Instrument(gain=0.02)).find(scans), strict=True)
    for sure, unsure in pairs:
        np.testing.assert_allclose(sure.positions, unsure.positions)
        assert (unsure.expected_rel_l2 > 100 * sure.expected_rel_l2).all()
        assert (unsure.expected_rel_l2 > 0.005).all()


def test_what_many_elements_make_is_explained_by_none_that_can_be_counted(search):
    rng = np.random.default_rng(6)
    scenes = [draw_scene(rng, 200, (BOX[0] - [5e-3, 5e-3, 1e-3], BOX[1] + [5e-3, 5e-3, 0])) for _ in range(3)]
    scans = np.stack([scene.scan() for scene in scenes])
    assert search.explaining(scans) == [None] * 3
    for sources, scan in zip(search.find(scans), scans, strict=True):
        assert not sources.explain_the_scan
        if len(sources.background):
            made = sources.all_elements.fields(GEOMETRY.source.points())[1][:, :2].T.reshape(2, 11, 11)
            left = made - (scan[0::2] + 1j * scan[1::2])
            assert np.sqrt(np.mean(np.abs(left) ** 2)) < 1.2 * sources.noise


def test_in_loud_noise_few_elements_are_not_taken_for_all_there_is(search):
    scene, rng = draw_scene(np.random.default_rng(9), 2), np.random.default_rng(0)
    quiet, loud = search.find(np.stack([scene.scan(30, rng), scene.scan(20, rng)]))
    assert is_right(quiet, scene)
    assert is_right(loud, scene)
    assert quiet.explain_the_scan
    assert not loud.explain_the_scan


def test_strongest_elements_come_first_and_units_are_those_of_the_scan(search):
    scene = draw_scene(np.random.default_rng(9), 3)
    one, hundred = search.find(np.stack([scene.scan(), 100 * scene.scan()]))
    assert (np.diff(one.share) <= 0).all()
    np.testing.assert_allclose(hundred.moments, 100 * one.moments, rtol=1e-4)
    for place, moment in zip(one.positions, one.moments, strict=True):
        true = np.argmin(np.linalg.norm(scene.positions - place, axis=1))
        np.testing.assert_allclose(moment, scene.moments[true], rtol=1e-3)


def test_explaining_says_what_find_says(search, scenes):
    scans = np.stack([scene.scan() for scene in scenes[:4]])
    for all_of_it, explained in zip(search.find(scans), search.explaining(scans), strict=True):
        assert all_of_it.explain_the_scan == (explained is not None)
        if explained is not None:
            np.testing.assert_array_equal(explained.positions, all_of_it.positions)


def test_a_small_scan_is_never_explained_by_as_many_numbers_as_it_holds():
    geometry = Geometry(5e9, Grid(-1e-3, -1e-3, 1e-3, 1e-3, 3, 3, 1e-3), GEOMETRY.target)
    scene = draw_scene(np.random.default_rng(1), 3)
    (sources,) = PointSearch(geometry).find(scene.scan(grid=geometry.source)[None])
    assert len(sources) <= 2
    assert not sources.explain_the_scan


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_a_scan_without_a_field_is_refused(search, value):
    with pytest.raises(DataError, match="no sources can be found"):
        search.find(np.full((1, 4, 11, 11), value, np.float32))
