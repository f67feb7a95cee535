"""Another name in params.yaml is all that another model, loss, optimizer or schedule needs, and retrains no more."""

import json

import pytest

from tiny_project import Project

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def project(reproduced, tmp_path_factory):
    return reproduced.copy(tmp_path_factory.mktemp("parts") / "project")


@pytest.fixture(autouse=True)
def as_committed(project):
    yield
    project.run("git", "checkout", "-q", "-f", "main")
    project.run("dvc", "checkout", "-q")


def changed_stages(project):
    """The stages that DVC would run again."""
    return set(json.loads(project.run("dvc", "status", "--json").stdout))


def test_an_experiment_changes_one_line_of_params_yaml(project):
    project.run("dvc", "exp", "run", "-n", "heavy-h", "-S", "loss.h_weight=3.0", "train_stage1")
    assert project.run("git", "diff", "--numstat", "HEAD", "params.yaml").stdout.split()[:2] == ["1", "1"]
    project.run("git", "checkout", "-q", "-f", "main")
    project.run("dvc", "exp", "apply", "heavy-h")
    changed = project.run("git", "diff", "-U0", "HEAD", "params.yaml").stdout.splitlines()[-2:]
    assert changed == ["-  h_weight: 1.0", "+  h_weight: 3.0"]


@pytest.mark.parametrize(
    "name",
    ["model.name=linear_operator", "loss.name=weighted_huber", "optim.name=sgd", "scheduler.name=cosine"],
)
def test_another_name_alone_trains_another_part(project, name):
    before = project.read("reports/curves/stage1.csv")
    project.run("dvc", "exp", "run", "-S", name, "train_stage1")
    assert project.read("reports/curves/stage1.csv") != before


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("model.linear_operator.ridge", 0.1),
        ("loss.weighted_huber.delta", 0.5),
        ("optim.sgd.momentum", 0.5),
        ("scheduler.cosine.eta_min", 0.1),
        ("train.log_every", 3),
        ("train.loggers", ["mlflow"]),
        ("train.num_workers", 1),
        ("acquire.workers", 2),
    ],
)
def test_a_key_that_decides_nothing_of_the_chosen_parts_runs_no_stage(project: Project, key, value):
    project.change_params({key: value})
    assert changed_stages(project) == set()


def test_another_number_of_pictures_is_drawn_and_nothing_is_judged_again(project):
    project.change_params({"eval.num_pictures": 3})
    assert changed_stages(project) == {"plot"}


def test_an_edit_of_a_model_retrains_that_model_alone(project):
    for name in ("linear_operator", "forward_unet_lite", "fourier_neural_operator"):
        touched(project, f"src/emfm/models/{name}/params.py")
    assert changed_stages(project) == set()
    touched(project, "src/emfm/models/pod_net/network.py")
    trainings = {f"train_stage{number}" for number in range(1, 6)}
    assert changed_stages(project) == trainings | {"eval_val_fixed", "eval_test_final"}


@pytest.mark.parametrize(
    ("path", "stages"),
    [
        ("src/ttt/watch/alerts.py", set()),
        ("src/ttt/loggers/mlflow.py", set()),
        ("src/emfm/settings.py", set()),
        ("src/emfm/plot/curves.py", {"plot"}),
        ("src/emfm/group_split/split.py", {"group_split"}),
        ("src/emfm/evaluate/baselines.py", {"eval_val_fixed", "eval_test_final"}),
    ],
)
def test_an_edit_runs_the_stages_of_its_folder_and_no_others(project, path, stages):
    touched(project, path)
    assert changed_stages(project) == stages


def touched(project, path):
    """Write a comment into a module."""
    file = project.folder / path
    file.write_text(file.read_text() + "# a comment\n")
