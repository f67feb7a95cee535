"""Every command of README.md, run as it is written, in the order of the page, on the repository with fewer samples.

The commands of those pages of docs that need no more than that follow. ``EMFM_DEFAULT_SIZE=1`` runs them all at the
default size; what that may change is always tested there by test_default_size.py.
"""

import json
from pathlib import Path

import numpy as np
import pytest
import yaml

from default_size import IS_WANTED, SMALLER
from emfm.core.store import Store
from recipes import blocks, commands_in_blocks, commands_in_text, commands_of, recipe, recipes_of
from tiny_project import whole_project

PAGE = "README.md"
OTHER_PAGES = ("docs/commands.md", "docs/measured.md", "docs/export.md", "docs/full-scale.md")
WHOLE_PAGES = {
    "docs/tutorial.md": "test_tutorial.py",
    "docs/sources.md": "test_sources_page.py",
    "docs/template.md": "test_template_page.py",
}
"""Pages that a test of their own runs from the first block to the last."""
NOT_RUN = {
    "pip install -c constraints.txt -e .": "run by .ci/run, in a new environment, with what tests need besides",
    "pip install -c constraints.txt -e '.[test]'": "run by .ci/run, in a new environment",
    "pip install -c constraints.txt -e '.[neuraloperator]'": "a part of what .ci/run installs",
    "pip install uv": "run by `.ci/run fast`",
    "uv pip install --torch-backend auto -c constraints.lock -e .": "run by `.ci/run fast`, as it asks PyTorch's index",
    "pip install -c constraints.txt -e '.[docs]'": "run by .ci/run",
    "sphinx-build -W -c docs/site . build/site": "run by .ci/run",
    "dvc repro": "run for the fixture `project`",
    "pytest": "this is a part of it",
    "pytest -n 0": "the same in one process",
    "pytest -m 'not slow'": "a part of `pytest`",
    ".ci/run": "this is a part of it",
    ".ci/run fast": "needs the network; the fast tests are a part of `pytest`",
    "python benchmarks/scaling.py": "takes more than an hour",
    "python benchmarks/scaling.py --kind aperture --sizes 1000 --models linear_operator pod_net": "takes minutes",
    "python benchmarks/h_weight.py": "takes many minutes",
    "python benchmarks/ladder.py 10": "takes three quarters of an hour; tests/test_benchmark_gpu.py has its stages",
    "python benchmarks/scale.py": "takes half an hour",
    "python benchmarks/search.py": "takes some minutes",
    "python benchmarks/inference.py": "takes some minutes",
    "python benchmarks/trust_outside.py": "takes some minutes; tests/test_benchmark_trust.py runs it on fewer scans",
    "sbatch --wait slurm/acquire.sh": "needs Slurm; tests/test_slurm.py runs it on one of its own",
    "python benchmarks/gpu.py": "needs a GPU; tests/test_benchmark_gpu.py runs it without one",
}
"""What is not run here, and why."""
IN_BLOCKS = commands_in_blocks(PAGE)
ELSEWHERE = [*commands_in_text(PAGE), *(command for page in OTHER_PAGES for command in commands_in_blocks(page))]
WRITTEN = [*IN_BLOCKS, *(command for command in dict.fromkeys(ELSEWHERE) if command not in IN_BLOCKS)]
"""What stands twice in README's blocks is run twice: between two experiments the way back to the commit is taken."""
RUN = [command for command in WRITTEN if command not in NOT_RUN]
FEWER = {
    "python benchmarks/scene_kinds.py": "python benchmarks/scene_kinds.py --samples 64",
    "python benchmarks/sources.py": "python benchmarks/sources.py --scenes 20",
    "python benchmarks/plates.py": "python benchmarks/plates.py --boards 4",
    "python benchmarks/larger_scan.py": "python benchmarks/larger_scan.py --set model.pod_net.sources.rank=60 "
    "--set eval.sparse_sources.rank=60 --set train.epochs=2",
    "python benchmarks/instruction_sets.py": "python benchmarks/instruction_sets.py --samples 64",
}
"""What is run in place of a command that takes minutes: the same with fewer samples."""
SCANS = 3
TESTS = Path(__file__).parent
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def project(request, tmp_path_factory):
    """The project after ``dvc repro``, with a folder of scans; every command is run in it."""
    folder = tmp_path_factory.mktemp("readme") / "project"
    if IS_WANTED:
        project = request.getfixturevalue("default_project").copy(folder)
    else:
        project = whole_project(folder, SMALLER)
        project.run("dvc", "repro")
        project.commit("results")
    project.variables = {"DVC_PAGER": "cat"}
    scans = project.folder / "scans"
    scans.mkdir()
    for number, source_h in enumerate(Store(project.folder / "data/store").source_h(range(SCANS))):
        np.save(scans / f"{number}.npy", source_h)
    return project


def test_each_reason_not_to_run_a_command_is_of_a_command_that_stands_there():
    assert set(NOT_RUN) <= set(WRITTEN)


@pytest.mark.parametrize("command", RUN, ids=str)
def test_a_command_works_as_it_is_written(project, command):
    project.run("sh", "-c", command if IS_WANTED else FEWER.get(command, command))


def test_the_commands_leave_what_readme_says(project):
    assert yaml.safe_load(project.read("runs/mine/config.resolved.yaml"))["loss"]["h_weight"] == 2.0
    for name in ("dvc_plots/index.html", "runs/mine/best.pth", "runs/mine/artifacts/loss_curve.png", "model.pt2"):
        assert (project.folder / name).stat().st_size > 0, name
    for number in range(SCANS):
        for name in ("target_E.csv", "target_H.csv"):
            assert (project.folder / f"predictions/{number}" / name).stat().st_size > 0
    epochs = [
        record for record in project.read("runs/shared/metrics.jsonl").splitlines() if '"kind": "epoch"' in record
    ]
    assert json.loads(epochs[-1])["epoch"] == 3


def test_the_lines_of_python_predict_a_field(project):
    (program,) = [text for language, text in blocks(PAGE) if language == "python"]
    before = "import numpy as np\nimport emfm\nsource_h = np.load('scans/0.npy')\n"
    after = "\nprint(E.shape, H.shape, E.dtype.kind, H.dtype.kind)"
    done = project.run("python", "-W", "error", "-c", before + program + after)
    assert done.stdout.strip() == "(3, 51, 51) (3, 51, 51) c c"


def test_every_command_of_the_other_pages_is_run_by_some_test():
    """By its name, as a recipe, or here."""
    tests = "".join(path.read_text() for path in TESTS.rglob("*.py") if path != Path(__file__))
    pages = [str(path.relative_to(TESTS.parent)) for path in (TESTS.parent / "docs").glob("*.md")]
    recipes = [(page, name) for page in pages for name in recipes_of(page)]
    named = [(page, name) for page, name in recipes if f'"{name}"' in tests]
    run = {*WRITTEN, *(command for page, name in named for command in commands_of(recipe(page, name)))}
    for page, test in WHOLE_PAGES.items():
        assert f'"{page}"' in (TESTS / test).read_text()
        run |= set(commands_in_blocks(page))
    assert len(named) > 10
    assert [(page, command) for page in pages for command in commands_in_blocks(page) if command not in run] == []
