"""Write docs/parameters.md from the definitions of the parameters: ``python -m emfm.tasks.parameters``.

Every key, with its value in params.yaml, what is allowed and what it means, is taken from the typed sections by which
params.yaml is checked. Run it after a change of a section or of params.yaml.
"""

import argparse
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from emfm.acquire.scene_kinds import SCENE_KINDS
from ttt.command import run_command
from ttt.config import DECIDES_NO_MODEL, SCALES, PartParams, Section, at_scale, read_yaml
from ttt.files import write_text
from ttt.parts import SECTIONS, load_parts
from ttt.program import called_as
from ttt.settings import NAMED_SECTIONS, PLAIN_SECTIONS, JobParams

PLUGIN: Final = "emfm.plugin"
_DEMONSTRATION: Final = "ttt.builtin"
"""The module of the template's own parts, which have nothing to do with fields."""
_NOTHING: Final = object()
_INTRODUCTION: Final = """\
# Parameters

Every key of [params.yaml](../params.yaml). This page is made from the definitions by which the file is checked: do not
edit it, run `python -m emfm.tasks.parameters`.

A value is given once, or once per scale: `{demo: ..., full: ...}`. Lengths are in mm where the key says so, all else is
in SI units. A key that is not there, a value of another kind or one beyond its limits is refused before any work, with
its path and what is allowed. "Default" stands where params.yaml does not give the key; where nothing stands, the key
has no default. What "changes no model" changes no set to evaluate one on either: test_final stays open when it differs
from the promoted training. A part that is chosen by name has its own keys in the block of that name
(`model.pod_net.width`); keys beside the blocks are for every part of the section. Parts that only configs/ttt_demo.yaml
uses are left out.
"""
_SCENES: Final = "acquire.simulate.scenes"
_KINDS: Final = {
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "string": "text",
    "null": "null",
    "object": "mapping",
}
_LIMITS: Final = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}


