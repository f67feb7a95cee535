"""What dvc.yaml lists for a stage, against the code that the stage imports and the parameters that decide it.

What decides a result lies in the folders of the field model and in the template's engine. Modules that stand beside
them, in ``src/emfm`` and in ``src/ttt``, and the folders ``workflow``, ``watch`` and ``loggers`` check, pass on, write
and show.
"""

import ast
from functools import cache
from pathlib import Path

import pytest
import yaml

from emfm.settings import load_params
from emfm.stages import STAGES
from emfm.training.params import BY_HAND
from ttt.config import DECIDES_NO_MODEL, keys_marked, read_yaml

ROOT = Path(__file__).parents[3]
SOURCES = ROOT / "src"
DECIDE_NOTHING = ("emfm/workflow", "ttt/loggers", "ttt/watch")
MOST = 9
"""Folders of code that a stage may list: six, and the importer and known boards for sets of solved cases."""
BUILT_BY_NAME = {
    "train_stage": [
        "emfm.training.losses",
        "emfm.training.metric",
        "emfm.training.dataset",
        "emfm.models.pod_net.network",
    ],
    "eval_val_fixed": ["emfm.models.pod_net.network"],
    "eval_test_final": ["emfm.models.pod_net.network"],
}
"""Parts that a stage gets from a registry, not by an import."""


@cache
def imported_modules(module):
    """Modules of this project that ``module`` imports, also inside functions."""
    found = []
    for node in ast.walk(ast.parse(source_of(module).read_text())):
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


def folder_of(module):
    """The folder whose change may change what ``module`` computes; None for a module that decides nothing."""
    path = source_of(module).relative_to(SOURCES)
    folder = path.parent
    if len(folder.parts) > 2 and folder.parts[1] != "models":
        folder = Path(*folder.parts[:2])
    decides = len(folder.parts) > 1 and folder.as_posix() not in DECIDE_NOTHING and folder.as_posix() != "emfm/models"
    return f"src/{folder.as_posix()}" if decides else None


def folders_needed(module, seen):
    """The folders of ``module`` and of all that it imports by way of them."""
    if module in seen or folder_of(module) is None:
        return set()
    seen.add(module)
    return {folder_of(module)}.union(*(folders_needed(name, seen) for name in imported_modules(module)))


@cache
def definition():
    return yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]


@cache
def values_in_file():
    return read_yaml(ROOT / "params.yaml")


@cache
def params():
    return load_params(ROOT / "params.yaml")


@cache
def filled_in(text):
    """A text of dvc.yaml with the names of the chosen parts."""
    values = values_in_file()
    for section in ("model", "loss", "optim", "scheduler"):
        text = text.replace(f"${{{section}.name}}", values[section]["name"])
    return text


def code_of(stage):
    """The folders of code that a stage lists."""
    return [filled_in(dep) for dep in definition()[stage]["deps"] if dep.startswith("src/")]


def script_of(stage):
    return definition()[stage]["cmd"].split()[3]


@pytest.mark.parametrize("stage", definition())
def test_a_stage_lists_the_folders_of_code_that_it_needs_and_no_other(stage):
    seen = set()
    modules = [STAGES[script_of(stage)], *BUILT_BY_NAME.get(script_of(stage), [])]
    needed = set().union(*(folders_needed(module, seen) for module in modules))
    assert sorted(code_of(stage)) == sorted(needed)


@pytest.mark.parametrize("stage", definition())
def test_a_stage_lists_few_folders_and_all_are_there(stage):
    assert len(code_of(stage)) <= MOST
    for folder in code_of(stage):
        assert (ROOT / folder / "__init__.py").exists(), folder


def test_dvc_yaml_fits_on_two_screens():
    assert len((ROOT / "dvc.yaml").read_text().splitlines()) <= 150


def test_the_folder_of_another_model_is_no_dependency():
    assert "src/emfm/models/pod_net" in code_of("train_stage1")
    assert not [dep for dep in code_of("train_stage1") if dep.endswith(("models", "linear_operator"))]


