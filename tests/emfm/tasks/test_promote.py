"""The edit by which a training becomes the promoted one."""

import subprocess
from pathlib import Path

import pytest

from emfm.settings import load_params
from emfm.tasks.promote import main
from ttt.config import changes, read_yaml

ROOT = Path(__file__).parents[3]
PARAMS = (ROOT / "params.yaml").read_text()
PROMOTED = (ROOT / "promoted.yaml").read_text()
PLAIN_UNET = "model:\n  name: forward_unet_lite\n  width: 8\n  levels: 2\n"


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A repository that holds params.yaml and promoted.yaml alone, as the working folder."""
    monkeypatch.chdir(tmp_path)
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    git("init", "-q", "-b", "main")
    git("config", "user.email", "test@example.org")
    git("config", "user.name", "test")
    save(PARAMS)
    Path("promoted.yaml").write_text(PROMOTED)
    commit("base")
    return tmp_path


def git(*arguments):
    return subprocess.run(["git", *arguments], check=True, capture_output=True, text=True).stdout.strip()


def commit(message):
    git("add", "-A")
    git("commit", "-qm", message)


def save(text):
    Path("params.yaml").write_text(text)


def present():
    return Path("params.yaml").read_text()


def promoted():
    return Path("promoted.yaml").read_text()


def changed(*edits, text=PARAMS):
    """params.yaml with lines replaced."""
    for before, after in edits:
        assert text.count(before) == 1, before
        text = text.replace(before, after)
    return text


def experiment(name, text, base="0" * 38):
    """What `dvc exp run -n NAME` leaves behind, as far as git is concerned."""
    save(text)
    commit(name)
    git("update-ref", f"refs/exps/00/{base}/{name}", "HEAD")
    git("reset", "-q", "--hard", "HEAD~1")


def added_and_removed(before, after):
    old, new = before.splitlines(), after.splitlines()
    return [line for line in new if line not in old], [line for line in old if line not in new]


def test_an_experiment_becomes_the_promoted_training_and_nothing_else_changes(repository, capsys):
    wanted = changed(
        ("  h_weight: 1.0\n", "  h_weight: 3.0\n"), ("epochs:\n    demo: 16\n    full: 50\n", "epochs: 7\n")
    )
    experiment("heavy-h", wanted)
    assert main(["heavy-h"]) == 0
    assert present() == wanted
    assert added_and_removed(PROMOTED, promoted()) == (
        ["  epochs: 7", "  h_weight: 3.0"],
        ["  epochs: 16", "  h_weight: 1.0"],
    )
    output = capsys.readouterr().out
    assert output.count("loss.h_weight: 1.0 -> 3.0") == 2
    assert "opens test_final for these models" in output
    assert git("status", "--porcelain").split() == ["M", "params.yaml", "M", "promoted.yaml"]


def assert_promoted():
    assert changes(read_yaml(Path("promoted.yaml")), load_params(Path("params.yaml")).deciding()) == []


@pytest.mark.parametrize(
    "edits",
    [
        [("  h_weight: 1.0\n", "  h_weight: 3.0\n")],
        [
            ("epochs:\n    demo: 16\n    full: 50\n", "epochs:\n    demo: 9\n    full: 50\n"),
            ("\nseed: 0\n", "\nseed: 5\n"),
        ],
        [("    - 30.0\n    - 60.0\n", "    - 30.0\n    - 50.0\n"), ("    pct_start: 0.1\n", "")],
        [("amp:\n  enabled: false\n  dtype: bfloat16\n", "amp: {enabled: true}\n")],
        [("  depth: 2\n", "  depth: {demo: 2, full: 3}\n"), ("lr: 0.001", "lr: {demo: 2e-3, full: 5e-4}")],
        [(PARAMS[PARAMS.index("model:") : PARAMS.index("\nmetrics:")], PLAIN_UNET)],
        [("half_width_mm: 5.0", "half_width_mm: 4.0"), ("val_fixed:\n    demo: 200\n", "val_fixed:\n    demo: 90\n")],
        [("frequency_hz: 5000000000.0", "frequency_hz: 6e9"), ("threads: 2", "threads: 1")],
        [("\nscale: demo\n", "\nscale: full\n")],
    ],
    ids=["weight", "scale and seed", "noise and a default", "default of amp", "per scale", "another model", "data"]
    + ["frequency and threads", "the other scale"],
)
@pytest.mark.parametrize("name", ["exp", None])
def test_after_it_the_promoted_training_is_the_one_in_params_yaml(repository, edits, name):
    text = changed(*edits)
    if name is None:
        save(text)
    else:
        experiment(name, text)
    assert main([] if name is None else [name]) == 0
    assert present() == text
    assert promoted() != PROMOTED
    assert_promoted()


def test_promoting_the_promoted_training_again_writes_nothing(repository, capsys):
    assert main([]) == 0
    assert (present(), promoted()) == (PARAMS, PROMOTED)
    assert "nothing to do" in capsys.readouterr().out


def test_what_changes_no_model_needs_no_promotion(repository, capsys):
    save(changed(("log_every: 20", "log_every: 5"), ("num_workers: 0", "num_workers: 2")))
    assert main([]) == 0
    assert "nothing to do" in capsys.readouterr().out


def test_a_promoted_file_that_is_gone_is_written_anew(repository):
    Path("promoted.yaml").unlink()
    assert main([]) == 0
    assert promoted() == PROMOTED


@pytest.fixture
def refusal(repository, capsys):
    """Run the command, which must refuse and leave params.yaml as it was; what it says."""

    def run(*arguments):
        before = present(), promoted()
        assert main(list(arguments)) == 2
        assert (present(), promoted()) == before
        return capsys.readouterr().err

    return run


def test_an_unknown_experiment_is_refused(refusal):
    assert "heavy-x: no experiment and no revision has this name" in refusal("heavy-x")


def test_a_name_of_two_experiments_is_refused(refusal):
    experiment("twice", changed(("  h_weight: 1.0\n", "  h_weight: 3.0\n")))
    experiment("twice", changed(("  h_weight: 1.0\n", "  h_weight: 2.0\n")), base="1" * 38)
    assert "twice: 2 experiments have this name; give the revision of one" in refusal("twice")


def test_an_experiment_that_was_applied_before_is_promoted_by_name(repository, capsys):
    wanted = changed(("  h_weight: 1.0\n", "  h_weight: 3.0\n"))
    experiment("heavy-h", wanted)
    save(wanted)
    assert main(["heavy-h"]) == 0
    assert "loss.h_weight: 1.0 -> 3.0" in capsys.readouterr().out
    assert present() == wanted
    assert added_and_removed(PROMOTED, promoted()) == (["  h_weight: 3.0"], ["  h_weight: 1.0"])


def test_uncommitted_parameters_are_not_mixed_with_an_experiment(refusal):
    experiment("heavy-h", changed(("  h_weight: 1.0\n", "  h_weight: 3.0\n")))
    save(changed(("lr: 0.001", "lr: 0.002")))
    assert "params.yaml has changes that are not committed" in refusal("heavy-h")


def test_a_mistake_in_the_parameters_of_the_experiment_is_named(refusal):
    experiment("broken", changed(("  h_weight: 1.0\n", "  h_weigth: 3.0\n")))
    message = refusal("broken")
    assert "params.yaml of broken: " in message
    assert "loss.h_weigth: unknown; did you mean 'h_weight'?" in message


def test_outside_a_repository_it_says_where_to_run_it(refusal, tmp_path, monkeypatch, capsys):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert main([]) == 2
    assert "run this in the repository's root" in capsys.readouterr().err
