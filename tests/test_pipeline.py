"""What users type, on the real pipeline at a tiny size."""

import json
import re
import shutil
import socket
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from emfm.core.channels import E_CHANNELS, H_CHANNELS, SOURCE_CHANNELS, TARGET_CHANNELS
from emfm.core.sample_lists import read_ids
from emfm.core.store import Store
from tiny_project import SIZES, Project, make_project

STAGES = [
    "acquire",
    "dedupe",
    "group_split",
    "compute_norm_stats",
    *(f"train_stage{number}" for number in range(1, len(SIZES) + 1)),
    "eval_val_fixed",
    "eval_test_final",
    "plot",
]
CASES = 50


def stages_run(done):
    return [line.split("'")[1] for line in done.stdout.splitlines() if line.startswith("Running stage")]


def test_a_second_repro_runs_nothing_and_all_is_clean(reproduced):
    assert sorted(yaml.safe_load(reproduced.read("dvc.lock"))["stages"]) == sorted(STAGES)
    assert stages_run(reproduced.run("dvc", "repro")) == []
    assert "up to date" in reproduced.run("dvc", "status").stdout
    assert reproduced.run("git", "status", "--porcelain").stdout == ""


def test_without_data_the_lock_can_be_checked_against_code_and_parameters(reproduced, tmp_path):
    clone = reproduced.clone(tmp_path / "clone")
    assert stages_run(clone.run("dvc", "repro", "--dry", "--allow-missing")) == []
    clone.change_params({"loss.e_weight": 2.0})
    changed = clone.run("dvc", "repro", "--dry", "--allow-missing", check=False)
    assert changed.returncode != 0
    assert "train_stage1" in changed.stderr


def traces_of(run, text):
    """The moments, folders and host of a project's run that stand in a text, apart from digits and letters of data."""
    moments = re.findall(r"\b\d{4}-\d\d-\d\d\b|\b\d\d:\d\d:\d\d\b|(?<![\w.])1[6-9]\d{8}(?!\w)", text)
    places = [str(run.folder), str(Path.home()), sys.prefix, tempfile.gettempdir()]
    words = [*(re.escape(f"{place}/") for place in places), rf"{re.escape(socket.gethostname())}(?![\w+/=])"]
    return moments + re.findall("|".join(rf"(?<![\w+/=]){word}" for word in words), text)


@pytest.mark.parametrize("trace", ["on 2031-05-04", "at 09:15:23", "1924950000.5", "{folder}/x", "by {host}."])
def test_a_trace_of_a_run_is_found(trace):
    run = Project(Path("/somewhere/project"))
    assert traces_of(run, trace.format(folder=run.folder, host=socket.gethostname()))


def test_the_digits_of_a_figure_are_no_moment():
    assert traces_of(Project(Path("/somewhere/project")), '{"rel_l2_e": 0.1687769259, "val_mse": 14.1959294988}') == []


def test_no_result_holds_a_time_a_path_or_a_host(reproduced):
    page = reproduced.read("reports/index.html")
    for library in (reproduced.folder / "src/emfm/plot/page/vendor").glob("*.js"):
        assert library.read_text() in page
        page = page.replace(library.read_text(), "")  # it knows the calendar
    texts = {"index.html": page} | {name: reproduced.read(name) for name in ("dvc.lock", "reports/report.md")}
    results = [path for suffix in ("json", "csv") for path in (reproduced.folder / "reports").rglob(f"*.{suffix}")]
    wanted = {"val_fixed.json", "val_fixed_errors.csv", "test_final.json", "stage5.csv"}
    assert wanted <= {path.name for path in results}
    texts |= {path.name: path.read_text() for path in results}
    assert {name: found for name, text in texts.items() if (found := traces_of(reproduced, text))} == {}


