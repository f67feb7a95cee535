"""Read a configuration file into typed, frozen sections, and refuse it with every mistake named."""

import difflib
import re
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar, get_args

import pydantic
import yaml
from pydantic.config import JsonDict

from ttt.text import decoded

SCALES: Final = ("demo", "full")
"""Names of the two sizes of a job. A value may be given once, or once per scale: ``{demo: 8, full: 50}``."""

_MOST_VALUES: Final = 100_000


class UserError(ValueError):
    """Something that the user gave cannot be used: says what, where, and what to do about it."""


class ConfigError(UserError):
    """A configuration that cannot be used: each problem with its key's full path and what is allowed."""

    def __init__(self, source: str, problems: list[str]) -> None:
        self.source = source
        self.problems = problems
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        super().__init__("\n  ".join([f"{source}: {count}", *problems]))


class Section(pydantic.BaseModel):
    """Base of every section of the configuration: frozen, strictly typed, unknown keys refused."""

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class PartParams(Section):
    """Base of the sections that name a part, which reads the other keys: see `ttt.registry`."""

    name: str = pydantic.Field(description="which part is used; it decides the other keys")


DECIDES_NO_MODEL: Final[JsonDict] = {"decides_model": False}
"""For ``Field(json_schema_extra=...)``: the value changes no trained model and none of the sets it is evaluated on."""

MAY_CHANGE: Final[JsonDict] = {"may_change": True}
"""For ``Field(json_schema_extra=...)``: a training that is resumed may go on with another value."""

S = TypeVar("S", bound=Section)


class _Loader(yaml.SafeLoader):
    """Safe YAML in which ``1e-3`` is a number, as in YAML 1.2 and DVC, and a repeated key is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        self.flatten_mapping(node)
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, Hashable):
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {_shown(key)} is no name", key_node.start_mark
                )
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key '{key}' is given twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$"),
    list("-+.0123456789"),
)


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file; raises ConfigError where there is no such file or no such mapping."""
    try:
        text = decoded(path.read_bytes())
    except FileNotFoundError:
        raise ConfigError(str(path), ["no such file; name one with --config"]) from None
    except (OSError, ValueError) as error:
        raise ConfigError(str(path), [f"cannot be read as YAML: {error}"]) from error
    return parse_yaml(text, str(path))


def parse_yaml(text: str, source: str) -> dict[str, Any]:
    """The mapping in YAML text that comes from ``source``; raises ConfigError where there is no such mapping."""
    content = yaml_value(text, source)
    if not isinstance(content, dict):
        raise ConfigError(source, [f"must hold 'key: value' lines, found {_shown(content)}"])
    return content


def yaml_value(text: str, source: str) -> Any:
    """The value of YAML text that comes from ``source``; raises ConfigError where it is no YAML."""
    try:
        content = yaml.load(text, Loader=_Loader)
        _refuse_bomb(content)
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        raise ConfigError(source, [f"cannot be read as YAML: {error}"]) from error
    return content


