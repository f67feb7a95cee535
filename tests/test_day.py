"""A day as a user has it, with the commands of README.md, docs/experiments.md and docs/sharing.md, at a tiny size.

A clone is reproduced, an experiment and a grid are run and compared; one is applied, promoted, pushed, and pulled by
another. What is printed on the way fits 100 columns, and has the form of what the pages show.
"""

import hashlib
import json
import re
import subprocess

import numpy as np
import pytest
import yaml
from PIL import Image

from day import DOCUMENT, GRID, printed, revision_of
from emfm.core.store import Store
from programs import need
from recipes import ROOT, commands_in_blocks, recipe
from tiny_project import SIZES, Project

pytestmark = pytest.mark.slow

EXPERIMENTS = ["heavy-h", *GRID]
TRAININGS = [f"train_stage{number}" for number in range(1, len(SIZES) + 1)]
BEFORE = ["acquire", "dedupe", "group_split", "compute_norm_stats"]
WIDTH = 100
SHARING = "docs/sharing.md"
TABLES = {
    "show": recipe(DOCUMENT, "show"),
    "compare": recipe(DOCUMENT, "samples"),
    "metrics": "dvc metrics diff main grid-2",
    "parameters": "dvc params diff main grid-2",
}


def follow(project, name, document=DOCUMENT):
    """Run the commands of a recipe."""
    return project.run("sh", "-c", recipe(document, name))


def stages_run(output):
    return [line.split("'")[1] for line in output.splitlines() if line.startswith("Running stage")]


@pytest.fixture(scope="module")
def tables(swept):
    """The tables as a terminal of 100 columns has them."""
    project = Project(swept.folder, {"COLUMNS": str(WIDTH), "DVC_PAGER": "cat"})
    return {name: project.run("sh", "-c", script).stdout for name, script in TABLES.items()}


@pytest.fixture
def project(swept):
    """The project as the sweep left it, and puts it back."""
    revision = swept.run("git", "rev-parse", "HEAD").stdout.strip()
    yield swept
    swept.run("git", "reset", "-q", "--hard", revision)
    swept.run("git", "clean", "-dfq")
    swept.run("dvc", "checkout")


def test_a_fresh_clone_reproduces_the_lock_and_the_reports_byte_for_byte(swept):
    assert stages_run(printed(swept, "repro")) == [*BEFORE, *TRAININGS, "eval_val_fixed"]  # in git: what others put out
    assert printed(swept, "state after repro") == ""


def test_an_experiment_retrains_alone_changes_one_line_and_never_looks_at_test_final(swept):
    assert stages_run(printed(swept, "one")) == [*TRAININGS, "eval_val_fixed", "eval_test_final", "plot"]
    assert "test_final stays closed" in printed(swept, "one")
    assert printed(swept, "change of parameters") == "1\t1\tparams.yaml\n"
    judged = swept.run("git", "show", f"{revision_of(swept, 'heavy-h')}:reports/test_metrics.json").stdout
    assert json.loads(judged) == {"milestone": False}
    here = swept.run("git", "show", "HEAD:reports/test_final_ledger.jsonl").stdout
    assert swept.run("git", "show", f"{revision_of(swept, 'heavy-h')}:reports/test_final_ledger.jsonl").stdout == here


def test_two_workers_at_once_leave_a_sound_cache_and_the_workspace_alone(project):
    assert project.run("git", "status", "--porcelain").stdout == ""
    files = [path for path in (project.folder / ".dvc" / "cache" / "files" / "md5").rglob("*") if path.is_file()]
    assert files
    for path in files:
        assert hashlib.md5(path.read_bytes()).hexdigest() == path.parent.name + path.name.removesuffix(".dir")


def test_the_table_of_experiments_has_a_line_an_experiment(tables):
    lines = tables["show"].splitlines()
    for name in EXPERIMENTS:
        assert len([line for line in lines if f"[{name}]" in line]) == 1
    assert lines[1].split() == ["Experiment", "val.rel_l2_e", "val.rel_l2_h", "loss.h_weight"]


