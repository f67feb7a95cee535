"""The first half of a day with the workflow, by the commands of docs/experiments.md: what comes before one chooses.

A fresh clone is reproduced, one experiment is run in its workspace, and a grid by two workers of DVC's queue at once.
"""

import time
from pathlib import Path

from recipes import recipe
from tiny_project import Project

DOCUMENT = "docs/experiments.md"
GRID = ["grid-1", "grid-2", "grid-3"]
_PATIENCE = 900.0


def first_half(project: Project) -> None:
    """Do it in a clone; what its commands print is kept for `printed`."""
    _kept(project, "repro", "dvc repro")
    _kept(project, "state after repro", "git status --porcelain")
    _kept(project, "one", recipe(DOCUMENT, "one"))
    _kept(project, "change of parameters", "git diff --numstat params.yaml")
    _kept(project, "back", recipe(DOCUMENT, "back"))
    _run_grid(project)


def printed(project: Project, name: str) -> str:
    """What a command of the first half printed, in the project or a copy."""
    return _record(project, name).read_text()


def revision_of(project: Project, experiment: str) -> str:
    """The git reference of an experiment."""
    references = project.run("git", "for-each-ref", "--format=%(refname)", "refs/exps").stdout.split()
    (found,) = [reference for reference in references if reference.endswith(f"/{experiment}")]
    return found


def _kept(project: Project, name: str, script: str) -> None:
    _record(project, name).write_text(project.run("sh", "-c", script).stdout)


def _record(project: Project, name: str) -> Path:
    """Where neither git nor DVC sees it, and copies have it."""
    return project.folder / ".git" / f"{name}.txt"


def _run_grid(project: Project) -> None:
    """Run the grid and wait for its end; an AssertionError where one fails or no two run at once."""
    # The workers keep what the command writes to, so that a pipe would stay open until they leave.
    assert project.start("sh", "-c", recipe(DOCUMENT, "grid")).wait() == 0
    end, at_once = time.monotonic() + _PATIENCE, False
    try:
        while (found := _states(project)) != dict.fromkeys(GRID, "Success"):
            assert "Failed" not in found.values(), _logs(project)
            assert time.monotonic() < end, _logs(project)
            at_once |= list(found.values()).count("Running") == 2
            time.sleep(0.5)
    finally:
        project.run("dvc", "queue", "stop", "--kill")
    assert at_once, "no two of the experiments ran at once"


def _states(project: Project) -> dict[str, str]:
    """How each experiment of the queue is doing."""
    lines = project.run("dvc", "queue", "status").stdout.splitlines()
    return {name: line.split()[-1] for line in lines for name in GRID if name in line.split()}


def _logs(project: Project) -> str:
    """What the experiments printed, for the one who looks why they did not end well."""
    done = [project.run("dvc", "queue", "logs", name, check=False) for name in GRID]
    return "\n".join(f"{name}:\n{log.stdout}{log.stderr}" for name, log in zip(GRID, done, strict=True))
