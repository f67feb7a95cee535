"""A sweep as a user does it, with the commands of docs/experiments.md, on the real pipeline at a tiny size."""

import hashlib
import json
import subprocess

import numpy as np
import pytest
from PIL import Image

from programs import need
from recipes import recipe
from sweep import DOCUMENT, GRID, revision_of
from tiny_project import Project

pytestmark = pytest.mark.slow


def follow(project, name):
    """Run the commands of a recipe."""
    return project.run("sh", "-c", recipe(DOCUMENT, name))


def stages_run(done):
    return [line.split("'")[1] for line in done.stdout.splitlines() if line.startswith("Running stage")]


@pytest.fixture
def project(swept):
    """The project as the sweep left it, and puts it back."""
    revision = swept.run("git", "rev-parse", "HEAD").stdout.strip()
    yield swept
    swept.run("git", "reset", "-q", "--hard", revision)
    swept.run("dvc", "checkout")


def test_two_workers_at_once_leave_a_sound_cache_and_the_workspace_alone(project):
    assert project.run("git", "status", "--porcelain").stdout == ""
    files = [path for path in (project.folder / ".dvc" / "cache" / "files" / "md5").rglob("*") if path.is_file()]
    assert files
    for path in files:
        assert hashlib.md5(path.read_bytes()).hexdigest() == path.parent.name + path.name.removesuffix(".dir")


def test_the_table_of_experiments_fits_a_terminal_of_120_columns(project):
    table = follow(Project(project.folder, {"COLUMNS": "120", "DVC_PAGER": "cat"}), "show").stdout
    assert max(len(line) for line in table.splitlines()) <= 120
    assert "…" not in table
    for wanted in ("loss.h_weight", *GRID):
        assert wanted in table
    assert "test" not in table


def test_the_same_view_in_full_digits_holds_the_errors(project):
    """At this size a weight changes them in the sixth digit, which the table does not show."""
    table = project.run("sh", "-c", f"{recipe(DOCUMENT, 'show').strip()} --csv").stdout
    for wanted in ("val.rel_l2_e", "val.rel_l2_h"):
        assert wanted in table


def test_an_applied_experiment_leaves_the_workspace_in_step(project):
    follow(project, "apply")
    assert "h_weight: 3\n" in project.read("params.yaml")
    assert "up to date" in project.run("dvc", "status").stdout
    assert stages_run(project.run("dvc", "repro")) == []
    assert json.loads(project.read("reports/test_metrics.json")) == {"milestone": False}


def test_a_promoted_experiment_opens_test_final_and_trains_nothing_again(project):
    looks = len(project.read("reports/test_final_ledger.jsonl").splitlines())
    judged_before = project.run("git", "show", f"{revision_of(project, 'grid-2')}:reports/val_metrics.json").stdout
    assert "h_weight: 1.0 -> 3" in follow(project, "promote").stdout
    run = stages_run(follow(project, "judge"))
    assert {"eval_test_final", "plot"} <= set(run) <= {"eval_val_fixed", "eval_test_final", "plot"}
    assert project.read("reports/val_metrics.json") == judged_before
    assert project.run("git", "status", "--porcelain").stdout == ""
    assert list(json.loads(project.read("reports/test_metrics.json"))["test"]) == ["stage3", "stage5"]
    assert len(project.read("reports/test_final_ledger.jsonl").splitlines()) == looks + 2


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
    assert len(list((page.parent / "static").glob("*loss_curves.png"))) == 3
    assert open_offline(page, "--dump-dom").count("<canvas") == 5
    picture = tmp_path / "page.png"
    open_offline(page, f"--screenshot={picture}")
    pixels = np.asarray(Image.open(picture).convert("RGB")).reshape(-1, 3).astype(int)
    for line in ((0x94, 0x5D, 0xD6), (0x13, 0xAD, 0xC7), (0xF4, 0x68, 0x37)):  # DVC's colours of three revisions
        assert (np.abs(pixels - line).sum(axis=1) < 30).sum() > 200, "a curve was not drawn"
