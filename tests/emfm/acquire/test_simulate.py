"""Simulated samples."""

import hashlib
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emfm.acquire.aperture import aperture_fields, on_grid
from emfm.acquire.simulate import SimulatedSource, plan_row, single_kind_source
from emfm.core.channels import to_channels, to_components
from emfm.core.elements import element_fields
from emfm.core.grid import Geometry, Grid
from scene_params import scene_params

PARAMS = scene_params()
GEOMETRY = Geometry(5e9, Grid(-5e-3, -5e-3, 2.5e-3, 2.5e-3, 5, 5, 1e-3), Grid(-20e-3, -20e-3, 10e-3, 8e-3, 5, 6, 5e-3))
KINDS = ["elements", "loops", "patches", "traces"]
MIXES = [*({kind: 1.0} for kind in KINDS), dict.fromkeys(KINDS, 1.0)]
MIXTURE = scene_params(mix=MIXES[-1], segment_mm=2.0)


@pytest.mark.parametrize("mix", MIXES, ids=lambda mix: "+".join(mix))
@given(st.integers(0, 2**31), st.integers(0, 999), st.integers(0, 50))
@settings(max_examples=10, deadline=None)
def test_a_sample_depends_on_the_seed_and_its_row_alone(mix, seed, row, more):
    params = MIXTURE.model_copy(update={"mix": mix})
    small = SimulatedSource(GEOMETRY, params, seed).sample(row)
    larger = SimulatedSource(GEOMETRY, params.model_copy(update={"num_samples": 1000 + more}), seed).sample(row)
    for field in ("id", "family"):
        assert getattr(small, field) == getattr(larger, field)
    for field in ("source_h", "target", "parameters"):
        np.testing.assert_array_equal(getattr(small, field), getattr(larger, field))


@given(st.lists(st.integers(0, 199), min_size=2, max_size=8))
@settings(max_examples=10, deadline=None)
def test_samples_are_the_same_in_whatever_order_they_are_asked_for(rows):
    source = SimulatedSource(GEOMETRY, MIXTURE, 3)
    for row in rows:
        np.testing.assert_array_equal(
            source.sample(row).target, SimulatedSource(GEOMETRY, MIXTURE, 3).sample(row).target
        )


def test_the_default_data_set_is_the_one_that_had_no_other_scene_kinds():
    """The digest was taken before there were any; float32, as the last bits of float64 are a processor's own."""
    source = SimulatedSource(GEOMETRY, PARAMS, 7)
    digest = hashlib.sha256(",".join(source.parameter_names).encode())
    for row in (0, 1, 2, 3, 25, 50, 75, 99, 100, 523, 999):
        sample = source.sample(row)
        digest.update(f"{sample.id},{sample.family}".encode())
        for array in (sample.parameters, sample.source_h, sample.target):
            digest.update(array.astype(np.float32).tobytes())
    assert digest.hexdigest() == "1ad1d7ac00e438b6b0626084d2df4c26b7a919d942d18e6a4e8a150e7bda552a"
    assert source.origin == "simulated: elements"


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


def test_families_have_one_to_four_members_and_never_cross_a_block():
    plans = [plan_row(row, 0, PARAMS) for row in range(5000)]
    sizes = Counter(Counter(plan.family for plan in plans if plan.repeat is None).values())
    assert set(sizes) == {1, 2, 3, 4}
    assert all(plan.family // 100 == row // 100 for row, plan in enumerate(plans))


@pytest.mark.parametrize("params", [PARAMS, MIXTURE], ids=["elements", "mixture"])
def test_one_percent_of_each_kind_of_repeat_is_planted(params):
    source = SimulatedSource(GEOMETRY, params, 0)
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


def test_a_family_is_of_one_kind_and_only_its_columns_are_known():
    source = SimulatedSource(GEOMETRY, MIXTURE, 0)
    assert source.parameter_names[0] == "kind"
    assert source.origin == "simulated: elements; scenes: elements, loops, patches, traces"
    own = [SimulatedSource(GEOMETRY, MIXTURE.model_copy(update={"mix": {kind: 1.0}}), 0) for kind in KINDS]
    kind_of_family = {}
    for row in range(60):
        sample = source.sample(row)
        place = int(sample.parameters[0])
        assert kind_of_family.setdefault(sample.family, place) == place
        single = own[place].sample(row)
        columns = [source.parameter_names.index(name) for name in own[place].parameter_names]
        np.testing.assert_array_equal(sample.parameters[columns], single.parameters)
        np.testing.assert_array_equal(sample.target, single.target)
        assert np.isnan(np.delete(sample.parameters, [0, *columns])).all()
    assert len(set(kind_of_family.values())) == 4


def test_the_set_of_one_kind_holds_no_scene_of_the_main_set_and_no_repeat():
    for kind in KINDS:
        single = single_kind_source(kind, GEOMETRY, PARAMS, 0)
        main = SimulatedSource(GEOMETRY, PARAMS.model_copy(update={"mix": {kind: 1.0}}), 0)
        assert len(single) == PARAMS.kinds_samples
        samples = [single.sample(row) for row in range(len(single))]
        assert [samples[1].id, samples[1].family] == [f"{kind}-s00000001", f"{kind}-f00000001"]
        assert len({sample.family for sample in samples}) == len(samples)
        contents = [sample.parameters.tobytes() for sample in samples]
        assert len(set(contents)) == len(samples)
        assert not set(contents) & {main.sample(row).parameters.tobytes() for row in range(len(samples))}


@pytest.mark.parametrize("kind", KINDS)
def test_any_planes_and_flat_boards_are_simulated(kind):
    geometry = Geometry(1e8, Grid(-1e-3, -2e-3, 1e-4, 5e-4, 3, 4, 2e-4), Grid(-1.0, -1.0, 1.0, 1.0, 3, 3, 3.0))
    source = SimulatedSource(geometry, scene_params(mix={kind: 1.0}, half_width_mm=0.5, depth_mm=0.0), 0)
    for row in range(5):
        sample = source.sample(row)
        assert np.isfinite(sample.source_h).all()
        assert np.abs(sample.target).max() > 0


def test_the_aperture_kind_radiates_the_current_of_its_own_scan():
    sample = SimulatedSource(GEOMETRY, PARAMS.model_copy(update={"kind": "aperture"}), 0).sample(3)
    fields = aperture_fields(to_components(sample.source_h.astype(float)), GEOMETRY.source, GEOMETRY.target, 5e9)
    expected = np.concatenate([to_channels(field) for field in fields])
    np.testing.assert_allclose(sample.target, expected, rtol=0, atol=1e-6 * np.abs(expected).max())


def test_an_unknown_source_kind_is_answered_with_the_known_ones():
    with pytest.raises(ValueError, match="did you mean 'aperture'"):
        SimulatedSource(GEOMETRY, PARAMS.model_copy(update={"kind": "apertures"}), 0)


def test_an_unknown_scene_kind_is_answered_with_the_known_ones():
    with pytest.raises(ValueError, match="acquire.simulate.mix.trace: unknown; did you mean 'traces'"):
        SimulatedSource(GEOMETRY, PARAMS.model_copy(update={"mix": {"trace": 1.0}}), 0)
