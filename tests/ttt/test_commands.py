"""The commands as a user types them: each once in a process of its own, else by its `main` in this one.

A process of its own loads torch, which takes longer than all else that such a test does.
"""

import importlib
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import chdir, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
import yaml

from ttt.engine.checkpoint import load_checkpoint
from ttt.engine.journal import read_records

DEMO = Path(__file__).parents[2] / "configs" / "ttt_demo.yaml"
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1"}
PINNED = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1") | {"GOMP_SPINCOUNT": "5000"}
"""What a command would pin, were torch not loaded; `conftest` has made torch as if it were."""


class Project:
    """A folder with a small configuration, in which commands are run."""

    def __init__(self, folder, raw):
        self.folder = folder
        self.write("c.yaml", raw)

    def write(self, name, raw):
        (self.folder / name).write_text(yaml.safe_dump(raw))

    def start(self, command):
        name, *arguments = command.split()
        return subprocess.Popen(
            [sys.executable, "-m", name, *arguments],
            cwd=self.folder,
            env=ENVIRONMENT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, command, status=0):
        """What a command in a process of its own prints: its results, or why it failed."""
        process = self.start(command)
        out, error = process.communicate(timeout=120)
        assert process.returncode == status, error
        assert "Traceback" not in error
        return out if status == 0 else error

    def call(self, command, status=0):
        """The same of a command in this process."""
        name, *arguments = command.split()
        out, error = StringIO(), StringIO()
        with chdir(self.folder), patch.dict(os.environ, PINNED), redirect_stdout(out), redirect_stderr(error):
            try:
                found = importlib.import_module(name).main(arguments)
            except SystemExit as exit:
                found = exit.code
        assert found == status, error.getvalue()
        return out.getvalue() if status == 0 else error.getvalue()


@pytest.fixture
def project(tmp_path, raw_config):
    return Project(tmp_path, raw_config({}))


def test_the_demo_trains_without_any_physics(tmp_path):
    Project(tmp_path, {}).run(f"ttt.train --config {DEMO} --exp_name demo --epochs 2")
    assert load_checkpoint(tmp_path / "runs" / "demo" / "001" / "best.pth").place.epoch <= 2


def test_a_user_trains_judges_infers_and_plots(project):
    folder = project.folder
    project.run("ttt.train --config c.yaml --exp_name demo")
    run = folder / "runs" / "demo" / "001"
    assert yaml.safe_load((run / "config.resolved.yaml").read_text())["train"]["epochs"] == 3

    printed = project.run(f"ttt.eval --config c.yaml --ckpt {run}/best.pth --out_json figures.json")
    figures = json.loads((folder / "figures.json").read_text())
    assert json.loads(printed) == figures
    assert (figures["set"], figures["num_samples"], figures["model"]) == ("val", 32, "mlp")
    assert figures["val_loss"] == load_checkpoint(run / "best.pth").place.best_score
    assert len(figures["checkpoint_sha256"]) == 64

    np.save(folder / "x.npy", np.ones((5, 4)))
    project.run(f"ttt.infer --config c.yaml --ckpt {run}/best.pth --input x.npy --out y.npy")
    assert np.load(folder / "y.npy").shape == (5, 2)

    printed = project.run("ttt.plot_loss --run_dir runs/demo/001")
    assert printed.split() == [f"runs/demo/001/artifacts/{name}" for name in ("loss_curve.png", "loss_long.csv")]


def test_the_command_line_wins_over_the_file(project):
    flags = "--epochs 1 --lr 0.002 --amp --set model.hidden=[5] --set optim.adamw.eps=1e-7"
    project.call(f"ttt.train --config c.yaml --exp_name demo {flags}")
    resolved = yaml.safe_load((project.folder / "runs/demo/001/config.resolved.yaml").read_text())
    assert (resolved["train"]["epochs"], resolved["optim"]["lr"], resolved["amp"]["enabled"]) == (1, 0.002, True)
    assert (resolved["model"]["hidden"], resolved["optim"]["eps"]) == ([5], 1e-7)


def test_each_run_gets_the_next_number_and_resume_takes_the_newest(project):
    for _ in range(2):
        project.call("ttt.train --config c.yaml --exp_name demo --epochs 1")
    project.call("ttt.train --config c.yaml --exp_name demo --resume --epochs 2")
    epochs = [load_checkpoint(project.folder / f"runs/demo/{name}/last.pth").place.epoch for name in ("001", "002")]
    assert epochs == [1, 2]
    project.call("ttt.train --config c.yaml --exp_name demo --run_id 001 --resume --epochs 3")
    assert load_checkpoint(project.folder / "runs/demo/001/last.pth").place.epoch == 3