def test_training_sets_are_nested_and_held_out_families_are_unseen(reproduced):
    ids = {
        name: read_ids(reproduced.folder / f"data/splits/{name}_ids.txt")
        for name in ("train_pool", "val_fixed", "test_final")
    }
    kept = pd.read_csv(reproduced.folder / "data/dedupe/kept.csv", dtype=str)
    family = dict(zip(kept["id"], kept["family"], strict=True))
    families = [{family[identifier] for identifier in members} for members in ids.values()]
    assert sum(len(names) for names in families) == len(set.union(*families))
    assert [len(members) for members in ids.values()] == [60, 12, 24]


def test_results_say_the_set_the_samples_the_model_and_its_hash(reproduced):
    results = json.loads(reproduced.read("reports/val_fixed.json"))
    assert (results["set"], results["samples"]) == ("val_fixed", 12)
    assert [model["train_samples"] for model in results["models"].values()] == SIZES
    assert {"mean_field", "linear_operator", "equivalent_dipoles", "sparse_sources"} <= set(results["baselines"])
    test = json.loads(reproduced.read("reports/test_final.json"))
    assert (test["milestone"], list(test["models"])) == (True, ["stage3", "stage5"])
    assert list(test["baselines"]) == ["plane_wave_spectrum", "equivalent_dipoles", "sparse_sources"]
    looks = [json.loads(line) for line in reproduced.read("reports/test_final_ledger.jsonl").splitlines()]
    assert {look["model_sha256"] for look in looks} == {model["checkpoint_sha256"] for model in test["models"].values()}


CHANGES_NO_MODEL = {
    "acquire.shard_samples": 7,
    "acquire.workers": 2,
    "acquire.simulate.kinds_samples": 2,
    "acquire.import.roots": ["nowhere"],
    "data.data_root": "nowhere",
    "data.train_ids": "nowhere.txt",
    "data.val_ids": "nowhere.txt",
    "data.norm_stats": None,
    "data.num_train": 3,
    "metrics.names": [],
    "train.num_workers": 1,
    "train.on_device": False,
    "train.log_every": 1,
    "ckpt.run_dir": "nowhere",
    "ckpt.every_steps": 0,
    "eval.ridge": 0.01,
}


@pytest.mark.slow
def test_what_is_said_to_change_no_model_changes_no_byte_of_one_and_test_final_stays_open(reproduced, tmp_path):
    project = reproduced.clone(tmp_path / "project")
    ledger = reproduced.read("reports/test_final_ledger.jsonl")
    project.change_params(CHANGES_NO_MODEL)
    done = project.run("dvc", "repro", "eval_test_final")
    assert "test_final stays closed" not in done.stdout
    for stage in range(1, len(SIZES) + 1):
        path = f"models/stage{stage}/best.pth"
        assert (project.folder / path).read_bytes() == (reproduced.folder / path).read_bytes(), path
    assert json.loads(project.read("reports/test_metrics.json"))["milestone"] is True
    assert project.read("reports/test_final_ledger.jsonl") == ledger


@pytest.mark.slow
def test_looks_at_another_test_set_are_in_the_ledger_and_not_in_the_count(reproduced, tmp_path):
    project = reproduced.copy(tmp_path / "project")
    counted = "Looks at test_final in its ledger so far, each model counted once: 2."
    assert counted in project.read("reports/report.md")
    project.change_params({"split.seed": 1})
    project.promote()
    project.run("dvc", "repro")
    assert len(project.read("reports/test_final_ledger.jsonl").splitlines()) == 4
    assert counted in project.read("reports/report.md")


@pytest.mark.slow
@pytest.mark.parametrize(
    "change",
    [("split.seed=1",), ("compute.threads=2", "-s"), ("dedupe.content_rtol=0.001",)],
    ids=["split", "bits alone, of the models that are there", "dedupe"],
)
def test_a_sweep_of_what_decides_the_data_or_the_bits_never_looks(reproduced, tmp_path, change):
    project = reproduced.copy(tmp_path / "project")
    ledger = project.read("reports/test_final_ledger.jsonl")
    project.run("dvc", "exp", "run", "-n", "sweep", "-S", *change, "eval_test_final")
    assert json.loads(project.read("reports/test_metrics.json")) == {"milestone": False}
    assert project.read("reports/test_final_ledger.jsonl") == ledger


