"""Elements found from what was measured: points off any grid, missing ones, one component, E, mixed heights."""

from dataclasses import replace

import numpy as np
import pytest

from element_scenes import GEOMETRY, draw_scene, relative_errors
from emfm.core.errors import DataError
from emfm.core.measured import MeasuredField
from emfm.sources.measured_search import sources_below, unseen
from emfm.sources.search import PointSearch
from measured_scans import GRID_POINTS, measured, scattered

SCENES = 4
SCENES_OF_ONE_COMPONENT = 12


def shown(scene, components):
    """The scene without the moments that make nothing of a single component."""
    if len(components) > 1:
        return scene
    moments = scene.moments.copy()
    moments[~scene.magnetic, "xyz".index(components[0][1])] = 0
    return replace(scene, moments=moments)


def with_gaps(scan, rng):
    """One point of ten without any value, and one value of ten missing besides."""
    values = scan.values.copy()
    values[:, rng.random(values.shape[1]) < 0.1] = np.nan
    values[rng.random(values.shape) < 0.1] = np.nan
    return replace(scan, values=values)


WAYS = {
    "scattered points": (lambda rng: scattered(rng), ("Hx", "Hy")),
    "missing points": (lambda _: GRID_POINTS, ("Hx", "Hy")),
    "mixed heights": (lambda rng: scattered(rng, heights=(1e-3, 2e-3)), ("Hx", "Hy")),
    "Hz alone": (lambda _: GRID_POINTS, ("Hz",)),
    "Hx alone": (lambda _: GRID_POINTS, ("Hx",)),
    "E alone": (lambda _: GRID_POINTS, ("Ex", "Ey", "Ez")),
    "E and H, in any order": (lambda _: GRID_POINTS, ("Hx", "Ez", "Hy")),
}


@pytest.mark.parametrize("way", WAYS)
def test_elements_are_found_at_40_db_of_noise_nearly_as_from_a_whole_scan(way):
    points_of, components = WAYS[way]
    rng = np.random.default_rng(1)
    errors, right = [], []
    for number in range(SCENES_OF_ONE_COMPONENT if len(components) == 1 else SCENES):
        scene = shown(draw_scene(np.random.default_rng((21, number)), 3), components)
        scan = measured(scene, points_of(rng), components, 40, rng)
        sources = sources_below(with_gaps(scan, rng) if way == "missing points" else scan, GEOMETRY.target)
        right.append(sorted(sources.magnetic) == sorted(scene.magnetic))
        if right[-1]:
            apart = np.linalg.norm(sources.positions[:, None] - scene.positions, axis=2).min(1)
            assert apart.max() < 0.3e-3
            assert sources.explain_the_scan
        fields = [made.fields(GEOMETRY.target.points()) for made in (sources.all_elements, scene)]
        errors.append(relative_errors(*(np.concatenate([part.T for part in field]) for field in fields)))
    assert np.mean(right) >= (0.75 if len(components) == 1 else 1)  # one component is half as much to go by
    assert np.median(errors) < (0.03 if len(components) == 1 else 0.01)


def test_hx_and_hy_on_a_whole_grid_are_searched_as_a_model_does():
    rng = np.random.default_rng(0)
    scene = draw_scene(np.random.default_rng(9), 3)
    scan = scene.scan(40, rng)
    values = (scan[0::2] + 1j * scan[1::2]).reshape(2, -1).astype(complex)
    (expected,) = PointSearch(GEOMETRY).find(scan[None])
    found = sources_below(MeasuredField(GRID_POINTS, ("Hx", "Hy"), values, GEOMETRY.frequency), GEOMETRY.target)
    np.testing.assert_allclose(found.positions, expected.positions, atol=1e-9)
    np.testing.assert_allclose(found.moments, expected.moments, rtol=1e-6, atol=1e-9 * np.abs(found.moments).max())
    np.testing.assert_allclose(found.spread, expected.spread, rtol=1e-3)
    assert found.noise == pytest.approx(expected.noise)


def test_moments_are_those_of_the_scene_whatever_was_measured():
    scene = draw_scene(np.random.default_rng(9), 2)
    for components in (("Ex", "Ey"), ("Hz", "Ez", "Hx")):
        sources = sources_below(measured(scene, components=components))
        for place, moment in zip(sources.positions, sources.moments, strict=True):
            true = np.argmin(np.linalg.norm(scene.positions - place, axis=1))
            np.testing.assert_allclose(moment, scene.moments[true], rtol=1e-3, atol=1e-4 * np.abs(moment).max())


def test_what_one_component_does_not_show_is_said_and_counts_in_the_expected_error():
    scene = draw_scene(np.random.default_rng(2), 1)
    scene = replace(scene, magnetic=np.array([False]), moments=np.array([[1e-5, 1e-5j, 1e-5]]))
    sources = sources_below(measured(scene, components=("Hx",)), GEOMETRY.target)
    assert abs(sources.moments[0, 0]) < 1e-9
    assert sources.spread[0, 3] == pytest.approx(1e-5 / np.sqrt(2), rel=0.2)
    true, found = (
        np.concatenate([part.T for part in made.fields(GEOMETRY.target.points())])
        for made in (scene, sources.all_elements)
    )
    off = np.array(relative_errors(found, true))
    assert (off > 0.2).all()
    assert (sources.bound_rel_l2 > off).all()
    assert "Hx alone shows no electric currents along x" in str(unseen(("Hx",)))
    assert "Ez alone shows no magnetic currents (loops) along z" in str(unseen(("Ez",)))
    assert unseen(("Hx", "Hy")) is None


def test_sources_lie_where_they_may():
    scene = draw_scene(np.random.default_rng(4), 1)
    depth = GRID_POINTS[0, 2] - scene.positions[0, 2]
    (place,) = sources_below(measured(scene), depths=(0.5 * depth, 1.5 * depth)).positions
    np.testing.assert_allclose(place, scene.positions[0], atol=1e-7)
    deeper = sources_below(measured(scene), depths=(1.5 * depth, 2 * depth)).positions
    assert (GRID_POINTS[0, 2] - deeper[:, 2] >= 1.5 * depth - 1e-12).all()


@pytest.mark.parametrize("depths", [(0.0, 1e-3), (2e-3, 1e-3)])
def test_depths_that_are_none_are_refused(depths):
    scan = measured(draw_scene(np.random.default_rng(4), 1))
    with pytest.raises(DataError, match="depths: found .* give the least and the largest depth"):
        sources_below(scan, depths=depths)


@pytest.mark.parametrize(
    ("points", "sentence"),
    [
        (GRID_POINTS[:13], "found 26 complex values; a search for sources needs 27 or more"),
        (np.repeat(GRID_POINTS, 13, axis=0), "found 3146 complex values, more than the 3000 .*thinned"),
        (GRID_POINTS[GRID_POINTS[:, 1] == 0].repeat(3, axis=0), "span 10 mm along x and 0 mm along y"),
    ],
)
def test_scans_of_which_nothing_can_be_said_are_refused(points, sentence):
    with pytest.raises(DataError, match=sentence):
        sources_below(measured(draw_scene(np.random.default_rng(4), 1), points))