def test_a_run_folder_named_in_the_file_is_used_where_no_experiment_is_named(tmp_path, raw_config):
    project = Project(tmp_path, raw_config({"ckpt.run_dir": "here", "train.epochs": 1}))
    project.call("ttt.train --config c.yaml")
    assert (tmp_path / "here" / "best.pth").exists()


def test_the_best_model_goes_on_at_a_new_rate_as_the_users_guide_says(project):
    project.call("ttt.train --config c.yaml --exp_name demo")
    project.call("ttt.train --config c.yaml --exp_name demo --resume --resume_best --lr 1e-4 --epochs 5")
    records = read_records(project.folder / "runs/demo/001/metrics.jsonl")
    index = next(index for index, record in enumerate(records) if record["kind"] == "resume")
    assert records[index]["from"] == "best.pth"
    assert (records[index + 1]["kind"], records[index + 1]["lr"]) == ("step", 1e-4)


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("ttt.train --config none.yaml --exp_name demo", "none.yaml: 1 problem\n  no such file"),
        ("ttt.train --config c.yaml", "--exp_name: missing; name the experiment, or set ckpt.run_dir"),
        ("ttt.train --config c.yaml --exp_name ../demo", "--exp_name: found '../demo'; allowed are letters"),
        ("ttt.train --config c.yaml --exp_name demo --run_id a/b", "--run_id: found 'a/b'"),
        ("ttt.train --config c.yaml --exp_name demo --lr 0", "optim.lr: found 0.0 (float); allowed: greater than 0"),
        ("ttt.train --config c.yaml --exp_name demo --resume", "--resume: there is no run in runs/demo"),
        ("ttt.train --config c.yaml --exp_name demo --run_id 7 --resume", "there is no runs/demo/7/last.pth"),
        ("ttt.train --config c.yaml --exp_name demo --resume_new_lr", "--resume: there is no run in runs/demo"),
        ("ttt.eval --config c.yaml --ckpt none.pth", "none.pth: cannot be read (No such file or directory)"),
        ("ttt.eval --config c.yaml --ckpt c.yaml", "c.yaml: is damaged or no checkpoint"),
        ("ttt.infer --config c.yaml --ckpt none.pth --input c.yaml --out y.npy", "none.pth: cannot be read"),
        ("ttt.plot_loss --run_dir nowhere", "nowhere/metrics.jsonl: no such file: is this a run folder?"),
        ("ttt.plot_loss --last 3", "--last: there is no run below runs"),
        ("ttt.plot_loss --last 0", "--last: found 0; allowed: 1 or more"),
    ],
)
def test_a_mistake_is_answered_with_a_sentence_and_leaves_nothing_behind(project, command, sentence):
    assert sentence in project.call(command, status=2)
    assert [path.name for path in project.folder.iterdir()] == ["c.yaml"]


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("ttt.train --config c.yaml", "--exp_name: missing"),
        ("ttt.eval --config c.yaml --ckpt none.pth", "none.pth: cannot be read"),
        ("ttt.infer --config c.yaml --ckpt none.pth --input c.yaml --out y.npy", "none.pth: cannot be read"),
        ("ttt.plot_loss --last 3", "--last: there is no run below runs"),
    ],
)
def test_a_process_ends_with_the_status_and_the_sentence_of_its_command(project, command, sentence):
    assert sentence in project.run(command, status=2)
    assert [path.name for path in project.folder.iterdir()] == ["c.yaml"]


def test_a_checkpoint_of_other_data_is_not_judged(tmp_path, raw_config):
    project = Project(tmp_path, raw_config({"train.epochs": 1}))
    project.call("ttt.train --config c.yaml --exp_name demo")
    project.write("other.yaml", raw_config({"data.inputs": 5}))
    error = project.call("ttt.eval --config other.yaml --ckpt runs/demo/001/best.pth", status=2)
    assert "its model was made for other data:\n  data.inputs: 4 in the checkpoint, 5 now" in error


def wait_for_steps(log, count):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if log.exists() and log.read_text().count('"kind": "step"') >= count:
            return
        time.sleep(0.01)
    raise AssertionError("the training did not start")


LONG = {"train.epochs": 60, "ckpt.every_steps": 3, "scheduler.name": "onecycle"}


