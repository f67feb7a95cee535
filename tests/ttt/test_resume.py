"""Taking a training up again: exactly, or with what is asked for changed."""

import math

import pytest
import torch

from ttt.engine import loop
from ttt.engine.assemble import assemble
from ttt.engine.checkpoint import load_checkpoint
from ttt.engine.errors import CheckpointError, TrainingError
from ttt.engine.journal import epoch_records, read_records
from ttt.engine.loop import fit
from ttt.engine.start import Resume

SCHEDULERS = ["none", "step", "cosine", "onecycle"]
FILES = ("last.pth", "best.pth", "metrics.jsonl")


class Killed(BaseException):
    """Stands for SIGKILL: nothing in the code handles it."""


@pytest.fixture
def train_until(train, monkeypatch):
    """Train, and be killed after a step."""

    def run(folder, step, overrides, start=None):
        after = loop._Training._after_step

        def kill(training, samples):
            after(training, samples)
            if training._state.place.step == step:
                raise Killed

        with monkeypatch.context() as patch:
            patch.setattr(loop._Training, "_after_step", kill)
            with pytest.raises(Killed):
                train(folder, overrides, start)

    return run


@pytest.mark.parametrize("scheduler", SCHEDULERS)
@pytest.mark.parametrize("amp", [False, True])
@pytest.mark.parametrize("step", [3, 6, 10])
def test_a_training_killed_in_mid_epoch_ends_with_the_same_bytes(tmp_path, train, train_until, scheduler, amp, step):
    overrides = {"scheduler.name": scheduler, "scheduler.step.step_size": 1, "amp.enabled": amp, "ckpt.every_steps": 2}
    train(tmp_path / "whole", overrides)
    train_until(tmp_path / "killed", step, overrides)
    train(tmp_path / "killed", overrides, Resume())
    for name in FILES:
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


@pytest.mark.parametrize("step", [3, 6, 10])
@pytest.mark.parametrize("num_workers", [0, 2])
def test_a_killed_training_on_samples_drawn_each_epoch_ends_with_the_same_bytes(
    tmp_path, train, train_until, step, num_workers
):
    overrides = {"plugins": ["drawn_samples"], "data": {"name": "drawn", "count": 90}, "ckpt.every_steps": 2}
    overrides |= {"train.num_workers": num_workers}
    train(tmp_path / "whole", overrides | {"train.num_workers": 0})
    train_until(tmp_path / "killed", step, overrides)
    train(tmp_path / "killed", overrides, Resume())
    for name in FILES:
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


@pytest.fixture
def interrupted(tmp_path, train_until):
    """A training of 6 epochs, killed in its fifth; the "best" is an early epoch, since high losses are sought."""
    overrides = {"train.epochs": 6, "optim.lr": 0.02, "scheduler.step.step_size": 1, "ckpt.every_steps": 1}
    overrides |= {"ckpt.mode": "max"}

    def make(scheduler="cosine"):
        train_until(tmp_path / "run", 26, overrides | {"scheduler.name": scheduler})
        return tmp_path / "run", overrides | {"scheduler.name": scheduler}

    return make


def first_step_after_resume(folder):
    records = read_records(folder / "metrics.jsonl")
    index = next(index for index, record in enumerate(records) if record["kind"] == "resume")
    return records[index], records[index + 1]