@pytest.mark.parametrize("name", TABLES)
def test_a_table_fits_100_columns_and_hides_no_figure(tables, name):
    text = tables[name]
    assert max(len(line) for line in text.splitlines()) <= WIDTH
    assert "…" not in text
    assert "..." not in text


def form(text):
    """A text apart from figures, what they say, revisions and widths; experiments are ordered by when they ended."""
    for pattern, sign in (
        (r"^(heavy-h, stage5:) .*", r"\1 a verdict"),
        (r"\b[0-9a-f]{7}\b", "#"),
        (r"-?\d+(\.\d+)?(e-?\d+)?", "#"),
        (r"[─-]+", "-"),
        ("├", "└"),
        (" +", " "),
    ):
        text = re.sub(pattern, sign, text, flags=re.MULTILINE)
    return sorted(line.strip() for line in text.splitlines())


def kept(name):
    """A text that the page shows."""
    (text,) = re.findall(rf"^<!-- {name}, printed -->\n```text\n(.*?)^```", (ROOT / DOCUMENT).read_text(), re.M | re.S)
    return text


@pytest.mark.parametrize("name", ["show", "compare"])
def test_the_page_shows_a_table_of_the_form_that_is_printed(tables, name):
    assert form(kept(name)) == form(tables[name])
    assert max(len(line) for line in kept(name).splitlines()) <= WIDTH


def test_the_same_view_in_full_digits_holds_the_errors(project):
    csv = project.run("sh", "-c", f"{recipe(DOCUMENT, 'show').strip()} --csv").stdout
    for wanted in ("val.rel_l2_e", "val.rel_l2_h"):
        assert wanted in csv


def test_a_key_of_one_scale_is_changed_at_that_scale(project):
    project.change_params({"train.epochs": {"demo": 16, "full": 50}})
    project.commit("scales")
    project.run("sh", "-c", f"{recipe(DOCUMENT, 'short').strip()} --queue")
    queued = yaml.safe_load(project.run("git", "show", "refs/exps/celery/stash:params.yaml").stdout)
    project.run("dvc", "queue", "remove", "--all")
    assert queued["train"]["epochs"] == {"demo": 8, "full": 50}


def test_what_a_refused_experiment_leaves_is_taken_back(project):
    refused = project.run("dvc", "exp", "run", "-S", "loss.h_weight=-1", check=False)
    assert refused.returncode
    assert "h_weight: -1\n" in project.read("params.yaml")
    follow(project, "back")
    assert project.run("git", "status", "--porcelain").stdout == ""
    assert "up to date" in project.run("dvc", "status").stdout


def test_curves_of_all_stages_are_errors_of_the_revisions_by_epoch(swept):
    plots = json.loads(swept.run("dvc", "plots", "diff", "main", "heavy-h", "--json").stdout)["data"]
    for stage in range(1, len(SIZES) + 1):
        for name, column in (
            (f"reports/curves/stage{stage}.csv", "val_rel_l2_e"),
            (f"stage {stage}, H", "val_rel_l2_h"),
        ):
            (curve,) = plots[name]
            assert {point["rev"] for point in curve["content"]["data"]["values"]} == {"main", "heavy-h"}
            assert curve["content"]["layer"][0]["encoding"]["y"]["field"] == column


def test_the_report_on_a_change_names_what_an_experiment_changed(project):
    text = follow(project, "change").stdout
    weight = yaml.safe_load(project.run("git", "show", f"{revision_of(project, 'grid-1')}:params.yaml").stdout)
    assert f"- `loss.h_weight`: 1.0 → {weight['loss']['h_weight']}" in text
    assert "| stage5" in text
    assert "**test_final** was not opened after the change" in text


def open_offline(page, option):
    """What Chromium makes of a page when it reaches no other machine."""
    options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    options += ["--host-resolver-rules=MAP * ~NOTFOUND", f"--user-data-dir={page.parent}/profile"]
    options += ["--virtual-time-budget=20000", "--window-size=1300,1400", "--hide-scrollbars"]
    command = [need(["chromium", "chromium-browser", "google-chrome"], "chromium"), *options, option, page.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=300).stdout


