"""docs/plugins.md works as it is written: every block is put into the file that it names, and every command is run."""

import csv
import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
import yaml

from emfm.acquire.simulate import SimulatedSource
from emfm.core.channels import (
    E_CHANNELS,
    E_COMPONENTS,
    H_CHANNELS,
    H_COMPONENTS,
    SOURCE_COMPONENTS,
    to_components,
)
from emfm.core.store import Store
from emfm.settings import load_params
from recipes import ROOT, blocks, recipe, recipes_of
from tiny_project import Project, make_project
from ttt.engine.checkpoint import load_checkpoint

PAGE = "docs/plugins.md"
BEST = "models/stage1/best.pth"
RECIPES = (
    "train by the template",
    "try the loss",
    "the folder of the model",
    "try the model",
    "train by hand",
    "import by the reader",
)


def blocks_of(name, language):
    """The blocks whose first line says that they are the file ``name``, in order."""
    return [text for kind, text in blocks(PAGE) if kind == language and first_word(text) == name]


def first_word(text):
    return re.match(r"# ([\w./]+)", text)[1]


def write(folder, name, place=None):
    """Put the block of a Python file where it says, or at another place."""
    (text,) = blocks_of(name, "python")
    path = folder / (place or name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def merged(values, changes):
    """Nested mappings with those of ``changes`` put into them."""
    for key, value in changes.items():
        inner = isinstance(value, dict) and isinstance(values.get(key), dict)
        values[key] = merged(values[key], value) if inner else value
    return values


def change_params(project, about, source="params.yaml", name="params.yaml"):
    """Put the lines of the page that have the section ``about`` into a copy of a file of parameters."""
    (lines,) = [found for text in blocks_of(name, "yaml") if about in (found := yaml.safe_load(text))]
    values = merged(yaml.safe_load(project.read(source)), lines)
    (project.folder / name).write_text(yaml.safe_dump(values, sort_keys=False))


def run(project, name, *, after="", check=True):
    """A recipe of the page; with ``after`` the last command ends with it, such as a stage to stop at."""
    return project.run("sh", "-c", f"{recipe(PAGE, name).rstrip()} {after}", check=check)


def test_every_block_and_recipe_of_the_page_is_run_here():
    code = Path(__file__).read_text()
    named = {first_word(text) for language, text in blocks(PAGE) if language in ("python", "yaml")}
    assert len(named) == 10
    assert [name for name in named if f'"{name}"' not in code] == []
    assert recipes_of(PAGE) == list(RECIPES)
    in_shell = [text for language, text in blocks(PAGE) if language == "sh"]
    assert len(in_shell) == len(RECIPES)
    assert {language for language, _ in blocks(PAGE)} == {"python", "yaml", "sh"}


def test_the_data_set_the_model_and_the_scheduler_train_by_the_template(tmp_path):
    write(tmp_path, "waves.py")
    write(tmp_path, "warmup.py")
    (config,) = blocks_of("waves.yaml", "yaml")
    (tmp_path / "waves.yaml").write_text(config)
    project = Project(tmp_path)
    output = run(project, "train by the template").stdout
    best = load_checkpoint(tmp_path / "runs/waves/001/best.pth")
    assert best.config["data"]["name"] == "waves"
    assert best.model["0.weight"].shape == (32, 32)
    assert best.spec == {"points": 32}
    assert json.loads(output[output.index("{") :])["val_mse"] < 0.01  # of y, uniform from 0 to 1: the mean has 0.083
    rates = [record["lr"] for record in records(project, "runs/waves/001") if record["kind"] == "step"]
    assert max(rates) == pytest.approx(0.01)
    peak = rates.index(max(rates)) / len(rates)
    assert 0.1 < peak < 0.3
    assert rates[0] < 0.005
    assert rates[-1] < 1e-4


def records(project, run_dir):
    return [json.loads(line) for line in project.read(f"{run_dir}/metrics.jsonl").splitlines()]


def append(path):
    """Change a module."""
    path.write_text(path.read_text() + "# a comment\n")


def write_polar_cases(project):
    """The samples that the project simulates, in the format that the page shows, x varying slowest; by ID."""
    params = load_params(project.folder / "params.yaml")
    source = SimulatedSource(params.data.geometry(), params.acquire.simulate, params.acquire.seed)
    samples = {sample.id: sample for sample in map(source.sample, range(len(source)))}
    for sample in samples.values():
        folder = project.folder / "cases" / sample.id
        folder.mkdir(parents=True)
        for name, channels, components, grid in (
            ("source_H", sample.source_h, SOURCE_COMPONENTS, source.geometry.source),
            ("target_E", sample.target[E_CHANNELS], E_COMPONENTS, source.geometry.target),
            ("target_H", sample.target[H_CHANNELS], H_COMPONENTS, source.geometry.target),
        ):
            phasors = to_components(channels.astype(np.float64)).transpose(2, 1, 0).reshape(-1, len(components))
            points = grid.points().reshape(*grid.shape, 3).transpose(1, 0, 2).reshape(-1, 3) * 1e3
            polar = np.stack([np.abs(phasors), np.rad2deg(np.angle(phasors))], axis=2).reshape(len(points), -1)
            head = " ".join(["x", "y", "z", *(f"abs({one}) arg({one})" for one in components)])
            assert f"| `{head}` |" in (ROOT / PAGE).read_text()
            np.savetxt(folder / f"{name}.pol", np.hstack([points, polar]), fmt="%.9g", header=head, comments="")
    return samples


@pytest.fixture(scope="module")
def imported(tmp_path_factory):
    """A project with all parts of the page, whose samples are cases that its reader has imported; the cases by ID."""
    project = make_project(tmp_path_factory.mktemp("plugins") / "project")
    samples = write_polar_cases(project)
    write(project.folder, "src/emfm/acquire/readers/polar_cases.py")
    write(project.folder, "src/emfm/training/log_error.py")
    write(project.folder, "warmup.py", "src/emfm/training/warmup.py")
    run(project, "the folder of the model")
    write(project.folder, "src/emfm/models/scan_mlp/params.py")
    write(project.folder, "src/emfm/models/scan_mlp/network.py")
    write(project.folder, "src/my_models.py")
    change_params(project, "plugins", name="mine.yaml")
    for about in ("acquire", "plugins", "model"):
        change_params(project, about)
    project.commit("parts of my own")
    run(project, "import by the reader")
    return project, samples


@pytest.fixture
def project(imported):
    return imported[0]


@pytest.mark.slow
def test_the_reader_gives_the_fields_of_the_cases(imported):
    project, samples = imported
    store = Store(project.folder / "data/store")
    ids = list(store.table["id"])
    assert len(ids) == len(samples) > 100
    for row, identifier in enumerate(ids):
        sample = samples[identifier]
        for found, true in ((store.source_h([row])[0], sample.source_h), (store.target([row])[0], sample.target)):
            assert np.linalg.norm(found - true) < 1e-4 * np.linalg.norm(true)


@pytest.mark.slow
def test_the_loss_and_the_scheduler_train_a_stage_by_their_names(project):
    run(project, "try the loss", after="train_stage1")
    config = load_checkpoint(project.folder / BEST).config
    assert (config["loss"]["name"], config["loss"]["floor"], config["loss"]["h_weight"]) == ("log_error", 0.01, 1.0)
    assert config["scheduler"] == {"name": "warmup_cosine", "warmup_epochs": 0.0, "rise": 0.1}
    (last,) = csv.DictReader(project.read("reports/curves/stage1.csv").splitlines()[:2])
    of_means = [math.log1p(float(last[f"val_mse_{field}"]) / 0.01) for field in "eh"]
    assert 0.5 * sum(of_means) < 2 * float(last["val_loss"]) <= sum(of_means)  # a mean of logarithms


@pytest.mark.slow
def test_the_model_trains_a_stage_by_its_name_and_a_model_in_a_file_by_hand(project):
    run(project, "try the model", after="train_stage1")
    best = load_checkpoint(project.folder / BEST)
    assert best.config["model"] == {"name": "scan_mlp", "width": 64}
    assert best.model["network.layers.1.weight"].shape == (64, 4 * 121)
    output = run(project, "train by hand").stdout
    assert '"rel_l2_e":' in output
    for run_dir in ("runs/matrix", "runs/scan_matrix/001"):
        by_hand = load_checkpoint(project.folder / run_dir / "best.pth")
        assert by_hand.config["plugins"] == ["emfm.plugin", "my_models"]
        assert by_hand.model["network.1.weight"].shape == (12 * 9 * 11, 4 * 121)


@pytest.mark.slow
def test_the_page_of_parameters_has_the_keys_of_the_parts(project):
    project.run("python", "-m", "emfm.tasks.parameters", "--out", "parameters.md")
    page = project.read("parameters.md")
    for key in ("loss.log_error.floor", "scheduler.warmup_cosine.rise", "model.scan_mlp.width", "loss.h_weight"):
        assert page.count(f"| `{key}` |") == 1


@pytest.mark.slow
def test_dvc_notices_changes_where_the_page_says_so(project):
    for name in ("training/log_error.py", "models/scan_mlp/network.py", "acquire/readers/polar_cases.py"):
        append(project.folder / "src/emfm" / name)
    append(project.folder / "src/my_models.py")
    changed = project.run("dvc", "status", "acquire", "train_stage1").stdout
    for place in ("src/emfm/training", "src/emfm/models/scan_mlp", "src/emfm/acquire"):
        assert re.search(rf"modified:\s+{place}$", changed, re.MULTILINE), place
    assert "my_models" not in changed