def with_values(raw: dict[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """``raw`` with values set by dotted key, at every scale where a mapping on the way is given once per scale."""
    for key, value in overrides.items():
        _set(raw, key.split("."), value)
    return raw


def _set(raw: dict[str, Any], keys: list[str], value: Any) -> None:
    key, *rest = keys
    if not rest:
        raw[key] = value
        return
    if not isinstance(raw.get(key), dict):
        raw[key] = {}
    is_per_scale = set(raw[key]) == set(SCALES) and rest[0] not in SCALES
    for path in [[scale, *rest] for scale in SCALES] if is_per_scale else [rest]:
        _set(raw[key], path, value)


def _refuse_bomb(content: Any) -> None:
    """Raise ValueError where aliases of aliases stand for more values than any configuration has."""
    sizes: dict[int, int] = {}

    def size(value: Any) -> int:
        if not isinstance(value, dict | list):
            return 1
        if id(value) not in sizes:
            sizes[id(value)] = _MOST_VALUES  # a collection that holds itself has no end
            items = value.values() if isinstance(value, dict) else value
            sizes[id(value)] = 1 + sum(map(size, items))
        return sizes[id(value)]

    if size(content) > _MOST_VALUES:
        raise ValueError(f"its aliases stand for more than {_MOST_VALUES} values; write them out")


def at_scale(value: Any, scale: str) -> Any:
    """``value`` with each ``{demo: a, full: b}`` in it, at any depth, replaced by the one of ``scale``."""
    if isinstance(value, Mapping):
        if value and set(value) == set(SCALES):
            return at_scale(value[scale], scale)
        return {key: at_scale(item, scale) for key, item in value.items()}
    if isinstance(value, list):
        return [at_scale(item, scale) for item in value]
    return value


def parse_section(
    section: type[S], raw: Any, path: str, problems: list[str], inside: Mapping[str, str] | None = None
) -> S | None:
    """``raw`` as a ``section``; where it is not one, None, and what is wrong goes to ``problems``.

    ``path`` is where the section stands; keys in ``inside`` stand elsewhere, at the path that is given there.
    """
    if not isinstance(raw, Mapping):
        allowed = ", ".join(section.model_fields)
        problems.append(f"{path}: found {_shown(raw)}; needs a mapping with the keys {allowed}")
        return None
    try:
        return section.model_validate(dict(raw))
    except pydantic.ValidationError as error:
        for detail in error.errors(include_url=False):
            first = str(detail["loc"][0]) if detail["loc"] else ""
            problems.append(_sentence(section, detail, (inside or {}).get(first, path)))
        return None


def unknown_key(path: str, key: str, known: list[str]) -> str:
    """The sentence for a key (or name) that nobody knows: the nearest known one, and all of them."""
    near = difflib.get_close_matches(key, known, n=1)
    hint = f"did you mean '{near[0]}'? " if near else ""
    return f"{path}: unknown; {hint}known: {', '.join(known)}"


def is_marked(field: pydantic.fields.FieldInfo, mark: JsonDict) -> bool:
    """Whether a field was given ``json_schema_extra=mark``, alone or with other marks."""
    extra = field.json_schema_extra
    return isinstance(extra, dict) and mark.items() <= extra.items()


def keys_marked(section: Section, mark: JsonDict, path: str = "") -> list[str]:
    """The dotted keys of a section, and of those inside it, whose fields are marked."""
    found = []
    for name, field in type(section).model_fields.items():
        value, key = getattr(section, name), ".".join(filter(None, [path, field.alias or name]))
        if is_marked(field, mark):
            found.append(key)
        elif isinstance(value, Section):
            found += keys_marked(value, mark, key)
    return found


def deciding(section: Section) -> dict[str, Any]:
    """The plain values of a section and of those inside it, but for fields that are `DECIDES_NO_MODEL`."""
    plain = section.model_dump(mode="json", by_alias=True)
    found = {}
    for name, field in type(section).model_fields.items():
        if not is_marked(field, DECIDES_NO_MODEL):
            value, key = getattr(section, name), field.alias or name
            found[key] = deciding(value) if isinstance(value, Section) else plain[key]
    return found


def changes(before: Any, now: Any, path: str = "") -> list[tuple[str, Any, Any]]:
    """Where two nested mappings differ: (dotted key, before, now); a missing value is ``"nothing"``."""
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        keys = [*before, *(key for key in now if key not in before)]
        return [
            change
            for key in keys
            for change in changes(
                before.get(key, "nothing"), now.get(key, "nothing"), f"{path}.{key}" if path else str(key)
            )
        ]
    return [] if before == now else [(path, before, now)]


def _sentence(section: type[Section], detail: Any, path: str) -> str:
    location = [str(part) for part in detail["loc"]]
    full = ".".join([path, *location]) if path else ".".join(location)
    if detail["type"] == "extra_forbidden":
        return unknown_key(full, location[-1], _keys_at(section, location[:-1]))
    if detail["type"] == "missing":
        return f"{full}: missing; {_description(section, location)}"
    message = detail["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    if isinstance(detail["input"], Mapping) and (problem := _scale_problem(detail["input"])):
        return f"{full}: found {_shown(detail['input'])}; {problem}"
    if isinstance(detail["input"], Mapping) and detail["type"] == "value_error":
        return f"{full}: {message}"
    return f"{full}: found {_shown(detail['input'])}; allowed: {message}"


def _scale_problem(value: Mapping[Any, Any]) -> str:
    """What is wrong with a value that was meant to be given once per scale; nothing where it was not."""
    if not set(value) & set(SCALES):
        return ""
    return f"a value per scale has the keys {' and '.join(SCALES)}, both of them and no other"


def _keys_at(section: type[Section], location: list[str]) -> list[str]:
    current: Any = section
    for part in location:
        field = current.model_fields.get(part)
        current = _section_in(field.annotation) if field else None
        if current is None:
            return []
    return list(current.model_fields)


def _section_in(annotation: Any) -> type[Section] | None:
    """The section that a field holds, perhaps beside None."""
    choices = [annotation, *get_args(annotation)]
    return next((choice for choice in choices if isinstance(choice, type) and issubclass(choice, Section)), None)


def _description(section: type[Section], location: list[str]) -> str:
    field = section.model_fields.get(location[0])
    return (field.description or "it has no default") if field else "it has no default"


def _shown(value: Any) -> str:
    text = repr(value)
    if len(text) > 60:
        text = text[:57] + "..."
    return f"{text} ({type(value).__name__})"