def moments(checkpoint):
    return {
        (number, name): value
        for number, state in checkpoint.optimizer["state"].items()
        for name, value in state.items()
    }


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_best_with_a_new_rate_keeps_the_moments_and_starts_at_the_rate(train, tiny_config, interrupted, scheduler):
    folder, overrides = interrupted(scheduler)
    best = load_checkpoint(folder / "best.pth")
    assert best.place.epoch < 4
    config = tiny_config(overrides | {"optim.lr": 1e-4})
    # Nothing to train: what was restored is what is saved.
    done = tiny_config(overrides | {"optim.lr": 1e-4, "train.epochs": best.place.epoch})
    fit(assemble(done), done, folder, Resume("best", new_lr=True))
    restored = load_checkpoint(folder / "last.pth")
    assert moments(restored).keys() == moments(best).keys()
    assert all(torch.equal(value, moments(best)[key]) for key, value in moments(restored).items())
    assert {group["lr"] for group in restored.optimizer["param_groups"]} == {1e-4}

    fit(assemble(config), config, folder, Resume("best", new_lr=True))
    resumed, step = first_step_after_resume(folder)
    assert (resumed["from"], resumed["lr"]) == ("best.pth", 1e-4)
    assert (step["step"], step["lr"]) == (best.place.step + 1, 1e-4)
    later = [record["lr"] for record in epoch_records(folder / "metrics.jsonl")[best.place.epoch :]]
    falls = {"none": False, "step": True, "cosine": True, "onecycle": True}[scheduler]
    assert (later[-1] < later[0]) is falls
    assert all(rate <= 1e-4 for rate in later) or scheduler == "onecycle"


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_the_rest_of_the_schedule_goes_on_from_the_new_rate_in_proportion(tmp_path, train, train_until, scheduler):
    overrides = {"train.epochs": 6, "scheduler.step.step_size": 1, "scheduler.name": scheduler, "train.log_every": 1}
    train(tmp_path / "whole", overrides)
    train_until(tmp_path / "run", 13, overrides)
    train(tmp_path / "run", overrides | {"optim.lr": 1e-4}, Resume(new_lr=True))

    def rates(name):
        records = read_records(tmp_path / name / "metrics.jsonl")
        return [record["lr"] for record in records if record["kind"] == "step"][12:]

    factor = 1e-4 / rates("whole")[0]
    assert rates("run") == pytest.approx([rate * factor for rate in rates("whole")], rel=1e-9)


def test_a_plain_resume_keeps_the_rate_although_the_file_says_another_and_says_so(train, interrupted, caplog):
    folder, overrides = interrupted("none")
    train(folder, overrides | {"optim.lr": 1e-4}, Resume())
    assert epoch_records(folder / "metrics.jsonl")[-1]["lr"] == 0.02
    assert "optim.lr is 0.0001, but the training goes on with 0.02" in caplog.text


def test_a_new_rate_stays_when_the_training_is_killed_and_resumed_again(train, train_until, interrupted):
    folder, overrides = interrupted("none")
    changed = overrides | {"optim.lr": 1e-4}
    train_until(folder, 27, changed, Resume(new_lr=True))
    train(folder, changed, Resume())
    assert epoch_records(folder / "metrics.jsonl")[-1]["lr"] == 1e-4


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_a_reset_schedule_runs_over_what_is_left_from_the_rate_last_asked_for(train, interrupted, scheduler):
    folder, overrides = interrupted("cosine")
    changed = overrides | {"scheduler.name": scheduler, "train.epochs": 8}
    train(folder, changed, Resume(reset_scheduler=True))
    resumed, step = first_step_after_resume(folder)
    assert resumed["schedule"] == "new"
    assert step["lr"] == pytest.approx(0.02 / 25 if scheduler == "onecycle" else 0.02)
    assert load_checkpoint(folder / "last.pth").place.epoch == 8


def test_a_reset_schedule_starts_at_the_new_rate(train, interrupted):
    folder, overrides = interrupted("cosine")
    train(folder, overrides | {"optim.lr": 1e-4}, Resume(new_lr=True, reset_scheduler=True))
    assert first_step_after_resume(folder)[1]["lr"] == 1e-4


ENDS_AT_A_RATE = {"scheduler.cosine.eta_min": 0.001, "scheduler.onecycle.final_div_factor": 10.0}


@pytest.mark.parametrize("scheduler", ["cosine", "onecycle"])
def test_more_epochs_than_the_schedule_was_laid_out_for_go_on_at_its_last_rate(train, tmp_path, scheduler, caplog):
    overrides = ENDS_AT_A_RATE | {"scheduler.name": scheduler}
    train(tmp_path, overrides)
    train(tmp_path, overrides | {"train.epochs": 5}, Resume())
    rates = [record["lr"] for record in epoch_records(tmp_path / "metrics.jsonl")]
    assert rates[3] == rates[4] <= rates[2]
    assert "--resume_reset_scheduler lays out a new one" in caplog.text