def test_kinds_of_scenes_are_judged_anew_when_their_stores_change():
    assert "data/kinds" in definition()["acquire"]["outs"]
    assert "data/kinds" in definition()["eval_val_fixed"]["deps"]


def listed_params(stage):
    return [filled_in(key) for key in definition()[stage]["params"]]


def is_covered(key, listed):
    return any(key == name or key.startswith(f"{name}.") for name in listed)


def paths(values, path=""):
    """The dotted keys of nested values; a list, or a mapping of names, is a value."""
    for key, value in values.items():
        full = f"{path}.{key}" if path else key
        if isinstance(value, dict):
            yield from paths(value, full)
        else:
            yield full


def place_of(key):
    """Where a key of the resolved parameters stands in params.yaml: perhaps in the block of the chosen part."""
    values = values_in_file()
    section, _, rest = key.partition(".")
    if (
        isinstance(values[section], dict)
        and "name" in values[section]
        and rest.partition(".")[0] not in values[section]
    ):
        return f"{section}.{values[section]['name']}.{rest}"
    return key


@pytest.mark.parametrize("stage", [f"train_stage{number}" for number in range(1, 6)])
def test_a_training_lists_every_parameter_that_decides_it(stage):
    training = params().training
    by_hand = keys_marked(training.data, BY_HAND, "data")
    for key in map(place_of, paths(training.portable_mapping())):
        assert is_covered(key, listed_params(stage)) != (key in by_hand), key


def test_the_stage_that_opens_test_final_lists_all_that_decides():
    assert "promoted.yaml" in definition()["eval_test_final"]["deps"]
    for key in map(place_of, paths(params().deciding())):
        assert is_covered(key, listed_params("eval_test_final")), key


@pytest.mark.parametrize("stage", definition())
def test_a_parameter_that_decides_nothing_is_not_listed(stage):
    idle = keys_marked(params().data, BY_HAND, "data")
    for name in ("train", "ckpt", "alerts"):
        idle += keys_marked(getattr(params().training, name), DECIDES_NO_MODEL, name)
    idle.append("acquire.workers")
    assert {"train.log_every", "train.num_workers", "ckpt.run_dir", "data.train_ids"} <= set(idle)
    assert [key for key in idle if is_covered(key, listed_params(stage))] == []


def test_a_block_that_is_not_chosen_is_not_listed():
    for stage in ("train_stage1", "eval_test_final"):
        for key in ("model.linear_operator", "loss.weighted_huber", "optim.sgd", "scheduler.cosine"):
            assert not is_covered(key, listed_params(stage)), key


def test_how_many_pictures_are_drawn_is_for_the_drawing_alone():
    assert [stage for stage in definition() if is_covered("eval.num_pictures", listed_params(stage))] == ["plot"]
    for key in paths({"eval": values_in_file()["eval"]}):
        assert is_covered(key, listed_params("eval_val_fixed")) != (key == "eval.num_pictures"), key


def test_what_dvc_plots_by_epoch_does_not_depend_on_weights():
    """A sum of E and H by `loss.h_weight` would be another figure in each experiment."""
    plots = yaml.safe_load((ROOT / "dvc.yaml").read_text())["plots"]
    of_h = {file: column for plot in plots for facts in plot.values() for file, column in facts["y"].items()}
    assert of_h == {f"reports/curves/stage{k}.csv": "val_rel_l2_h" for k in range(1, 6)}
    for stage in range(1, 6):
        (curve,) = definition()[f"train_stage{stage}"]["plots"]
        (facts,) = curve.values()
        assert facts["y"] == "val_rel_l2_e"


def test_a_training_is_remembered_beside_the_lock():
    """DVC keeps no run of a stage with an output in git that is neither a metric nor a plot."""
    for stage in range(1, 6):
        outs = definition()[f"train_stage{stage}"]["outs"]
        assert all(isinstance(out, str) for out in outs), outs
