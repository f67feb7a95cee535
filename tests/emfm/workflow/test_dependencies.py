"""The dependencies that dvc.yaml lists for a stage, against the modules that the stage imports."""

import ast
from functools import cache
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[3]
SOURCES = ROOT / "src"
DECIDES_NOTHING = {
    "emfm.plugin": "registers parts by name",
    "emfm.settings": "checks parameters and passes them on; DVC tracks their values",
    "ttt.command": "how errors end a command",
    "ttt.settings": "checks parameters and passes them on; DVC tracks their values",
    "emfm.workflow.dvc_file": "reads dvc.yaml",
    "emfm.workflow.paths": "file names, which dvc.yaml repeats",
    "emfm.workflow.unfinished": "where unfinished work lies",
    "ttt.config": "checks parameters and passes them on",
    "ttt.parts": "looks parts up by name",
    "ttt.registry": "looks parts up by name",
    "ttt.watch.progress": "says how far a stage is",
    "ttt.arrays": "reads and writes arrays as they are",
    "ttt.files": "writes what it is given",
    "ttt.memo": "remembers what it is given under a name of all that it depends on",
    "ttt.orphans": "ends processes",
    "ttt.text": "reads text in the encoding that its first bytes announce",
    "ttt.own_code": "starts the code of the folder it is in",
    "ttt.pinning": "sets the environment from the parameters under compute",
}


BUILT_BY_NAME = {
    "train_stage": [
        "emfm.training.metric",
        "emfm.models.registered",
        "emfm.training.dataset",
        "emfm.training.losses",
        "ttt.engine.optimizers",
        "ttt.engine.schedulers",
    ],
    "eval_val_fixed": ["emfm.models.registered"],
    "eval_test_final": ["emfm.models.registered"],
}
"""Parts that a stage gets from a registry, not by an import."""


@cache
def imported_modules(module):
    """Modules of this project that ``module`` imports, also inside functions."""
    path, found = source_of(module), []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        found += [name for name in names if name.split(".")[0] in ("emfm", "ttt") and source_of(name)]
    return found


def source_of(module):
    base = SOURCES.joinpath(*module.split("."))
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if path.exists():
            return path
    return None


def deciding_modules(module, seen=None):
    """``module`` and all that it imports, except what decides nothing."""
    seen = set() if seen is None else seen
    if module not in seen and module not in DECIDES_NOTHING:
        seen.add(module)
        for name in imported_modules(module):
            deciding_modules(name, seen)
    return seen


def modules_of_stage(module):
    """All modules that decide the result of a stage."""
    found = deciding_modules(f"emfm.stages.{module}")
    for part in BUILT_BY_NAME.get(module, []):
        deciding_modules(part, found)
    return found


def stages():
    definition = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    return {name: (stage["cmd"].split()[3], stage["deps"]) for name, stage in definition.items()}


@pytest.mark.parametrize("stage", stages())
def test_a_stage_names_every_module_that_decides_its_result(stage):
    module, deps = stages()[stage]
    listed = [ROOT / dep for dep in deps]
    missing = []
    for name in modules_of_stage(module):
        source = source_of(name)
        is_empty_package = source.name == "__init__.py" and not imported_modules(name)
        if not is_empty_package and not any(source.is_relative_to(dep) for dep in listed):
            missing.append(str(source.relative_to(ROOT)))
    assert sorted(missing) == []


@pytest.mark.parametrize("stage", stages())
def test_a_stage_names_no_module_that_it_does_not_import(stage):
    module, deps = stages()[stage]
    used = {source_of(name) for name in modules_of_stage(module)}
    sources = [ROOT / dep for dep in deps if dep.startswith("src/") and not dep.startswith("src/emfm/params/")]
    assert [str(dep.relative_to(ROOT)) for dep in sources if not any(s.is_relative_to(dep) for s in used)] == []


def test_kinds_of_scenes_are_judged_anew_when_their_stores_change():
    definition = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    assert "data/kinds" in definition["acquire"]["outs"]
    assert "data/kinds" in definition["eval_val_fixed"]["deps"]


def test_a_change_of_the_pictures_does_not_retrain():
    trainings = {name: deps for name, (_, deps) in stages().items() if name.startswith("train_stage")}
    assert len(trainings) == 5
    for name, deps in trainings.items():
        assert not [dep for dep in deps if "report" in dep and dep.startswith("src/")], name
