"""Mixtures of scene kinds, and what every kind must do."""

import pickle
from collections import Counter

import numpy as np
import pytest
from pydantic import ValidationError

from emfm.acquire.scene_kinds import SCENE_KINDS
from emfm.acquire.scene_kinds.elements import LooseElements
from emfm.acquire.scene_mix import SceneMix, drawn_kinds, scene_problems
from emfm.acquire.scenes import Planes, Scene
from emfm.acquire.simulate import SimulatedSource
from emfm.core.grid import Geometry, Grid
from scene_params import scene_params
from ttt.config import Section

GRID = Grid(-5e-3, -5e-3, 5e-3, 5e-3, 3, 3, 1e-3)
GEOMETRY = Geometry(5e9, GRID, Grid(-5e-3, -5e-3, 5e-3, 5e-3, 3, 3, 5e-3))
PLANES = Planes((GEOMETRY.source, GEOMETRY.target), 5e9)
KINDS = SCENE_KINDS.names()


def kind_of(name):
    (kind,) = SceneMix.build(scene_params(mix={name: 1.0}), GEOMETRY).kinds
    return kind


@pytest.mark.parametrize("name", KINDS)
def test_a_scene_written_otherwise_has_other_parameters_and_the_same_field(name):
    kind = kind_of(name)
    for seed in range(10):
        layout = kind.draw(np.random.default_rng(seed))
        other = kind.rewrite(layout)
        one, two = (kind.currents(written).fields(PLANES) for written in (layout, other))
        for part in (0, 1):
            np.testing.assert_allclose(two[part], one[part], rtol=0, atol=1e-11 * np.abs(one[part]).max())
        parameters = [kind.parameters(one) for one in (layout, other)]
        assert not np.array_equal(*parameters, equal_nan=True)
        assert [len(values) for values in parameters] == [len(kind.parameter_names)] * 2


def highest_source(currents):
    """The largest z of elements, or of a board's nets."""
    if isinstance(currents, Scene):
        return currents.positions[:, 2].max()
    return 0.0 if currents.structure.nets else currents.structure.elements.positions[:, 2].max()


@pytest.mark.parametrize("name", KINDS)
def test_the_shallowest_source_is_the_largest_of_the_parameters_in_z(name):
    kind = kind_of(name)
    heights = [place for place, column in enumerate(kind.parameter_names) if column.endswith("_z")]
    for seed in range(20):
        rng = np.random.default_rng(seed)
        layout = kind.perturb(kind.draw(rng), rng)
        highest = np.nanmax(kind.parameters(layout)[heights])
        assert highest == pytest.approx(highest_source(kind.currents(layout)), abs=0.1e-3)


@pytest.mark.parametrize("name", KINDS)
def test_a_kind_can_be_sent_to_another_process(name):
    kind = kind_of(name)
    sent = pickle.loads(pickle.dumps(kind))
    drawn = [one.parameters(one.draw(np.random.default_rng(0))) for one in (kind, sent)]
    np.testing.assert_array_equal(*drawn)


def test_kinds_are_drawn_as_often_as_their_weights_say():
    mix = {"traces": 3.0, "elements": 1.0, "loops": 0.0, "patches": 4.0}
    params = scene_params(mix=mix, family_size=1, duplicate_share=0.0, segment_mm=100.0)
    assert drawn_kinds(params) == ("elements", "patches", "traces")
    source = SimulatedSource(GEOMETRY, params, 0)
    counts = Counter(source.sample(row).parameters[0] for row in range(1000))
    assert [counts[place] / 1000 for place in (0, 1, 2)] == pytest.approx([1 / 8, 4 / 8, 3 / 8], abs=0.05)


def test_the_order_of_the_mix_in_the_file_does_not_matter():
    weights = dict.fromkeys(KINDS, 1.0)
    reverse = dict(reversed(weights.items()))
    one, other = (SimulatedSource(GEOMETRY, scene_params(mix=mix), 0) for mix in (weights, reverse))
    assert one.parameter_names == other.parameter_names
    for row in range(10):
        np.testing.assert_array_equal(one.sample(row).parameters, other.sample(row).parameters)


@pytest.mark.parametrize(
    ("mix", "sentence"),
    [
        ({"elements": -1.0}, "greater than or equal to 0"),
        ({"elements": 0.0, "traces": 0.0}, "no kind has a weight above 0"),
        ({}, "no kind has a weight above 0"),
    ],
)
def test_weights_that_draw_nothing_are_refused(mix, sentence):
    with pytest.raises(ValidationError, match=sentence):
        scene_params(mix=mix)


def test_mistakes_are_named_with_their_path():
    scenes = scene_params().scenes
    params = scene_params(
        mix={"elements": 1.0, "trace": 1.0},
        scenes={**scenes, "loop": {}, "loops": {"max_loops": 0}, "elements": {"max": 3}},
    )
    problems = scene_problems(params)
    for sentence in (
        "acquire.simulate.mix.trace: unknown; did you mean 'traces'",
        "acquire.simulate.scenes.loop: unknown; did you mean 'loops'",
        "acquire.simulate.scenes.loops.max_loops: found 0",
        "acquire.simulate.scenes.loops.smallest_mm: missing; shortest side of a loop",
        "acquire.simulate.scenes.elements.max: unknown",
    ):
        assert any(problem.startswith(sentence) for problem in problems), (sentence, problems)
    assert scene_problems(scene_params()) == []


class StripParams(Section):
    strips: int


class Strips(LooseElements):
    """A user's own kind: loose elements under other names."""

    def __init__(self, params: StripParams, simulate):
        super().__init__(simulate.model_copy(update={"max_elements": params.strips}))

    @property
    def parameter_names(self):
        return tuple(f"strip_{name}" for name in super().parameter_names)


def test_a_further_kind_takes_its_section_and_its_share(monkeypatch):
    monkeypatch.setattr(SCENE_KINDS, "_parts", dict(SCENE_KINDS._parts))
    SCENE_KINDS.register("strips")(Strips)
    params = scene_params(
        mix={"elements": 1.0, "strips": 1.0}, scenes={**scene_params().scenes, "strips": {"strips": 2}}
    )
    assert scene_problems(params) == []
    source = SimulatedSource(GEOMETRY, params, 0)
    columns = [place for place, name in enumerate(source.parameter_names) if name.startswith("strip_")]
    assert len(columns) == 1 + 2 * 10
    samples = [source.sample(row).parameters for row in range(30)]
    assert all(np.isnan(values[columns[0]]) == (values[0] == 0) for values in samples)
    assert len({values[0] for values in samples}) == 2
