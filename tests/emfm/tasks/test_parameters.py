"""docs/parameters.md is what the definitions and params.yaml say."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[3]
COMMAND = (sys.executable, "-m", "emfm.tasks.parameters")
UNITS = {"_mm": "mm", "_hz": "Hz", "_db": "dB"}
MAPPINGS = ("acquire.simulate.mix", "eval.reference")


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The page that the command writes now; in a process of its own, as tests register parts in this one."""
    out = tmp_path_factory.mktemp("parameters") / "parameters.md"
    subprocess.run([*COMMAND, "--out", str(out)], cwd=ROOT, check=True)
    return out.read_text()


def rows(page):
    """Key, value, what is allowed, meaning."""
    lines = [line for line in page.splitlines() if line.startswith("| `")]
    return [[cell.strip(" `") for cell in line[1:-1].split(" | ")] for line in lines]


def paths_of(values, path=""):
    for key, value in values.items():
        full = f"{path}.{key}" if path else key
        if isinstance(value, dict) and set(value) != {"demo", "full"} and full not in MAPPINGS:
            yield from paths_of(value, full)
        else:
            yield full


def test_the_page_is_in_step_with_the_definitions_and_with_params_yaml(page):
    committed = (ROOT / "docs/parameters.md").read_text()
    assert committed == page, "run `python -m emfm.tasks.parameters` and commit docs/parameters.md"


def test_every_key_of_params_yaml_stands_there_with_its_value_and_its_meaning(page):
    values = yaml.safe_load((ROOT / "params.yaml").read_text())
    assert all(len(row) == 4 for row in rows(page))
    found = {row[0]: row for row in rows(page) if row[1]}
    for path in paths_of(values):
        assert path in found, f"{path} is not explained"
        assert found[path][3], f"{path} has no meaning"
    assert found["data.frequency_hz"][1] == "5000000000"
    assert found["train.epochs"][1] == "demo: `16`, full: `50"
    assert found["acquire.simulate.max_elements"][2] == "whole number >= 1, <= 64"
    assert found["data.measurement.position_mm"][1] == "0.02"
    assert found["stages.init"][2] == "previous`, `scratch"


def test_keys_of_models_that_are_not_chosen_and_of_scene_kinds_stand_there_too(page):
    paths = [row[0] for row in rows(page)]
    for path in (
        "model.forward_unet_lite.levels",
        "model.linear_operator.ridge",
        "acquire.simulate.scenes.loops.max_loops",
    ):
        assert path in paths
    assert "model.hidden" not in paths


def test_a_key_that_names_a_unit_says_it_in_words_too(page):
    for suffix, unit in UNITS.items():
        meanings = {key: meaning for key, *_, meaning in rows(page) if key.endswith(suffix)}
        assert meanings, suffix
        for key, meaning in meanings.items():
            assert unit in meaning.replace(",", " ").replace(";", " ").replace(":", " ").split(), key


def test_a_changed_value_changes_the_page(page, tmp_path):
    text = (ROOT / "params.yaml").read_text().replace("family_size: 4", "family_size: 7")
    (tmp_path / "other.yaml").write_text(text)
    command = [*COMMAND, "--config", str(tmp_path / "other.yaml"), "--out", str(tmp_path / "other.md")]
    subprocess.run(command, cwd=ROOT, check=True)
    changed = set((tmp_path / "other.md").read_text().splitlines()) - set(page.splitlines())
    assert len(changed) == 1
    assert "| `acquire.simulate.family_size` | `7` |" in changed.pop()


def test_a_file_that_is_no_configuration_is_refused(tmp_path):
    command = [*COMMAND, "--config", str(tmp_path / "none.yaml"), "--out", str(tmp_path / "none.md")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "no such file" in done.stderr
    assert not (tmp_path / "none.md").exists()
