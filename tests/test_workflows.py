"""The files of GitHub's workflows and of the devcontainer have the right form, and no known fault."""

import subprocess
import sys
from pathlib import Path

import pytest

from programs import need

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))


def test_there_are_workflows():
    assert {path.name for path in WORKFLOWS} >= {"ci.yml", "report.yml"}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_has_the_form_that_github_reads(path):
    check = (sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows")
    done = subprocess.run([*check, str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_no_workflow_gives_more_than_it_must_or_runs_what_a_stranger_writes():
    command = [
        need(["zizmor"], "none; it is in the extra `test`"),
        "--offline",
        "--no-progress",
        "--min-severity",
        "high",
    ]
    done = subprocess.run([*command, str(ROOT / ".github")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
