"""What only the default size shows: the committed bytes come out, and its model is near the truth and is exported.

By the stages up to the second training, whose model stands for the last one; by all with ``EMFM_DEFAULT_SIZE=1``.
"""

import csv
import json
import re
import shutil
from pathlib import Path

import pytest

from default_size import IS_WANTED, LAST_STAGE
from recipes import as_program, commands_in_blocks

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def project(default_project, tmp_path_factory):
    """The project with a model in models/stage5."""
    project = default_project.copy(tmp_path_factory.mktemp("default_size") / "project")
    if LAST_STAGE is not None:
        shutil.copytree(project.folder / f"models/stage{LAST_STAGE}", project.folder / "models/stage5")
    return project


def vendor():
    """Who made the processor."""
    return re.search(r"^vendor_id\s*: (\S+)", Path("/proc/cpuinfo").read_text(), re.MULTILINE)[1]


def losses(curve):
    """The validation losses in the text of a curve."""
    return [float(row["val_loss"]) for row in csv.DictReader(curve.splitlines())]


def test_dvc_repro_makes_what_is_committed(project):
    """To the last byte on the kind of processor on which it was made; on another the same sets and near figures."""
    changed = project.run("git", "status", "--porcelain", "--untracked-files=no").stdout
    if vendor() == "AuthenticAMD":
        assert changed == "", project.run("git", "diff", "--stat").stdout
        return
    assert {line.split()[1].split("/")[0] for line in changed.splitlines()} <= {"dvc.lock", "reports"}
    curve = f"reports/curves/stage{LAST_STAGE or 5}.csv"
    assert losses(project.read(curve)) == pytest.approx(
        losses(project.run("git", "show", f"HEAD:{curve}").stdout), rel=0.05
    )
    if IS_WANTED:
        committed = json.loads(project.run("git", "show", "HEAD:reports/val_metrics.json").stdout)["val"]
        assert json.loads(project.read("reports/val_metrics.json"))["val"] == pytest.approx(committed, rel=0.05)


def test_the_committed_croissant_metadata_are_of_this_store(project):
    """With every hash where the bytes come out as committed, else with every file and its size."""
    project.run("python", "-m", "emfm.tasks.croissant")
    committed = project.run("git", "show", "HEAD:data/croissant.json").stdout
    if vendor() == "AuthenticAMD":
        assert project.read("data/croissant.json") == committed
        return
    found, wanted = (json.loads(text)["distribution"] for text in (project.read("data/croissant.json"), committed))
    assert [(file["@id"], file.get("contentSize")) for file in found] == [
        (file["@id"], file.get("contentSize")) for file in wanted
    ]


def test_the_tutorial_is_near_the_truth(project):
    (project.folder / "tutorial.py").write_text(as_program("docs/tutorial.md", ("pip install", "dvc repro")))
    project.variables = project.variables | {"MPLBACKEND": "agg"}
    output = project.run("python", "-W", "error", "tutorial.py").stdout
    errors = re.findall(r"true relative error of ([EH]): (\S+)", output)
    assert [name for name, _ in errors] == ["E", "H"]
    assert all(0 < float(error) < 0.1 for _, error in errors), errors


def test_the_model_is_exported(project):
    for command in commands_in_blocks("docs/export.md"):
        project.run("sh", "-c", command)
    assert (project.folder / "model.pt2").stat().st_size > 0
