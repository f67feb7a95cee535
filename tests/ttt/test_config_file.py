"""Reading a configuration file, and the sentences with which it is refused."""

import pytest
from pydantic import Field

from ttt.config import ConfigError, Section, at_scale, changes, parse_section, read_yaml


class Inner(Section):
    depth: int = Field(ge=1)


class Outer(Section):
    rate: float = Field(gt=0)
    inner: Inner


def written(tmp_path, text):
    path = tmp_path / "c.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize("number", ["1e-3", "1E-3", "1.e-3", "0.001", "+1e-3"])
def test_a_number_in_any_usual_spelling_is_a_number(tmp_path, number):
    assert read_yaml(written(tmp_path, f"rate: {number}\n")) == {"rate": 0.001}


def test_a_key_given_twice_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="the key 'rate' is given twice"):
        read_yaml(written(tmp_path, "rate: 1\nrate: 2\n"))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match="nowhere.yaml: 1 problem\n  no such file; name one with --config"):
        read_yaml(tmp_path / "nowhere.yaml")


@pytest.mark.parametrize("text", ["- 1\n", "just text\n", ""])
def test_a_file_without_keys_is_refused(tmp_path, text):
    with pytest.raises(ConfigError, match="must hold 'key: value' lines"):
        read_yaml(written(tmp_path, text))


def test_a_file_that_is_no_yaml_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read as YAML"):
        read_yaml(written(tmp_path, "a: [1\n"))


def test_code_in_a_file_is_not_run(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read as YAML"):
        read_yaml(written(tmp_path, "a: !!python/object/apply:os.getpid []\n"))


def test_a_value_per_scale_is_picked_at_any_depth():
    value = {"a": [{"demo": 1, "full": {"demo": 2, "full": 3}}]}
    assert at_scale(value, "demo") == {"a": [1]}
    assert at_scale(value, "full") == {"a": [3]}


def sentences(raw):
    problems = []
    assert parse_section(Outer, raw, "outer", problems) is None
    return problems


def test_an_unknown_key_is_answered_with_its_path_the_nearest_and_all_known():
    raw = {"rate": 0.1, "inner": {"dept": 1, "depth": 2}}
    assert sentences(raw) == ["outer.inner.dept: unknown; did you mean 'depth'? known: depth"]


def test_every_mistake_is_named_with_what_was_found_and_what_is_allowed():
    assert sentences({"rate": -1.0, "inner": {"depth": "2"}}) == [
        "outer.rate: found -1.0 (float); allowed: greater than 0",
        "outer.inner.depth: found '2' (str); allowed: a valid integer",
    ]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), True, "0.1"])
def test_what_is_no_finite_number_is_refused(value):
    assert sentences({"rate": value, "inner": {"depth": 1}})[0].startswith("outer.rate: found")


def test_a_missing_section_is_named_with_its_keys():
    assert sentences(None) == ["outer: found None (NoneType); needs a mapping with the keys rate, inner"]


def test_changes_are_listed_by_dotted_key():
    before, now = {"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"b": 1, "c": 5}, "e": 4}
    assert changes(before, now) == [("a.c", 2, 5), ("d", 3, "nothing"), ("e", "nothing", 4)]