def rates_of(folder):
    records = read_records(folder / "metrics.jsonl")
    return [record["lr"] for record in records if record["kind"] == "step"]


@pytest.mark.parametrize("scheduler", ["cosine", "onecycle"])
@pytest.mark.parametrize("step", [None, 9])
def test_where_that_rate_is_nothing_the_schedule_goes_on_as_laid_out_for_all_epochs(
    train, train_until, tmp_path, scheduler, step, caplog
):
    """Whether the training of 3 epochs is complete when it gets 2 more, or is killed in its second."""
    overrides = {"scheduler.name": scheduler, "train.log_every": 1, "ckpt.every_steps": 2}
    train(tmp_path / "five", overrides | {"train.epochs": 5})
    if step is None:
        train(tmp_path / "three", overrides)
    else:
        train_until(tmp_path / "three", step, overrides)
    done = load_checkpoint(tmp_path / "three/last.pth").place.step
    assert done == {None: 18, 9: 8}[step]
    caplog.clear()
    train(tmp_path / "three", overrides | {"train.epochs": 5}, Resume())
    assert rates_of(tmp_path / "three")[done:] == pytest.approx(rates_of(tmp_path / "five")[done:], rel=1e-9)
    assert "goes on as if laid out for 5 epochs from its start" in caplog.text
    assert "lr_zero" not in caplog.text


@pytest.mark.parametrize("scheduler", ["cosine", "onecycle"])
def test_a_stretched_training_that_is_killed_ends_with_the_same_bytes(train, train_until, tmp_path, scheduler):
    overrides = {"scheduler.name": scheduler, "ckpt.every_steps": 2}
    for name in ("whole", "killed"):
        train(tmp_path / name, overrides)
    longer = overrides | {"train.epochs": 5}
    train(tmp_path / "whole", longer, Resume())
    for step in (19, 25):
        train_until(tmp_path / "killed", step, longer, Resume())
    train(tmp_path / "killed", longer, Resume())
    for name in FILES:
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_a_schedule_laid_out_anew_in_between_is_stretched_from_there(train, tmp_path):
    overrides = {"scheduler.name": "cosine", "train.log_every": 1}
    train(tmp_path, overrides)
    train(tmp_path, overrides | {"train.epochs": 5}, Resume(reset_scheduler=True))
    train(tmp_path, overrides | {"train.epochs": 7}, Resume())
    by_epoch = rates_of(tmp_path)[::6]
    assert by_epoch[3:5] == pytest.approx([0.01, 0.005])
    assert by_epoch[5:] == pytest.approx([0.01 * (1 + math.cos(math.pi * done / 4)) / 2 for done in (2, 3)])


def test_epochs_behind_a_fixed_end_of_the_schedule_are_refused(train, tmp_path):
    overrides = {"scheduler.name": "cosine", "scheduler.cosine.t_max": 3}
    train(tmp_path, overrides)
    before = {name: (tmp_path / name).read_bytes() for name in FILES}
    with pytest.raises(TrainingError, match="at a learning rate of 0, with which .* --resume_reset_scheduler lays out"):
        train(tmp_path, overrides | {"train.epochs": 5}, Resume())
    assert before == {name: (tmp_path / name).read_bytes() for name in FILES}
    train(tmp_path, overrides | {"train.epochs": 5, "optim.lr": 0.002}, Resume(new_lr=True))
    assert rates_of(tmp_path)[-1] == 0.002


def test_a_schedule_with_a_fixed_end_before_the_training_s_is_resumed_as_it_was(train, train_until, tmp_path):
    overrides = {"scheduler.name": "cosine", "scheduler.cosine.t_max": 2, "ckpt.every_steps": 2}
    train(tmp_path / "whole", overrides)
    train_until(tmp_path / "killed", 9, overrides)
    train(tmp_path / "killed", overrides, Resume())
    for name in FILES:
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_from_the_best_epoch_on_the_log_is_written_anew(train, interrupted):
    folder, overrides = interrupted("none")
    best = load_checkpoint(folder / "best.pth").place.epoch
    train(folder, overrides, Resume("best"))
    assert [record["epoch"] for record in epoch_records(folder / "metrics.jsonl")] == [1, 2, 3, 4, 5, 6]
    steps = [record["step"] for record in read_records(folder / "metrics.jsonl") if record["kind"] == "step"]
    assert steps == sorted(set(steps))
    assert first_step_after_resume(folder)[0]["epoch"] == best