@pytest.fixture(scope="module")
def whole(tmp_path_factory, raw_config):
    """The run folder of a long training that nobody stopped."""
    project = Project(tmp_path_factory.mktemp("whole"), raw_config(LONG))
    project.run("ttt.train --config c.yaml --exp_name whole")
    return project.folder / "runs/whole/001"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -signal.SIGKILL)]
)
def test_a_stopped_command_tells_by_its_status_and_resumes_to_the_same_bytes(
    tmp_path, raw_config, whole, number, status
):
    project = Project(tmp_path, raw_config(LONG))
    process = project.start("ttt.train --config c.yaml --exp_name stopped")
    wait_for_steps(tmp_path / "runs/stopped/001/metrics.jsonl", 12)
    process.send_signal(number)
    _, error = process.communicate(timeout=60)
    assert process.returncode == status
    assert ("saved in runs/stopped/001/last.pth" in error) is (number != signal.SIGKILL)
    assert "Traceback" not in error
    project.call("ttt.train --config c.yaml --exp_name stopped --resume")
    for name in ("last.pth", "best.pth", "metrics.jsonl"):
        assert (tmp_path / "runs/stopped/001" / name).read_bytes() == (whole / name).read_bytes()


@pytest.mark.parametrize("command", ["train", "eval", "infer"])
def test_the_help_says_which_value_wins(project, command):
    text = " ".join(project.call(f"ttt.{command} --help").split())
    assert "the command line over the configuration file, the file over the defaults" in text


def test_the_help_of_training_explains_the_resume_flags(project):
    text = " ".join(project.call("ttt.train --help").split())
    for words in ("--resume_best", "optimizer's moments stay", "--resume_reset_scheduler", "over the epochs that are"):
        assert words in text


def test_a_command_loads_neither_numpy_nor_torch_before_it_has_pinned_them():
    modules = "ttt.command, ttt.resume_flags, ttt.runs, ttt.train, ttt.eval, ttt.infer"
    code = f"import sys, {modules}; print(sorted({{'numpy', 'torch'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.fixture(scope="module")
def demo(tmp_path_factory, raw_config):
    """A trained model of four inputs in a project of its own."""
    project = Project(tmp_path_factory.mktemp("demo"), raw_config({"train.epochs": 1}))
    project.call("ttt.train --config c.yaml --exp_name demo")
    return project


INFER = "ttt.infer --config c.yaml --ckpt runs/demo/001/best.pth"


def test_files_of_a_folder_that_cannot_be_used_are_named_and_the_others_are_predicted(demo):
    folder = demo.folder / "some"
    folder.mkdir()
    for name in "ace":
        np.save(folder / f"{name}.npy", np.ones(4))
    (folder / "b.csv").write_text(",2,3,4\n1,2,3,4\n")
    (folder / "d.npy").write_bytes(b"nonsense")
    np.save(folder / "f.npy", np.full(4, 3e38))  # the network overflows
    error = demo.call(f"{INFER} --input some --out some_out", status=2)
    assert "3 of 6 inputs were refused; the others are predicted:\n  some/b.csv: row 1: could not convert" in error
    assert "\n  some/d.npy: is damaged" in error
    assert "\n  some/f.npy: what the model predicts from it holds NaN or Inf and is not written" in error
    assert sorted(path.name for path in (demo.folder / "some_out").iterdir()) == [f"{name}_pred.npy" for name in "ace"]


def test_a_prediction_that_is_no_number_is_refused_alone_too(demo):
    np.save(demo.folder / "large.npy", np.full(4, 3e38))
    assert "large.npy: what the model" in demo.call(f"{INFER} --input large.npy --out large_out.npy", status=2)
    assert not (demo.folder / "large_out.npy").exists()


def test_results_never_replace_inputs(demo):
    folder = demo.folder / "kept"
    folder.mkdir()
    np.save(folder / "a.npy", np.ones(4))
    before = (folder / "a.npy").read_bytes()
    assert "the folder of the inputs" in demo.call(f"{INFER} --input kept --out kept/../kept", status=2)
    assert "would replace the input" in demo.call(f"{INFER} --input kept/a.npy --out kept/a.npy", status=2)
    assert "a file; the results of a folder go to a folder" in demo.call(f"{INFER} --input kept --out c.yaml", status=2)
    assert [path.read_bytes() for path in folder.iterdir()] == [before]


def test_two_inputs_of_one_name_are_refused_before_any_is_predicted(demo):
    folder = demo.folder / "twins"
    folder.mkdir()
    np.save(folder / "a.npy", np.ones(4))
    (folder / "a.csv").write_text("1,2,3,4\n")
    assert "would give the same output; rename one" in demo.call(f"{INFER} --input twins --out twins_out", status=2)
    assert not (demo.folder / "twins_out").exists()


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_configuration_in_the_encoding_of_a_windows_editor_is_read(demo, encoding):
    text = (demo.folder / "c.yaml").read_text()
    (demo.folder / "windows.yaml").write_text(text, encoding=encoding, newline="\r\n")
    figures = [
        demo.call(f"ttt.eval --config {name} --ckpt runs/demo/001/best.pth") for name in ("c.yaml", "windows.yaml")
    ]
    assert figures[0] == figures[1]