@dataclass(frozen=True)
class Key:
    """A parameter."""

    path: str
    schema: Mapping[str, Any]
    """Its JSON schema, from the definition."""
    value: Any
    """In params.yaml; ``_NOTHING`` where the file does not give it."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command; the exit status."""
    parser = argparse.ArgumentParser(
        prog=called_as("emfm.tasks.parameters"),
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config", type=Path, default=Path("params.yaml"), metavar="FILE", help="default: %(default)s")
    parser.add_argument("--out", type=Path, default=Path("docs/parameters.md"), metavar="FILE", help="%(default)s")
    return run_command(_write, parser.parse_args(arguments))


def _write(args: argparse.Namespace) -> None:
    write_text(args.out, parameters_page(read_yaml(args.config)))


def parameters_page(values: Mapping[str, Any]) -> str:
    """The page, in Markdown, of parameters with the ``values`` of a params.yaml."""
    load_parts([PLUGIN, *at_scale(values.get("plugins", []), values.get("scale", SCALES[0]))])
    blocks = [_INTRODUCTION, _block("Top level", JobParams, "", values)]
    for name in values:
        if name in NAMED_SECTIONS:
            blocks += _named_blocks(name, values[name])
        elif name in PLAIN_SECTIONS | SECTIONS:
            blocks.append(_block(f"`{name}`", (PLAIN_SECTIONS | SECTIONS)[name], name, values[name]))
    for name, section in (PLAIN_SECTIONS | SECTIONS).items():
        if name not in values:
            blocks.append(_block(f"`{name}`, which params.yaml leaves out", section, name, {}))
    return "\n".join(blocks)


def keys_of(section: type[Section], path: str, values: Any, left_out: Collection[str] = ()) -> Iterator[Key]:
    """The parameters of a section whose dotted path is ``path``, with those of the sections inside it."""
    schema = section.model_json_schema(by_alias=True)
    kept = {name: found for name, found in schema["properties"].items() if name not in left_out}
    yield from _keys({"properties": kept}, schema.get("$defs", {}), path, values)


def _keys(schema: Mapping[str, Any], defined: Mapping[str, Any], path: str, values: Any) -> Iterator[Key]:
    for name, found in schema["properties"].items():
        full = f"{path}.{name}" if path else name
        value = values.get(name, _NOTHING) if isinstance(values, Mapping) else _NOTHING
        if full == _SCENES:
            for kind in SCENE_KINDS.names():
                own = value.get(kind, _NOTHING) if isinstance(value, Mapping) else _NOTHING
                yield from keys_of(SCENE_KINDS.get(kind).params, f"{full}.{kind}", own)
        elif "$ref" in found:
            yield from _keys(_section_in(found, defined), defined, full, value)
        elif sections := [choice for choice in found.get("anyOf", []) if "$ref" in choice]:
            yield Key(full, found, _NOTHING if isinstance(value, Mapping) else value)
            for section in sections:
                yield from _keys(_section_in(section, defined), defined, full, value)
        else:
            yield Key(full, found, value)


def _section_in(schema: Mapping[str, Any], defined: Mapping[str, Any]) -> Mapping[str, Any]:
    """The section to which a schema refers."""
    section: Mapping[str, Any] = defined[schema["$ref"].rpartition("/")[2]]
    return section


def _named_blocks(name: str, values: Mapping[str, Any]) -> list[str]:
    """A table of the keys that all parts of the section ``name`` read, and one for each part with its own."""
    registry = NAMED_SECTIONS[name]
    parts = [registry.get(known) for known in sorted(registry.names(), key=lambda known: known != values["name"])]
    parts = [part for part in parts if part.make.__module__ != _DEMONSTRATION]
    shared = _shared_section([part.params for part in parts])
    names = ", ".join(f"`{part.name}`" for part in parts)
    blocks = [_block(f"`{name}`", shared, name, values, names=names)]
    for part in parts:
        if part.params is not shared:
            path = f"{name}.{part.name}"
            blocks.append(_block(f"`{path}`", part.params, path, values.get(part.name, {}), shared.model_fields))
    return blocks


def _shared_section(sections: Sequence[type[Section]]) -> type[Section]:
    """The class with the keys that all ``sections`` have taken over from it."""
    return next(base for base in sections[0].__mro__ if all(issubclass(section, base) for section in sections))


def _block(
    title: str, section: type[Section], path: str, values: Any, left_out: Collection[str] = (), names: str = ""
) -> str:
    """A section's table; ``names`` are those that its key ``name`` can have."""
    rows = [
        f"| `{key.path}` | {_value(key)} | {names if key.path == f'{path}.name' else _allowed(key.schema)} "
        f"| {_meaning(key)} |"
        for key in keys_of(section, path, values, left_out)
    ]
    first_line = (section.__doc__ or "").strip().partition("\n")[0]
    about = [] if section is PartParams or first_line.strip("`.") in title else [first_line, ""]
    table = ["| key | value | allowed | meaning |", "|---|---|---|---|", *rows] if rows else ["It has no keys."]
    return "\n".join([f"## {title}", "", *about, *table, ""])


def _value(key: Key) -> str:
    if key.value is not _NOTHING:
        if isinstance(key.value, Mapping) and set(key.value) == set(SCALES):
            return ", ".join(f"{scale}: {_shown(key.value[scale])}" for scale in SCALES)
        return _shown(key.value)
    return f"default: {_shown(key.schema['default'])}" if "default" in key.schema else ""


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        if any(isinstance(item, Mapping) for item in value.values()):
            return f"the keys {', '.join(f'`{key}`' for key in value)}"
        return "{" + ", ".join(f"{key}: {_plain(item)}" for key, item in value.items()) + "}"
    return f"`{_plain(value)}`"


def _plain(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, list):
        return f"[{', '.join(map(_plain, value))}]"
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def _allowed(schema: Mapping[str, Any]) -> str:
    """What a key takes, in words."""
    if "anyOf" in schema:
        return " or ".join(_allowed(choice) for choice in schema["anyOf"])
    if "$ref" in schema:
        return "the keys below"
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return ", ".join(f"`{choice}`" for choice in schema["enum"])
    if "pattern" in schema:
        return "text"
    if schema["type"] == "array":
        least, most = schema.get("minItems"), schema.get("maxItems")
        count = f"{least} " if least == most and least is not None else f"{least} or more " if least else ""
        return f"list of {count}({_allowed(schema['items'])})"
    if schema["type"] == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"mapping of names to ({_allowed(schema['additionalProperties'])})"
    limits = [f"{sign} {_plain(schema[name])}" for name, sign in _LIMITS.items() if name in schema]
    return " ".join([_KINDS[schema["type"]], ", ".join(limits)]).strip()


def _meaning(key: Key) -> str:
    if "description" in key.schema:
        ending = "; changes no model" if DECIDES_NO_MODEL.items() <= key.schema.items() else ""
        return str(key.schema["description"]).replace("|", "\\|") + ending
    return ""


if __name__ == "__main__":
    sys.exit(main())