def test_a_kill_right_after_going_back_to_the_best_does_not_lead_to_the_old_course(train, train_until, interrupted):
    folder, overrides = interrupted("none")
    best = load_checkpoint(folder / "best.pth").place
    train_until(folder, best.step + 1, overrides | {"ckpt.every_steps": 0}, Resume("best"))
    assert load_checkpoint(folder / "last.pth").place.step == best.step
    train(folder, overrides, Resume())
    assert [record["epoch"] for record in epoch_records(folder / "metrics.jsonl")] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"model.hidden": [9]}, r"model.hidden: \[8\] in the checkpoint, \[9\] now"),
        ({"data.inputs": 5}, "data.inputs: 4 in the checkpoint, 5 now"),
        ({"data.num_train": 80}, "data.num_train: 90 in the checkpoint, 80 now"),
        ({"seed": 4}, "seed: 3 in the checkpoint, 4 now"),
        ({"train.batch_size": 8}, "train.batch_size: 16 in the checkpoint, 8 now"),
        ({"optim.weight_decay": 0.1}, "optim.weight_decay: 0.0 in the checkpoint, 0.1 now"),
        ({"ckpt.mode": "min"}, "ckpt.mode: max in the checkpoint, min now"),
        ({"scheduler.name": "step"}, "--resume_reset_scheduler goes on with another scheduler"),
    ],
)
def test_another_training_is_refused_with_the_difference_shown(train, interrupted, change, sentence):
    folder, overrides = interrupted()
    before = {name: (folder / name).read_bytes() for name in FILES}
    with pytest.raises(CheckpointError, match=sentence):
        train(folder, overrides | change, Resume())
    assert before == {name: (folder / name).read_bytes() for name in FILES}


def test_what_changes_no_result_may_change(train, interrupted):
    folder, overrides = interrupted()
    train(folder, overrides | {"train.num_workers": 1, "train.grad_clip": 1.0, "alerts.patience": 1}, Resume())
    assert load_checkpoint(folder / "last.pth").place.epoch == overrides["train.epochs"]


def test_a_resume_that_finds_nothing_is_an_error(tmp_path, train):
    with pytest.raises(CheckpointError, match="last.pth: cannot be read"):
        train(tmp_path, None, Resume())


def test_a_damaged_last_checkpoint_is_reported_and_the_one_before_it_used(tmp_path, train, train_until, caplog):
    overrides = {"ckpt.every_steps": 2}
    train(tmp_path / "whole", overrides)
    folder = tmp_path / "run"
    train_until(folder, 11, overrides)
    content = bytearray((folder / "last.pth").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "last.pth").write_bytes(bytes(content[:-7]))
    train(folder, overrides, Resume())
    assert "last.pth: is damaged" in caplog.text
    assert "going on from the checkpoint before it, at step 8" in caplog.text
    for name in FILES:
        assert (folder / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_two_damaged_checkpoints_are_an_error(train, interrupted):
    folder, overrides = interrupted()
    for name in ("last.pth", "last.previous.pth"):
        (folder / name).write_bytes(b"nonsense")
    with pytest.raises(CheckpointError, match=r"last.previous.pth: is damaged"):
        train(folder, overrides, Resume())


def test_a_best_checkpoint_that_is_gone_is_an_error(train, interrupted):
    folder, overrides = interrupted()
    (folder / "best.pth").unlink()
    with pytest.raises(CheckpointError, match="best.pth: is missing, though last.pth says it was saved"):
        train(folder, overrides, Resume())


def test_lines_missing_from_the_log_are_reported(train, interrupted, caplog):
    folder, overrides = interrupted()
    (folder / "metrics.jsonl").unlink()
    train(folder, overrides, Resume())
    assert "metrics.jsonl: lines of the training so far are missing from it" in caplog.text
