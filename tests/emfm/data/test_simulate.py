"""Simulated samples."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emfm.data.scenes import draw_scene, parameter_names, perturb, scene_parameters
from emfm.data.simulate import SimulatedSource, plan_row
from emfm.physics import Geometry, Grid, aperture_fields, element_fields
from emfm.physics.aperture import on_grid
from emfm.physics.channels import to_channels, to_components
from emfm.physics.constants import ETA_0
from scene_params import scene_params

PARAMS = scene_params()
GEOMETRY = Geometry(5e9, Grid(-5e-3, -5e-3, 2.5e-3, 2.5e-3, 5, 5, 1e-3), Grid(-20e-3, -20e-3, 10e-3, 8e-3, 5, 6, 5e-3))


@given(st.integers(0, 2**31), st.integers(0, 999), st.integers(0, 50))
@settings(max_examples=20, deadline=None)
def test_a_sample_depends_on_the_seed_and_its_row_alone(seed, row, more):
    small = SimulatedSource(GEOMETRY, PARAMS, seed).sample(row)
    larger = SimulatedSource(GEOMETRY, PARAMS.model_copy(update={"num_samples": 1000 + more}), seed).sample(row)
    for field in ("id", "family"):
        assert getattr(small, field) == getattr(larger, field)
    for field in ("source_h", "target", "parameters"):
        np.testing.assert_array_equal(getattr(small, field), getattr(larger, field))


def test_the_fields_are_those_of_the_elements_in_the_parameters():
    source = SimulatedSource(GEOMETRY, PARAMS, 7)
    for row in range(20):
        sample = source.sample(row)
        elements = sample.parameters[1:].reshape(-1, 10)[: int(sample.parameters[0])]
        moments = elements[:, 4:].copy().view(complex)
        magnetic = elements[:, :1] == 1
        e_field, h_field = element_fields(
            GEOMETRY.target.points(), elements[:, 1:4], moments * ~magnetic, moments * magnetic, 5e9
        )
        expected = np.concatenate([to_channels(on_grid(f, GEOMETRY.target)) for f in (e_field, h_field)])
        np.testing.assert_allclose(sample.target, expected, rtol=1e-6, atol=1e-6 * np.abs(expected).max())


def test_scenes_have_the_described_distribution():
    rng = np.random.default_rng(0)
    scenes = [draw_scene(PARAMS, rng) for _ in range(4000)]
    counts = Counter(len(scene.positions) for scene in scenes)
    assert set(counts) == {1, 2, 3, 4, 5, 6}
    assert max(counts.values()) - min(counts.values()) < 200
    positions = np.concatenate([scene.positions for scene in scenes])
    assert np.all(np.abs(positions[:, :2]) <= 5e-3)
    assert np.all((positions[:, 2] <= 0) & (positions[:, 2] >= -1.5e-3))
    np.testing.assert_allclose(positions.mean(0), [0, 0, -0.75e-3], atol=1e-4)
    magnetic = np.concatenate([scene.magnetic for scene in scenes])
    moments = np.concatenate([scene.moments for scene in scenes])
    assert magnetic.mean() == pytest.approx(0.5, abs=0.02)
    assert np.sqrt((np.abs(moments[~magnetic]) ** 2).mean()) == pytest.approx(1e-3, rel=0.03)
    assert np.sqrt((np.abs(moments[magnetic]) ** 2).mean()) == pytest.approx(0.3e-3 * ETA_0, rel=0.03)


def test_members_of_a_family_differ_by_small_perturbations():
    rng = np.random.default_rng(1)
    scene = draw_scene(PARAMS, rng)
    members = [perturb(scene, PARAMS, rng) for _ in range(2000)]
    shifts = np.concatenate([(member.positions - scene.positions).ravel() for member in members])
    changes = np.concatenate([((member.moments / scene.moments) - 1).ravel() for member in members])
    assert shifts.std() == pytest.approx(0.1e-3, rel=0.05)
    assert np.sqrt((np.abs(changes) ** 2).mean()) == pytest.approx(0.1, rel=0.05)


def test_families_have_one_to_four_members_and_never_cross_a_block():
    plans = [plan_row(row, 0, PARAMS) for row in range(5000)]
    sizes = Counter(Counter(plan.family for plan in plans if plan.repeat is None).values())
    assert set(sizes) == {1, 2, 3, 4}
    assert all(plan.family // 100 == row // 100 for row, plan in enumerate(plans))


def test_one_percent_of_each_kind_of_repeat_is_planted():
    source = SimulatedSource(GEOMETRY, PARAMS, 0)
    plans = [plan_row(row, 0, PARAMS) for row in range(1000)]
    assert Counter(plan.repeat for plan in plans) == {None: 970, "id": 10, "parameters": 10, "content": 10}
    for row, plan in enumerate(plans):
        if plan.repeat is None:
            continue
        repeat, original = source.sample(row), source.sample(plan.row)
        np.testing.assert_allclose(repeat.target, original.target, rtol=1e-5, atol=1e-6 * np.abs(original.target).max())
        assert repeat.family == original.family
        assert (repeat.id == original.id) == (plan.repeat == "id")
        same_parameters = np.array_equal(repeat.parameters, original.parameters, equal_nan=True)
        assert same_parameters == (plan.repeat != "content")


def test_no_repeats_are_planted_where_none_are_asked_for():
    plain = PARAMS.model_copy(update={"duplicate_share": 0.0})
    assert all(plan_row(row, 0, plain).repeat is None for row in range(500))


def test_the_aperture_kind_radiates_the_current_of_its_own_scan():
    sample = SimulatedSource(GEOMETRY, PARAMS.model_copy(update={"kind": "aperture"}), 0).sample(3)
    fields = aperture_fields(to_components(sample.source_h.astype(float)), GEOMETRY.source, GEOMETRY.target, 5e9)
    expected = np.concatenate([to_channels(field) for field in fields])
    np.testing.assert_allclose(sample.target, expected, rtol=0, atol=1e-6 * np.abs(expected).max())


def test_a_scene_written_otherwise_has_other_parameters_and_the_same_field():
    points = GEOMETRY.target.points()
    for seed in range(10):
        scene = draw_scene(PARAMS, np.random.default_rng(seed))
        other = scene.reordered()
        fields = [element_fields(points, s.positions, *s.electric_and_magnetic(), 5e9) for s in (scene, other)]
        for one, two in zip(*fields, strict=True):
            np.testing.assert_allclose(two, one, rtol=0, atol=1e-12 * np.abs(one).max())
        assert not np.array_equal(scene_parameters(scene, PARAMS), scene_parameters(other, PARAMS), equal_nan=True)
    assert len(scene_parameters(scene, PARAMS)) == len(parameter_names(PARAMS))


def test_an_unknown_source_kind_is_answered_with_the_known_ones():
    with pytest.raises(ValueError, match="did you mean 'aperture'"):
        SimulatedSource(GEOMETRY, PARAMS.model_copy(update={"kind": "apertures"}), 0)
