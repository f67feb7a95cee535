"""The storeys of the building: imports go down only, and the tests stand in the same rooms as the code."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
SOURCES = TESTS.parent / "src"
STOREYS = [
    "core",
    "workflow",
    "dedupe",
    "group_split",
    "acquire",
    "compute_norm_stats",
    "sources",
    "plates",
    "model",
    "models",
    "results",
    "evaluate",
    "training",
    "plot",
    "use",
    "cards",
    "tasks",
]
"""The folders of the field model; none imports from one that stands after it."""
ENTRANCES = {"emfm": ["__init__", "commands", "plugin", "settings", "stages"]}
"""Modules beside the folders: params.yaml as a whole, and what starts a stage or a command by its name."""
TEMPLATE = ["engine", "watch", "loggers"]
"""The folders of the template: how a training goes, who watches it, and programs that are told of it."""


def imports_of(path):
    """What a module imports, as whole names; of ``from a import b`` both ``a`` and ``a.b``."""
    package = path.relative_to(SOURCES).parent.parts
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            outside = package[: len(package) + 1 - node.level] if node.level else ()
            base = ".".join([*outside, *([node.module] if node.module else [])])
            yield from (base, *(f"{base}.{alias.name}" for alias in node.names))


def folders_imported(path):
    """The packages, ``emfm.core`` and the like, from which a module imports."""
    return {".".join(name.split(".")[:2]) for name in imports_of(path)}


@pytest.mark.parametrize(
    "line",
    [
        "import emfm.plot",
        "import emfm.plot.markdown as page",
        "from emfm import plot",
        "from emfm.plot import markdown",
        "from .. import plot",
        "from ..plot.markdown import render",
        "def late():\n    from emfm.plot import markdown",
    ],
)
def test_an_import_is_seen_however_it_is_written(tmp_path, monkeypatch, line):
    monkeypatch.setattr(sys.modules[__name__], "SOURCES", tmp_path)
    path = tmp_path / "emfm/core/grid.py"
    path.parent.mkdir(parents=True)
    path.write_text(f"{line}\n")
    assert "emfm.plot" in folders_imported(path)


def test_the_storeys_are_the_folders_of_the_field_model_and_of_the_template():
    assert {path.parent.name for path in (SOURCES / "emfm").glob("*/__init__.py")} == set(STOREYS)
    assert {path.stem for path in (SOURCES / "emfm").glob("*.py")} == set(ENTRANCES["emfm"])
    assert {path.parent.name for path in (SOURCES / "ttt").glob("*/*.py")} == set(TEMPLATE)


def test_the_tests_mirror_the_folders():
    for package in ("emfm", "ttt"):
        for folder in (TESTS / package).rglob("test_*.py"):
            room = folder.parent.relative_to(TESTS)
            assert (SOURCES / room).is_dir(), f"{folder.relative_to(TESTS)} tests a folder that is not there"


@pytest.mark.parametrize("path", sorted((SOURCES / "ttt").rglob("*.py")), ids=lambda path: path.name)
def test_the_template_imports_nothing_of_the_field_model(path):
    assert not [name for name in imports_of(path) if name.split(".")[0] == "emfm"]


@pytest.mark.parametrize("storey", STOREYS)
def test_a_storey_imports_nothing_above_it(storey):
    above = {f"emfm.{name}" for name in STOREYS[STOREYS.index(storey) + 1 :]}
    assert (SOURCES / "emfm" / storey).is_dir()
    for path in (SOURCES / "emfm" / storey).rglob("*.py"):
        found = folders_imported(path) & above
        assert not found, f"{path.relative_to(SOURCES)} imports {found}"


def test_the_engine_knows_nobody_who_watches():
    for path in (SOURCES / "ttt/engine").glob("*.py"):
        assert not folders_imported(path) & {"ttt.watch", "ttt.loggers"}, path.name


def test_a_model_imports_no_other_model():
    names = [path.parent.name for path in (SOURCES / "emfm/models").glob("*/__init__.py")]
    assert len(names) >= 4
    for name in names:
        for path in (SOURCES / "emfm/models" / name).glob("*.py"):
            others = {imported.split(".")[2] for imported in imports_of(path) if imported.startswith("emfm.models.")}
            assert others <= {name}, path.relative_to(SOURCES)


@pytest.mark.parametrize(
    ("module", "libraries"),
    [
        ("ttt", {"numpy", "torch"}),
        ("ttt.config", {"numpy", "torch"}),
        ("ttt.pinning", {"numpy", "torch"}),
        ("ttt.files", {"numpy", "torch"}),
        ("ttt.registry", {"numpy", "torch"}),
        ("emfm", {"numpy", "torch"}),
        ("emfm.stages", {"numpy", "torch"}),
        ("emfm.settings", {"torch"}),
        ("emfm.plugin", {"torch"}),
        ("emfm.dedupe.stage", {"torch"}),
        ("emfm.group_split.stage", {"torch"}),
        ("emfm.plot.stage", {"torch"}),
    ],
)
def test_what_runs_before_pinning_or_reads_parameters_loads_no_library_that_it_does_not_need(module, libraries):
    code = f"import sys, {module}; print(sorted({libraries!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_params_yaml_is_checked_without_torch():
    code = """
import sys
from pathlib import Path
from emfm.settings import load_params, refuse_impossible
refuse_impossible(load_params(Path("params.yaml"), 5))
print("torch" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=SOURCES.parent)
    assert done.stdout.strip() == "False"
