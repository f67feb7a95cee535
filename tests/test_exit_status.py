"""One exit status for one kind of error, whichever command or stage meets it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from ttt.command import exit_status
from ttt.config import ConfigError, UserError
from ttt.engine.errors import CheckpointError, DivergedError, Interrupted, SaveError
from ttt.locks import BusyError

ROOT = Path(__file__).parents[1]
STAGES = ("dedupe", "group_split", "compute_norm_stats", "train_stage 1", "eval_val_fixed", "eval_test_final", "plot")
REFUSED = {
    "emfm.stages": [*STAGES, "acquire", "nowhere"],
    "emfm.tasks.compare": ["nowhere", "HEAD", "workspace", "--nowhere"],
    "emfm.tasks.cards": ["--config none.yaml", "--config bad.yaml", "--config params.yaml"],
    "emfm.tasks.change_report": ["nowhere HEAD", "HEAD nowhere"],
    "emfm.tasks.croissant": ["--store none", "--store ."],
    "emfm.tasks.forward.eval": [
        "--config none.yaml --ckpt none.pth",
        "--config params.yaml --ckpt none.pth",
        "--config params.yaml --ckpt none.pth --val_ids none.txt",
        "--config bad.yaml --ckpt none.pth",
    ],
    "emfm.tasks.forward.export": ["--ckpt none.pth --out a.pt2", "--ckpt params.yaml --out a.pt2"],
    "emfm.tasks.forward.infer": [
        "--ckpt none.pth --input params.yaml --out o.npy",
        "--ckpt none.pth --input . --out o",
        "--ckpt params.yaml --input none.npy --out o.npy",
        "--ckpt none.pth --input none.npy --out o.npy --device abacus",
        "--ckpt none.pth --input none.npy --out o.txt",
    ],
    "emfm.tasks.forward.sources": [
        "--input none.csv --frequency_hz 1e9 --out o",
        "--input params.yaml --frequency_hz 1e9 --out o",
        "--input none.csv --frequency_hz 0 --out o",
        "--input none.csv --frequency_hz 1e9 --out params.yaml",
        "--input none.csv --frequency_hz 1e9 --out o --plane_mm 5 0 1 0 1 0.3",
    ],
    "emfm.tasks.forward.train": ["--config none.yaml", "--config bad.yaml", "--data_root none", "--lr 0", "--resume"],
    "emfm.tasks.parameters": ["--config none.yaml", "--config broken.yaml"],
    "emfm.tasks.promote": ["nowhere", "one two"],
    "emfm.tasks.seeds": ["--seeds 1", "--seeds 1 1", "--seeds 1 2 --jobs 0", "--seeds one"],
    "ttt.eval": ["--config none.yaml --ckpt none.pth", "--config params.yaml --ckpt none.pth"],
    "ttt.infer": [
        "--config none.yaml --ckpt none.pth --input a.npy --out o.npy",
        "--config params.yaml --ckpt none.pth --input a.npy --out o.npy",
        "--config bad.yaml --ckpt none.pth --input a.npy --out o.npy",
    ],
    "ttt.lr_range": [
        "--config none.yaml",
        "--config bad.yaml",
        "--config params.yaml --steps 1",
        "--config params.yaml --lowest 2",
    ],
    "ttt.plot_loss": ["--run_dir none", "--last 1", "--last 0", "--nowhere"],
    "ttt.train": ["--config none.yaml --exp_name a", "--config bad.yaml --exp_name a", "--config params.yaml"],
}
"""Arguments of every command that name a file that is not there, or a parameter that is not allowed."""
RUN = """
import importlib, json, sys
found = {}
for module, lines in json.load(sys.stdin).items():
    main = importlib.import_module("emfm.stages" if module == "emfm.stages" else module).main
    for line in lines:
        try:
            status = main(line.split())
        except SystemExit as error:
            status = error.code
        found[f"{module} {line}"] = status
        print(f"--- {module} {line}", file=sys.stderr)
print(json.dumps(found))
"""


@pytest.fixture
def folder(tmp_path):
    """A folder with the project's parameters and nothing else."""
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params["compute"] |= {"threads": 1, "instruction_set": "native"}
    params["acquire"] |= {"source": "import", "import": {"roots": ["nowhere"], "reader": "auto"}}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
    (tmp_path / "bad.yaml").write_text(yaml.safe_dump(params | {"train": params["train"] | {"epochs": 0}}))
    (tmp_path / "broken.yaml").write_text("[")
    return tmp_path


def statuses(folder, commands):
    """The exit status of each command, run one after another in one process."""
    done = subprocess.run(
        [sys.executable, "-c", RUN], cwd=folder, input=json.dumps(commands), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return json.loads(done.stdout.splitlines()[-1]), done.stderr


@pytest.mark.slow
def test_every_command_refuses_what_the_user_got_wrong_with_status_2(folder):
    found, said = statuses(folder, REFUSED)
    assert {command: status for command, status in found.items() if status != 2} == {}, said


@pytest.mark.slow
def test_every_stage_refuses_a_parameter_that_is_not_allowed_with_status_2(folder):
    (folder / "bad.yaml").replace(folder / "params.yaml")
    found, said = statuses(folder, {"emfm.stages": [*STAGES, "acquire"]})
    assert set(found.values()) == {2}, said
    assert said.count("train.epochs: found 0") == len(found)


def test_the_list_has_every_command():
    texts = {path: path.read_text() for path in (ROOT / "src").rglob("*.py")}
    commands = [path for path, text in texts.items() if '__name__ == "__main__"' in text]
    names = {
        ".".join(path.relative_to(ROOT / "src").with_suffix("").parts).removesuffix(".__main__") for path in commands
    }
    assert names == set(REFUSED)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (UserError("a"), 2),
        (ConfigError("a", []), 2),
        (CheckpointError("a"), 2),
        (BusyError("a"), 1),
        (SaveError("a"), 1),
        (DivergedError("a"), 1),
        (OSError(28, "No space left on device"), 1),
        (Interrupted(2, 0, None), 130),
        (Interrupted(15, 0, None), 143),
    ],
)
def test_the_status_says_whose_an_error_is(error, status):
    assert exit_status(error) == status
