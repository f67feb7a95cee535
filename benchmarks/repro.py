"""How long `dvc repro` takes when there is nothing to do, with as many files as the full scale has.

    python benchmarks/repro.py 126

runs the workflow at a tiny scale in a folder of its own, with so many shards in the packed store, and then again. DVC
looks at names, sizes and times of files then, and not into them: what counts is how many there are.
"""

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from machine import ROOT, run_part, seconds

sys.path.insert(0, str(ROOT / "tests"))


def measure(shards: int) -> dict[str, Any]:
    """Files in data/store, and the seconds of `dvc repro` with nothing to do, best of three."""
    from tiny_project import make_project

    with tempfile.TemporaryDirectory() as folder:
        project = make_project(Path(folder) / "project", {"acquire.shard_samples": 1})
        project.change_params({"acquire.simulate.num_samples": shards})
        project.run("dvc", "repro")
        files = sum(1 for _ in (project.folder / "data/store").iterdir())
        found = seconds(lambda: project.run("dvc", "repro"), repeats=3)
        told: subprocess.CompletedProcess[str] = project.run("dvc", "repro")
        assert "up to date" in told.stdout + told.stderr
        return {"files": files, "seconds": found}


if __name__ == "__main__":
    run_part(measure)
