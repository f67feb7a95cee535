"""A grid of experiments that two workers of DVC's queue run at once, with the commands of docs/experiments.md."""

import time

from recipes import recipe
from tiny_project import Project

DOCUMENT = "docs/experiments.md"
GRID = ["grid-1", "grid-2"]
_PATIENCE = 400.0


def run_grid(project: Project) -> None:
    """Run the grid and wait for its end; an AssertionError where one fails or they did not run at once."""
    # The workers keep what the command writes to, so that a pipe would stay open until they leave.
    assert project.start("sh", "-c", recipe(DOCUMENT, "grid")).wait() == 0
    end, at_once = time.monotonic() + _PATIENCE, False
    try:
        while (found := _states(project)) != dict.fromkeys(GRID, "Success"):
            assert "Failed" not in found.values(), _logs(project)
            assert time.monotonic() < end, _logs(project)
            at_once |= list(found.values()) == ["Running", "Running"]
            time.sleep(0.5)
    finally:
        project.run("dvc", "queue", "stop", "--kill")
    assert at_once, "the two experiments did not run at once"


def revision_of(project: Project, experiment: str) -> str:
    """The git reference of an experiment."""
    references = project.run("git", "for-each-ref", "--format=%(refname)", "refs/exps").stdout.split()
    (found,) = [reference for reference in references if reference.endswith(f"/{experiment}")]
    return found


def _states(project: Project) -> dict[str, str]:
    """How each experiment of the queue is doing."""
    lines = project.run("dvc", "queue", "status").stdout.splitlines()
    return {name: line.split()[-1] for line in lines for name in GRID if name in line.split()}


def _logs(project: Project) -> str:
    """What the experiments printed, for the one who looks why they did not end well."""
    done = [project.run("dvc", "queue", "logs", name, check=False) for name in GRID]
    return "\n".join(f"{name}:\n{log.stdout}{log.stderr}" for name, log in zip(GRID, done, strict=True))
