"""The edit of params.yaml that makes a training the milestone."""

import subprocess
from pathlib import Path

import pytest
import yaml

from emfm.settings import PROMOTED, PROMOTED_DATA, load_params
from emfm.tasks.promote import main
from ttt.config import parse_yaml

PARAMS = (Path(__file__).parents[3] / "params.yaml").read_text()
PLAIN_UNET = "model:\n  name: forward_unet_lite\n  width: 8\n  levels: 2\n"


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A repository that holds params.yaml alone, as the working folder."""
    monkeypatch.chdir(tmp_path)
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    git("init", "-q", "-b", "main")
    git("config", "user.email", "test@example.org")
    git("config", "user.name", "test")
    save(PARAMS)
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


def changed(*edits, text=PARAMS):
    """params.yaml with lines before `milestone` replaced."""
    training, milestone = text.split("\nmilestone:")
    for before, after in edits:
        assert training.count(before) == 1, before
        training = training.replace(before, after)
    return f"{training}\nmilestone:{milestone}"


def experiment(name, text, base="0" * 38):
    """What `dvc exp run -n NAME` leaves behind, as far as git is concerned."""
    save(text)
    commit(name)
    git("update-ref", f"refs/exps/00/{base}/{name}", "HEAD")
    git("reset", "-q", "--hard", "HEAD~1")


def added_and_removed(before, after):
    old, new = before.splitlines(), after.splitlines()
    return [line for line in new if line not in old], [line for line in old if line not in new]


def test_an_experiment_becomes_the_milestone_and_nothing_else_changes(repository, capsys):
    promoted = changed(("  h_weight: 1.0\n", "  h_weight: 3.0\n"), ("epochs: {demo: 5, full: 50}", "epochs: 7"))
    experiment("heavy-h", promoted)
    assert main(["heavy-h"]) == 0
    added, removed = added_and_removed(PARAMS, present())
    assert added == ["  epochs: 7", "  h_weight: 3.0", "      epochs: 7", "      h_weight: 3.0"]
    assert [line.split()[0] for line in removed] == ["epochs:", "h_weight:", "epochs:", "h_weight:"]
    assert len(present().splitlines()) == len(PARAMS.splitlines())
    output = capsys.readouterr().out
    assert "loss.h_weight: 1.0 -> 3.0" in output
    assert "opens test_final for these models" in output


def assert_milestone_is_the_training():
    raw = parse_yaml(present(), "params.yaml")
    for scale in ("demo", "full"):
        Path("scaled.yaml").write_text(yaml.safe_dump(raw | {"scale": scale}))
        params = load_params(Path("scaled.yaml"))
        assert params.milestone.training == params.training_parameters()


@pytest.mark.parametrize(
    "edits",
    [
        [("  h_weight: 1.0\n", "  h_weight: 3.0\n")],
        [("epochs: {demo: 5, full: 50}", "epochs: {demo: 9, full: 50}"), ("seed: 0                #", "seed: 5  #")],
        [("  noise_snr_db: null ", "  noise_snr_db: 30.0 "), ("  pct_start: 0.2\n", "")],
        [("amp:\n  enabled: false\n  dtype: bfloat16\n", "amp: {enabled: true}\n")],
        [("  depth: 2\n", "  depth: {demo: 2, full: 3}\n"), ("lr: 0.0005", "lr: {demo: 1e-3, full: 5e-4}")],
        [(PARAMS[PARAMS.index("model:") : PARAMS.index("\nmetrics:")], PLAIN_UNET)],
    ],
    ids=["weight", "scale and seed", "noise and a default", "default of amp", "per scale", "another model"],
)
def test_after_it_the_milestone_equals_the_training_at_both_scales(repository, edits):
    experiment("exp", changed(*edits))
    assert main(["exp"]) == 0
    assert_milestone_is_the_training()
    wanted, got = parse_yaml(changed(*edits), "wanted"), parse_yaml(present(), "got")
    assert {key: got.get(key) for key in PROMOTED} == {key: wanted.get(key) for key in PROMOTED}
    assert {key: got["data"][key] for key in PROMOTED_DATA} == {key: wanted["data"][key] for key in PROMOTED_DATA}
    own = [line for line in PARAMS.splitlines() if line.lstrip().startswith("#") or line.startswith("plugins")]
    assert not set(own) - set(present().splitlines())
    assert present().count("\n\n") == PARAMS.count("\n\n")


def test_a_comment_between_two_sections_survives_the_last_key_above_it(repository):
    commented = PARAMS.replace("\nmetrics:", "\n# between the two\nmetrics:")
    save(commented)
    commit("commented")
    unet = changed((commented[commented.index("model:") : commented.index("\n# between")], PLAIN_UNET), text=commented)
    experiment("unet", unet)
    assert main(["unet"]) == 0
    assert "\n\n# between the two\nmetrics:" in present()


def test_the_training_that_stands_in_params_yaml_is_the_default(repository):
    applied = changed(("  h_weight: 1.0\n", "  h_weight: 2.0\n"))
    save(applied)
    assert main([]) == 0
    assert added_and_removed(applied, present()) == (["      h_weight: 2.0"], ["      h_weight: 1.0"])
    assert_milestone_is_the_training()


def test_promoting_the_milestone_again_writes_nothing(repository, capsys):
    assert main([]) == 0
    assert present() == PARAMS
    assert "nothing to do" in capsys.readouterr().out


@pytest.fixture
def refusal(repository, capsys):
    """Run the command, which must refuse and leave params.yaml as it was; what it says."""

    def run(*arguments):
        before = present()
        assert main(list(arguments)) == 2
        assert present() == before
        return capsys.readouterr().err

    return run


def test_an_unknown_experiment_is_refused(refusal):
    assert "heavy-x: no experiment and no revision has this name" in refusal("heavy-x")


def test_a_name_of_two_experiments_is_refused(refusal):
    experiment("twice", changed(("  h_weight: 1.0\n", "  h_weight: 3.0\n")))
    experiment("twice", changed(("  h_weight: 1.0\n", "  h_weight: 2.0\n")), base="1" * 38)
    assert "twice: 2 experiments have this name; give the revision of one" in refusal("twice")


def test_uncommitted_parameters_are_not_mixed_with_an_experiment(refusal):
    experiment("heavy-h", changed(("  h_weight: 1.0\n", "  h_weight: 3.0\n")))
    save(changed(("lr: 0.0005", "lr: 0.001")))
    assert "params.yaml has changes that are not committed" in refusal("heavy-h")


@pytest.mark.parametrize(
    ("before", "after", "key"),
    [
        ("half_width_mm: 5.0", "half_width_mm: 4.0", "acquire.simulate.half_width_mm: 4.0, here 5.0"),
        ("val_fixed: {demo: 100,", "val_fixed: {demo: 90,", "split.val_fixed.demo: 90, here 100"),
        ("frequency_hz: 5000000000.0", "frequency_hz: 6000000000.0", "data.frequency_hz"),
        ("scale: demo ", "scale: full ", "scale: 'full', here 'demo'"),
        ("threads: 2", "threads: 1", "compute.threads: 1, here 2"),
    ],
)
def test_a_training_on_other_data_or_with_other_bits_is_refused(refusal, before, after, key):
    experiment("other", changed((before, after), ("  h_weight: 1.0\n", "  h_weight: 3.0\n")))
    message = refusal("other")
    assert "other differs in more than its training" in message
    assert key in message
    save(changed((before, after)))
    assert "the training in params.yaml differs in more than its training" in refusal()


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
