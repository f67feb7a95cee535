"""A clone's commands run its own code where another clone is the one that is installed, and in DVC's queue."""

import json
import time

import pytest
import yaml

from day import revision_of
from emfm.core.store import Store
from tiny_project import ROOT, Project, make_project

pytestmark = pytest.mark.slow

INSTALLED = {"PYTHONPATH": str(ROOT / "src")}
"""The environment of a user who has installed another clone: this very repository."""
PATIENCE = 300.0

CODE = "src/emfm/acquire"


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """A second clone whose simulation names its samples otherwise, and whose losses note who imports them."""
    made = make_project(tmp_path_factory.mktemp("own_code") / "clone", {"acquire.workers": 2})
    project = Project(made.folder, INSTALLED)
    edit(project, "src/emfm/acquire/simulate.py", 'f"{begin}s{', 'f"{begin}own{')
    losses = project.folder / "src/emfm/training/losses.py"
    note = 'import os, pathlib\n\npathlib.Path("imported_by_" + os.environ.get("RANK", "one")).touch()\n'
    losses.write_text(losses.read_text() + note)
    project.run("python", "-m", "emfm.stages", "acquire")
    return project


def edit(project, path, before, after):
    """Replace a text in the project's code."""
    file = project.folder / path
    text = file.read_text()
    assert before in text
    file.write_text(text.replace(before, after))


def test_a_stage_and_its_worker_processes_run_the_code_beside_dvc_yaml(clone):
    assert yaml.safe_load(clone.read("params.yaml"))["acquire"]["workers"] > 1
    assert all(name.startswith("own") for name in Store(clone.folder / "data/store").table["id"])


def test_processes_that_share_a_training_stage_run_it_too(clone):
    for stage in ("dedupe", "group_split", "compute_norm_stats"):
        clone.run("python", "-m", "emfm.stages", stage)
    clone.change_params({"compute.processes": 2})
    clone.run("python", "-m", "emfm.stages", "train_stage", "1")
    assert {path.name for path in clone.folder.glob("imported_by_*")} >= {"imported_by_0", "imported_by_1"}


def test_a_command_by_hand_runs_it_too_and_says_so(clone):
    edit(clone, "src/emfm/dedupe/params.py", "which of the rules", "of the clone: which of the rules")
    done = clone.run("python", "-m", "emfm.tasks.parameters", "--out", "page.md")
    assert "of the clone: which of the rules" in clone.read("page.md")
    assert f"emfm is installed from {ROOT / 'src'}; going on with the code of this folder" in done.stderr


def test_the_clone_that_is_installed_says_nothing_of_it(clone):
    own = Project(clone.folder)
    assert "going on with" not in own.run("python", "-m", "emfm.tasks.parameters", "--out", "page.md").stderr


@pytest.mark.parametrize("command", [("emfm.stages", "dedupe"), ("emfm.tasks.parameters", "--out", "page.md")])
def test_where_python_takes_no_notice_of_the_path_it_is_refused(clone, command):
    done = clone.run("python", "-E", "-m", *command, check=False)
    assert done.returncode == 2
    assert f"emfm is imported from {ROOT / 'src'}, not from this folder's {clone.folder / 'src'}" in done.stderr


def test_a_queued_experiment_runs_the_code_that_was_queued_and_records_its_hash(tmp_path):
    made = make_project(tmp_path / "queued")
    project = Project(made.folder, {"PYTHONPATH": str(made.folder / "src")})  # as after `pip install -e .` here
    start = "def run(params: Params) -> None:\n"
    edit(project, "src/emfm/acquire/stage.py", start, f"{start}    print('as it was queued')\n")
    edit(project, "src/emfm/acquire/simulate.py", 'f"{begin}s{', 'f"{begin}queued{')
    queued = hash_of_code(project)
    project.run("dvc", "exp", "run", "--queue", "-n", "q1", "acquire")
    project.run("git", "checkout", "-q", "src")
    committed = hash_of_code(project)
    # The worker keeps what the command writes to, so that a pipe would stay open until it leaves.
    assert project.start("dvc", "queue", "start").wait() == 0
    end = time.monotonic() + PATIENCE
    try:
        while "Success" not in project.run("dvc", "queue", "status").stdout:
            assert time.monotonic() < end, project.run("dvc", "queue", "logs", "q1", check=False).stdout
            time.sleep(0.5)
        assert "as it was queued" in project.run("dvc", "queue", "logs", "q1").stdout
    finally:
        project.run("dvc", "queue", "stop", "--kill")
    lock = project.run("git", "show", f"{revision_of(project, 'q1')}:dvc.lock").stdout
    stage = yaml.safe_load(lock)["stages"]["acquire"]
    assert {dep["path"]: dep["md5"] for dep in stage["deps"]}["src/emfm/acquire"] == queued != committed
    (store,) = (out["md5"] for out in stage["outs"] if out["path"] == "data/store")
    (table,) = (file["md5"] for file in json.loads(cached(project, store)) if file["relpath"] == "samples.csv")
    assert all(line.startswith("queued") for line in cached(project, table).splitlines()[1:])


def hash_of_code(project):
    """What DVC makes of the folder of the stage's code as it is."""
    deps = "Repo().stage.load_one(name='acquire').deps"
    code = f"from dvc.repo import Repo; print(*({{dep.def_path: dep.get_hash().value for dep in {deps}}}[{CODE!r}],))"
    return project.run("python", "-c", code).stdout.strip()


def cached(project, name):
    """The text of a file in DVC's cache."""
    return project.read(f".dvc/cache/files/md5/{name[:2]}/{name[2:]}")
