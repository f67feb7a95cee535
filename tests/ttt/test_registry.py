"""Parts by name."""

import pytest

from ttt.config import ConfigError, PartParams, Section
from ttt.registry import Registry, load_plugins


class CircleParams(PartParams):
    radius: float


class EllipseParams(PartParams):
    radius: float
    ratio: float = 1.0


@pytest.fixture
def shapes():
    registry = Registry("shape", "scale", "colour", base=PartParams)

    @registry.register("circle")
    def circle(params: CircleParams, scale):
        return params.radius * scale

    @registry.register("ellipse")
    def ellipse(params: EllipseParams):
        return params.radius * params.ratio

    @registry.register("point")
    def point():
        return 0.0

    return registry


def test_a_part_is_built_from_its_section_and_a_context(shapes):
    problems = []
    params = shapes.parse({"name": "circle", "radius": 2.0}, "shape", problems)
    assert (shapes.build(params, scale=3.0), problems) == (6.0, [])


def test_an_unknown_name_is_answered_with_the_nearest_and_the_known_ones(shapes):
    problems = []
    assert shapes.parse({"name": "cirle"}, "shape", problems) is None
    assert problems == ["shape.name 'cirle': unknown; did you mean 'circle'? known: circle, ellipse, point"]
    with pytest.raises(ConfigError, match="did you mean 'circle'"):
        shapes.get("cirle")


def test_a_section_without_a_name_is_answered_with_the_known_ones(shapes):
    problems = []
    assert shapes.parse({"radius": 1.0}, "shape", problems) is None
    assert problems == ["shape.name: missing; name one of circle, ellipse, point"]


def test_a_name_belongs_to_one_part(shapes):
    with pytest.raises(ValueError, match="shape 'circle' is registered twice"):
        shapes.register("circle")(lambda: None)


def test_a_plugin_that_is_not_found_says_where_it_is_looked_for():
    with pytest.raises(ConfigError, match="'no_such_module' cannot be imported .* is its folder on PYTHONPATH"):
        load_plugins(["no_such_module"])


def test_a_part_gets_of_what_is_on_offer_only_what_it_asks_for(shapes):
    params = shapes.parse({"name": "point"}, "shape", [])
    assert shapes.build(params, scale=3.0, colour="red") == 0.0


def test_a_part_that_asks_for_what_is_not_on_offer_is_refused(shapes):
    with pytest.raises(ValueError, match="shape 'square' asks for size; it can ask for params, scale, colour"):
        shapes.register("square")(lambda size: size)


def test_a_section_must_be_annotated_and_hold_the_name(shapes):
    with pytest.raises(ValueError, match="annotate its argument params with the section that it reads"):
        shapes.register("square")(lambda params: params)

    def square(params: Section):
        return params

    with pytest.raises(ValueError, match="shape 'square': its section Section is no PartParams"):
        shapes.register("square")(square)


def test_an_annotation_may_be_written_as_text(shapes):
    def square(params: "CircleParams"):
        return params.radius

    shapes.register("square")(square)
    assert shapes.get("square").params is CircleParams


BLOCKS = {"name": "circle", "circle": {"radius": 2.0}, "ellipse": {"radius": 1.0, "ratio": 0.5}, "point": {}}


@pytest.mark.parametrize(("name", "size"), [("circle", 6.0), ("ellipse", 0.5), ("point", 0.0)])
def test_another_name_chooses_another_block(shapes, name, size):
    problems = []
    params = shapes.parse(BLOCKS | {"name": name}, "shape", problems)
    assert (shapes.build(params, scale=3.0), problems) == (size, [])


def test_keys_beside_the_blocks_are_for_every_part_that_knows_them(shapes):
    problems = []
    raw = {"radius": 3.0, "circle": {}, "ellipse": {"ratio": 0.5}, "point": {}}
    sizes = [
        shapes.build(shapes.parse(raw | {"name": name}, "shape", problems), scale=1.0) for name in ("circle", "ellipse")
    ]
    assert (sizes, problems) == ([3.0, 1.5], [])


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        ({"circle": {"radius": "two"}}, "shape.circle.radius: found 'two' (str); allowed: a valid number"),
        ({"circle": {}}, "shape.circle.radius: missing; it has no default"),
        ({"circle": {"radius": 1.0, "ratio": 2.0}}, "shape.circle.ratio: unknown; known: name, radius"),
        ({"circle": 3.0}, "shape.circle: found 3.0 (float); needs a mapping with the keys name, radius"),
        ({"radius": 1.0, "circle": {"radius": 1.0}}, "shape.circle.radius: given as shape.radius, too; give it once"),
        ({"radius": 1.0, "ellipse": {"ratio": "no"}}, "shape.ellipse.ratio: found 'no' (str); allowed: a valid number"),
        ({"radius": 1.0, "square": {}}, "shape.square: unknown; known: name, radius"),
    ],
)
def test_a_mistake_is_named_where_it_stands_also_in_a_block_that_is_not_chosen(shapes, raw, problem):
    problems = []
    shapes.parse({"name": "circle"} | raw, "shape", problems)
    assert problems == [problem]
