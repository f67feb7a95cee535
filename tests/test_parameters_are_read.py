"""Every parameter is read by code, and explained.

Words do not show it: `seed` or `name` stand everywhere. Here all keys are renamed in a copy of the sources, where they
are defined and nowhere else, and the type checker tells each place that reads one under its old name.
"""

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from emfm import plugin  # noqa: F401 - it registers every section
from ttt import builtin  # noqa: F401 - likewise
from ttt.config import Section

ROOT = Path(__file__).parents[1]
COPIED = {"JobParams": "TrainingConfig"}
"""Sections whose values are read from an object that takes over all of them."""
BY_THE_REGISTRY = "name"
"""The key by which a registry chooses the section itself; it is read before there is one."""
BEFORE = "JobParams.plugins"
"""What is read from the file before sections can be checked: the modules that register them."""


def sections_of(tree):
    """The classes of a module that hold parameters."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and (node.name.endswith("Params") or node.name in COPIED.values()):
            yield node


def parameters_of(section):
    """The keys of a section that are plain values; a section inside it is read where its own keys are."""
    for statement in section.body:
        if isinstance(statement, ast.AnnAssign) and not ast.unparse(statement.annotation).endswith("Params"):
            yield statement.target


def with_other_keys(source):
    """The text of a module in which every key has another name where it is defined, and the keys by section."""
    lines, keys = source.splitlines(keepends=True), {}
    for section in sections_of(ast.parse(source)):
        for target in parameters_of(section):
            line = lines[target.lineno - 1]
            lines[target.lineno - 1] = f"{line[: target.col_offset]}was_{line[target.col_offset :]}"
            keys.setdefault(section.name, []).append(target.id)
    return "".join(lines), keys


def bases_of(source):
    """The classes that the sections of a module are made from, by their names."""
    sections = sections_of(ast.parse(source))
    return {section.name: {ast.unparse(base) for base in section.bases} for section in sections}


def with_heirs(section, bases):
    """A section and those that are made from it, by way of which its keys may be read, too."""
    heirs = {name for name, above in bases.items() if section in above}
    return {section}.union(*(with_heirs(heir, bases) for heir in heirs))


def unread(folder):
    """Keys of the sections below ``folder``/src that no code reads, as ``Section.key``; renames all of them there."""
    keys, bases = {}, {}
    for path in (folder / "src").rglob("*.py"):
        bases |= bases_of(path.read_text())
        text, found = with_other_keys(path.read_text())
        path.write_text(text)
        keys |= found
    command = [sys.executable, "-m", "mypy", "--no-pretty", "--no-error-summary"]
    told = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False).stdout
    read = set(re.findall(r'error: (?:Item )?"(\w+)" (?:of "[^"]+" )?has no attribute "(\w+)"', told))
    assert read, told
    return {
        f"{section}.{key}"
        for section, names in keys.items()
        for key in names
        if section not in COPIED.values()
        if not {(name, key) for name in (*with_heirs(section, bases), COPIED.get(section))} & read
        if key != BY_THE_REGISTRY and f"{section}.{key}" != BEFORE
    }


@pytest.fixture
def copied(tmp_path):
    """A copy of the sources, and of what the type checker knows of the libraries."""
    for name in ("src", ".mypy_cache"):
        if (ROOT / name).exists():
            shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


@pytest.mark.slow
def test_every_parameter_is_read_by_code(copied):
    unused = "class IdleParams(Section):\n    seed: int\n    idle: int\n\n\ndef use(params: IdleParams) -> int:\n"
    (copied / "src/emfm/idle.py").write_text(f"from ttt.config import Section\n\n\n{unused}    return params.seed\n")
    assert unread(copied) == {"IdleParams.idle"}


def all_sections(base=Section):
    for section in base.__subclasses__():
        yield section
        yield from all_sections(section)


def test_every_parameter_is_explained():
    sections = [section for section in all_sections() if section.__module__.split(".")[0] in ("emfm", "ttt")]
    params = [section for section in sections if section.__name__.endswith("Params")]
    assert len(params) > 20
    unexplained = [
        f"{section.__name__}.{name}"
        for section in params
        for name, field in section.model_fields.items()
        if not field.description and name != BY_THE_REGISTRY and not hasattr(field.annotation, "model_fields")
    ]
    assert unexplained == []
