"""The storeys of the building: imports go down only."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

SOURCES = Path(__file__).parents[1] / "src"
STOREYS = ["physics", "params", "data", "models", "training", "inference", "evaluation", "report", "stages", "tasks"]


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


@pytest.mark.parametrize(
    "line",
    [
        "import emfm.plot",
        "import emfm.plot.markdown as page",
        "from emfm import report",
        "from emfm.plot import markdown",
        "from .. import report",
        "from ..report.markdown import render",
        "def late():\n    from emfm.plot import markdown",
    ],
)
def test_an_import_is_seen_however_it_is_written(tmp_path, monkeypatch, line):
    monkeypatch.setattr(sys.modules[__name__], "SOURCES", tmp_path)
    path = tmp_path / "emfm/physics/grid.py"
    path.parent.mkdir(parents=True)
    path.write_text(f"{line}\n")
    assert "emfm.plot" in {".".join(name.split(".")[:2]) for name in imports_of(path)}


def test_the_storeys_are_the_folders_of_the_field_model():
    folders = {path.parent.name for path in (SOURCES / "emfm").glob("*/*.py")}
    assert set(STOREYS) == folders
    assert (SOURCES / "ttt/train.py").exists()


@pytest.mark.parametrize("path", sorted((SOURCES / "ttt").rglob("*.py")), ids=lambda path: path.name)
def test_the_template_imports_nothing_of_the_field_model(path):
    assert not [name for name in imports_of(path) if name.split(".")[0] == "emfm"]


@pytest.mark.parametrize("storey", STOREYS)
def test_a_storey_imports_nothing_above_it(storey):
    above = {f"emfm.{name}" for name in STOREYS[STOREYS.index(storey) + 1 :]}
    for path in (SOURCES / "emfm" / storey).rglob("*.py"):
        found = {".".join(name.split(".")[:2]) for name in imports_of(path)} & above
        assert not found, f"{path.relative_to(SOURCES)} imports {found}"


@pytest.mark.parametrize("module", ["ttt", "ttt.config", "ttt.pinning", "ttt.files", "ttt.registry", "emfm"])
def test_what_runs_before_pinning_loads_neither_numpy_nor_torch(module):
    code = f"import sys, {module}; print(sorted({{'numpy', 'torch'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