def test_curves_and_pictures_are_compared_offline_in_a_clone_without_data(project, tmp_path):
    clone = project.clone(tmp_path / "clone")
    clone.run("dvc", "exp", "pull", "--no-cache", "origin", *GRID)
    follow(clone, "compare")
    assert not (clone.folder / "models").exists()
    page = clone.folder / "dvc_plots" / "index.html"
    assert '<script src="' not in page.read_text()
    written = [str(path.relative_to(clone.folder)) for path in page.parent.rglob("*") if path.is_file()]
    assert sorted(written) == sorted(kept("plots").splitlines())
    assert open_offline(page, "--dump-dom").count("<canvas") == 10
    picture = tmp_path / "page.png"
    open_offline(page, f"--screenshot={picture}")
    pixels = np.asarray(Image.open(picture).convert("RGB")).reshape(-1, 3).astype(int)
    colours = ((0x94, 0x5D, 0xD6), (0x13, 0xAD, 0xC7), (0xF4, 0x68, 0x37))  # DVC's, of three revisions
    drawn = [int((np.abs(pixels - colour).sum(axis=1) < 30).sum()) for colour in colours]
    assert max(drawn) > 200, "no curve was drawn"  # at this size one lies on the other: a weight changes sixth digits


def test_the_chosen_experiment_is_applied_promoted_pushed_and_pulled(project, tmp_path):
    origin = tmp_path / "origin.git"
    project.run("git", "clone", "-q", "--bare", str(project.folder), str(origin))
    project.run("git", "remote", "set-url", "origin", str(origin))
    looks = len(project.read("reports/test_final_ledger.jsonl").splitlines())

    follow(project, "apply")
    assert project.run("git", "diff", "--numstat", "params.yaml").stdout == "1\t1\tparams.yaml\n"
    assert "up to date" in project.run("dvc", "status").stdout
    assert stages_run(project.run("dvc", "repro").stdout) == []
    assert json.loads(project.read("reports/test_metrics.json")) == {"milestone": False}
    judged_before = project.read("reports/val_metrics.json")

    assert "loss.h_weight: 1.0 -> 2.0" in follow(project, "promote").stdout
    changed = project.run("git", "diff", "--numstat", "params.yaml", "promoted.yaml").stdout
    assert changed == "1\t1\tparams.yaml\n1\t1\tpromoted.yaml\n"
    run = stages_run(follow(project, "judge").stdout)
    assert {"eval_test_final", "plot"} <= set(run) <= {"eval_val_fixed", "eval_test_final", "plot"}
    assert project.read("reports/val_metrics.json") == judged_before
    assert project.run("git", "status", "--porcelain").stdout == ""
    assert list(json.loads(project.read("reports/test_metrics.json"))["test"]) == ["stage3", "stage5"]
    assert len(project.read("reports/test_final_ledger.jsonl").splitlines()) == looks + 2

    set_up = recipe(SHARING, "set up ssh").replace("ssh://storage.example.org/srv/emfm", str(tmp_path / "shared"))
    project.run("sh", "-c", set_up)
    follow(project, "push", SHARING)
    second = Project(origin).clone(tmp_path / "second")
    pulled = follow(second, "pull", SHARING).stdout
    assert stages_run(pulled) == []
    assert "up to date" in pulled
    assert second.run("git", "status", "--porcelain").stdout == ""
    assert predictions(project) == predictions(second)


def predictions(project):
    """The files that README's command predicts of one scan, by name."""
    (command,) = [line for line in commands_in_blocks("README.md") if line.startswith("emfm infer ")]
    (project.folder / "scans").mkdir()
    np.save(project.folder / "scans/scan.npy", Store(project.folder / "data/store").source_h([0])[0])
    project.run("sh", "-c", command)
    files = [path for path in (project.folder / "predictions").rglob("*") if path.is_file()]
    assert {"target_E.csv", "target_H.csv", "trust.csv"} <= {path.name for path in files}
    return {str(path.relative_to(project.folder)): path.read_bytes() for path in files}
