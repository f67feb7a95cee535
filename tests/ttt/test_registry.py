"""Parts by name."""

import pytest

from ttt.config import ConfigError, Section
from ttt.registry import Registry, load_plugins


class CircleParams(Section):
    name: str
    radius: float


@pytest.fixture
def shapes():
    registry = Registry("shape")

    @registry.register("circle", params=CircleParams)
    def circle(params, *, scale):
        return params.radius * scale

    return registry


def test_a_part_is_built_from_its_section_and_a_context(shapes):
    problems = []
    params = shapes.parse({"name": "circle", "radius": 2.0}, "shape", problems)
    assert (shapes.build(params, scale=3.0), problems) == (6.0, [])


def test_an_unknown_name_is_answered_with_the_nearest_and_the_known_ones(shapes):
    problems = []
    assert shapes.parse({"name": "cirle"}, "shape", problems) is None
    assert problems == ["shape.name 'cirle': unknown; did you mean 'circle'? known: circle"]
    with pytest.raises(ConfigError, match="did you mean 'circle'"):
        shapes.get("cirle")


def test_a_section_without_a_name_is_answered_with_the_known_ones(shapes):
    problems = []
    assert shapes.parse({"radius": 1.0}, "shape", problems) is None
    assert problems == ["shape.name: missing; name one of circle"]


def test_a_name_belongs_to_one_part(shapes):
    with pytest.raises(ValueError, match="shape 'circle' is registered twice"):
        shapes.register("circle", params=CircleParams)(lambda params: None)


def test_a_plugin_that_is_not_found_says_where_it_is_looked_for():
    with pytest.raises(ConfigError, match="'no_such_module' cannot be imported .* is its folder on PYTHONPATH"):
        load_plugins(["no_such_module"])
