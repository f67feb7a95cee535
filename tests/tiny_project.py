"""The project itself in a folder of its own, at a size at which the whole workflow takes seconds."""

import os
import shutil
import subprocess
import sys
from copy import deepcopy
from pathlib import Path

from dvc.utils.serialize import modify_yaml

from emfm.settings import load_params
from emfm.tasks.promote import promoted_text

ROOT = Path(__file__).parents[1]
SIZES = [4, 8, 16, 24, 48]
MODEL = {
    "name": "pod_net",
    "pod_net": {
        "modes": 12,
        "prior": "sparse_sources",
        "sources": {"depth_mm": [1.0, 2.5], "margin_mm": 0.0, "cell_mm": 3.0, "layers": 1, "rank": 20, "iterations": 3},
        "dipoles": {"depths": [1.5], "margins": [1.0], "tikhonov": [1e-3]},
        "width": 8,
        "depth": 1,
    },
    "linear_operator": {"ridge": None},
    "forward_unet_lite": {"width": 4, "levels": 2},
    "fourier_neural_operator": {"width": 6, "modes": 4, "layers": 2},
}
TINY = {
    "compute.threads": 1,  # tests run in two processes
    "acquire.simulate.num_samples": 110,
    "acquire.simulate.kinds_samples": 3,
    "acquire.shard_samples": 32,
    "acquire.workers": 1,  # to start two takes longer than the work
    "split.train_pool": 60,
    "split.val_fixed": 12,
    "split.test_final": 24,
    "stages.sizes": SIZES,
    "data.target_plane": {"z_mm": 5.0, "x_mm": [-10.0, 10.0], "y_mm": [-8.0, 8.0], "pitch_mm": 2.0},
    "model": MODEL,
    "train.epochs": 2,
    "train.batch_size": 8,
    "ckpt.every_steps": 2,
    "eval.num_pictures": 1,
    "eval.noise_snr_db": [20.0],
    "eval.equivalent_dipoles": {"depths": [1.5], "margins": [1.0, 2.0], "tikhonov": [0.0003, 0.003]},
    "eval.sparse_sources": deepcopy(MODEL["pod_net"]["sources"]) | {"modes": 12},  # else YAML has an anchor for both
}


class Project:
    """A git and DVC repository with this project's code."""

    def __init__(self, folder: Path, variables: dict[str, str] | None = None) -> None:
        self.folder = folder
        self.variables = variables or {}

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command there, with this Python first on the path."""
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment(),
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        if check and done.returncode:
            raise AssertionError(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def start(self, *command: str, **environment: str) -> subprocess.Popen[bytes]:
        """Start a command there, in a process group of its own, with more in its environment."""
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.environment() | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def environment(self) -> dict[str, str]:
        """Of the commands that are run there: nothing of a DVC or git around it, and this project's code."""
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("DVC_", "GIT_"))}
        environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
        environment["PYTHONPATH"] = str(self.folder / "src")
        return environment | self.variables

    def change_params(self, changes: dict[str, object]) -> None:
        """Set dotted keys of params.yaml, in the way and the form in which DVC does."""
        with modify_yaml(self.folder / "params.yaml") as params:
            for key, value in changes.items():
                *outer, last = key.split(".")
                section = params
                for name in outer:
                    section = section[name]
                section[last] = value

    def promote(self) -> None:
        """Make the training that stands in params.yaml the promoted one."""
        params = load_params(self.folder / "params.yaml")
        (self.folder / "promoted.yaml").write_text(promoted_text(params))

    def commit(self, message: str) -> None:
        """Commit all there is."""
        self.run("git", "add", "-A")
        self.run("git", "commit", "-qm", message)

    def read(self, path: str) -> str:
        """The text of a file."""
        return (self.folder / path).read_text()

    def copy(self, folder: Path) -> "Project":
        """All of it, with what was computed, but for the messages of DVC's queue.

        Its workers leave after the experiments that they ran, and remove messages while they do.
        """
        shutil.copytree(self.folder, folder, symlinks=True, ignore=shutil.ignore_patterns("*.msg"))
        return Project(folder, self.variables)

    def clone(self, folder: Path) -> "Project":
        """A clone without data, in which the same user works."""
        self.run("git", "clone", "-q", str(self.folder), str(folder))
        clone = Project(folder, self.variables)
        clone.introduce_user()
        return clone

    def introduce_user(self) -> None:
        """Say to git who commits here."""
        self.run("git", "config", "user.email", "test@example.org")
        self.run("git", "config", "user.name", "test")


def make_project(folder: Path, changes: dict[str, object] | None = None) -> Project:
    """A tiny project in ``folder``, committed, with nothing computed."""
    folder.mkdir(parents=True)
    for name in ("src", "params.yaml", "dvc.yaml", ".gitignore", ".dvcignore", "pyproject.toml"):
        source = ROOT / name
        if source.is_dir():
            # With what Python compiled: it holds for copies, as they keep the time of their source. What another
            # process is just compiling has a further ending until it is whole, and is gone before it can be copied.
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("*.egg-info", "*.pyc.*"))
        else:
            shutil.copy(source, folder / name)
    shutil.copytree(ROOT / "data" / "reference", folder / "data" / "reference")
    (folder / ".dvc").mkdir()
    for name in ("config", ".gitignore", "plots_page.html"):
        shutil.copy(ROOT / ".dvc" / name, folder / ".dvc" / name)
    (folder / "reports").mkdir()
    (folder / "reports" / "test_final_ledger.jsonl").touch()
    project = Project(folder)
    project.change_params(TINY | (changes or {}))
    project.promote()
    project.run("git", "init", "-q", "-b", "main")
    project.introduce_user()
    project.commit("tiny")
    return project


def whole_project(folder: Path, changes: dict[str, object] | None = None) -> Project:
    """The repository itself in ``folder``, every file that git does not ignore, committed, with nothing computed.

    With ``changes``, keys of params.yaml are others, and the training that they describe is the promoted one.
    """
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).exists():  # git lists what was removed and not yet committed, too
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    project = Project(folder)
    if changes:
        project.change_params(changes)
        project.promote()
    project.run("git", "init", "-q", "-b", "main")
    project.introduce_user()
    project.commit("whole")
    return project
