"""Every command of README.md, run as it is written on a project of the default size, in the order of the page."""

import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from emfm.data.store import Store
from recipes import blocks, commands_in_text, commands_of

PAGE = "README.md"
NOT_RUN = {
    "pip install -c constraints.txt -e .": "run by .ci/run, in a new environment, with what tests need besides",
    "pip install -c constraints.txt -e '.[test]'": "run by .ci/run, in a new environment",
    "pip install -c constraints.txt -e '.[neuraloperator]'": "a part of what .ci/run installs",
    "dvc repro": "run for the fixture `whole`",
    "pytest": "this is a part of it",
    "pytest -m 'not slow'": "a part of `pytest`",
    ".ci/run": "this is a part of it",
    "python benchmarks/scaling.py": "takes more than an hour",
    "python benchmarks/scaling.py --kind aperture --sizes 1000 --models linear_operator pod_net": "takes minutes",
    "python benchmarks/h_weight.py": "takes many minutes",
    "python benchmarks/scale.py": "takes half an hour",
    "python benchmarks/search.py": "takes some minutes",
    "python benchmarks/inference.py": "takes some minutes",
    "python benchmarks/gpu.py": "needs a GPU; tests/test_benchmark_gpu.py runs it without one",
}
"""What is not run here, and why."""
IN_BLOCKS = [command for language, text in blocks(PAGE) if language == "sh" for command in commands_of(text)]
IN_TEXT = [command for command in commands_in_text(PAGE) if command not in IN_BLOCKS]
RUN = [command for command in (*IN_BLOCKS, *IN_TEXT) if command not in NOT_RUN]
SCANS = 3
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def project(whole, tmp_path_factory):
    """The project of the default size, with a folder of scans; every command is run in it."""
    project = whole.copy(tmp_path_factory.mktemp("readme") / "project")
    project.variables = {"DVC_PAGER": "cat"}
    scans = project.folder / "scans"
    scans.mkdir()
    for number, source_h in enumerate(Store(project.folder / "data/store").source_h(range(SCANS))):
        np.save(scans / f"{number}.npy", source_h)
    return project


def vendor():
    """Who made the processor."""
    return re.search(r"^vendor_id\s*: (\S+)", Path("/proc/cpuinfo").read_text(), re.MULTILINE)[1]


def test_dvc_repro_makes_what_is_committed(project):
    """To the last byte on the kind of processor on which it was made; on another the same sets and near figures."""
    changed = project.run("git", "status", "--porcelain", "--untracked-files=no").stdout
    if vendor() == "AuthenticAMD":
        assert changed == "", project.run("git", "diff", "--stat").stdout
        return
    assert {line.split()[1].split("/")[0] for line in changed.splitlines()} <= {"dvc.lock", "reports"}
    committed = json.loads(project.run("git", "show", "HEAD:reports/val_metrics.json").stdout)["val"]
    assert json.loads(project.read("reports/val_metrics.json"))["val"] == pytest.approx(committed, rel=0.05)


def test_each_reason_not_to_run_a_command_is_of_a_command_that_stands_there():
    assert set(NOT_RUN) <= {*IN_BLOCKS, *IN_TEXT}


@pytest.mark.parametrize("command", RUN)
def test_a_command_works_as_it_is_written(project, command):
    project.run("sh", "-c", command)


def test_the_commands_leave_what_readme_says(project):
    assert "h_weight: 3.0" in project.read("params.yaml")
    for name in ("dvc_plots/index.html", "runs/mine/best.pth", "runs/mine/artifacts/loss_curve.png", "model.pt2"):
        assert (project.folder / name).stat().st_size > 0, name
    for number in range(SCANS):
        for name in ("target_E.csv", "target_H.csv"):
            assert (project.folder / f"predictions/{number}" / name).stat().st_size > 0
    epochs = [
        record for record in project.read("runs/shared/metrics.jsonl").splitlines() if '"kind": "epoch"' in record
    ]
    assert json.loads(epochs[-1])["epoch"] == 3


def python(project, program):
    command = [sys.executable, "-W", "error", "-c", program]
    return project.run(*command)


def test_the_lines_of_python_predict_a_field(project):
    (program,) = [text for language, text in blocks(PAGE) if language == "python"]
    before = "import numpy as np\nimport emfm\nsource_h = np.load('scans/0.npy')\n"
    after = "\nprint(E.shape, H.shape, E.dtype.kind, H.dtype.kind)"
    assert python(project, before + program + after).stdout.strip() == "(3, 51, 51) (3, 51, 51) c c"