def test_a_mistake_in_the_parameters_is_refused_before_any_work(reproduced, tmp_path):
    project = reproduced.clone(tmp_path / "mistake")
    project.change_params({"loss.h_weigth": 3.0, "optim.lr": "fast"})
    done = project.run("dvc", "repro", "train_stage1", check=False)
    assert done.returncode != 0
    assert "loss.h_weigth: unknown; did you mean 'h_weight'?" in done.stderr
    assert "optim.lr: found 'fast' (str)" in done.stderr


def write_csv_cases(root, store):
    """The samples of a store as CSV cases, rows and columns shuffled."""
    rng = np.random.default_rng(0)
    geometry = store.geometry
    for row, identifier in enumerate(store.table["id"]):
        folder = root / "cases" / identifier
        folder.mkdir(parents=True, exist_ok=True)
        target = store.target([row])[0]
        for name, grid, channels, values in (
            ("source_H", geometry.source, SOURCE_CHANNELS, store.source_h([row])[0]),
            ("target_E", geometry.target, TARGET_CHANNELS[E_CHANNELS], target[E_CHANNELS]),
            ("target_H", geometry.target, TARGET_CHANNELS[H_CHANNELS], target[H_CHANNELS]),
        ):
            table = pd.DataFrame(dict(zip("xyz", 1e3 * grid.points().T, strict=True)))
            for channel, value in zip(channels, values, strict=True):
                table[channel] = value.ravel()
            shuffled = table.iloc[rng.permutation(len(table)), rng.permutation(len(table.columns))]
            shuffled.to_csv(folder / f"{name}.csv", index=False)


def write_npz_cases(root, store):
    root.mkdir()
    for row, identifier in enumerate(store.table["id"]):
        np.savez(root / f"{identifier}.npz", x=store.source_h([row])[0], y=store.target([row])[0])


def test_a_folder_of_solved_cases_is_imported_and_run_to_the_end(tmp_path):
    sets = {
        "split.train_pool": None,
        "split.val_fixed": 8,
        "split.test_final": 12,
        "stages.sizes": [2, 4, 8, 16, 24],
    }
    simulation = {"acquire.simulate.num_samples": CASES, "acquire.simulate.duplicate_share": 0.0}
    simulated = make_project(tmp_path / "simulated", simulation | sets)
    simulated.run("dvc", "repro", "acquire")
    store = Store(simulated.folder / "data/store")
    imported = {"acquire.source": "import", "acquire.import.roots": ["cases"], "acquire.workers": 2}
    project = make_project(tmp_path / "imported", imported | sets)
    write_csv_cases(project.folder / "cases", store)
    assert stages_run(project.run("dvc", "repro")) == STAGES
    found = Store(project.folder / "data/store")
    rows = found.rows_of(list(store.table["id"]), "test")
    np.testing.assert_array_equal(found.target(rows), store.target(range(CASES)))
    np.testing.assert_array_equal(found.source_h(rows), store.source_h(range(CASES)))
    assert "stage5" in project.read("reports/report.md")

    lock = yaml.safe_load(project.read("dvc.lock"))["stages"]
    shutil.rmtree(project.folder / "cases")
    write_npz_cases(project.folder / "cases", store)
    assert stages_run(project.run("dvc", "repro", "-f", "acquire")) == ["acquire"]
    assert yaml.safe_load(project.read("dvc.lock"))["stages"]["acquire"]["outs"] == lock["acquire"]["outs"]
    assert stages_run(project.run("dvc", "repro")) == []  # as the other files gave the same samples
