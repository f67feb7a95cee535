"""The learning rate over time under every built-in schedule."""

import math

import pytest
import torch
from torch.optim import SGD

from ttt.engine.errors import TrainingError
from ttt.engine.warmup import WarmUp
from ttt.parts import SCHEDULERS, load_parts

EPOCHS, STEPS_PER_EPOCH = 4, 5


def built(name, rate=0.1, epochs=EPOCHS, steps_per_epoch=STEPS_PER_EPOCH, **keys):
    load_parts([])
    parameter = torch.nn.Parameter(torch.zeros(1))
    parameter.grad = torch.zeros(1)
    optimizer = SGD([parameter], lr=rate)
    params = SCHEDULERS.parse({"name": name, **keys}, "scheduler", problems := [])
    assert not problems
    steps = epochs * steps_per_epoch
    return optimizer, SCHEDULERS.build(params, optimizer=optimizer, epochs=epochs, steps=steps, mode="min")


def rates(optimizer, schedule, epochs=EPOCHS, scores=None):
    """The rate of every step, epoch by epoch; without scores each epoch is as good as the one before."""
    course = []
    for epoch in range(epochs):
        for _ in range(STEPS_PER_EPOCH):
            course.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            schedule.advance("step")
        schedule.advance("epoch", scores[epoch] if scores else 1.0)
    return course


def test_none_keeps_the_rate():
    assert set(rates(*built("none"))) == {0.1}


def test_step_falls_by_gamma_after_every_step_size_epochs():
    course = rates(*built("step", step_size=2, gamma=0.1))
    assert course[: 2 * STEPS_PER_EPOCH] == [0.1] * 2 * STEPS_PER_EPOCH
    assert course[2 * STEPS_PER_EPOCH :] == pytest.approx([0.01] * 2 * STEPS_PER_EPOCH)


def test_cosine_is_half_a_cosine_over_the_epochs_down_to_eta_min():
    optimizer, schedule = built("cosine", eta_min=0.02)
    course = rates(optimizer, schedule)[::STEPS_PER_EPOCH]
    expected = [0.02 + 0.08 * (1 + math.cos(math.pi * epoch / EPOCHS)) / 2 for epoch in range(EPOCHS)]
    assert course == pytest.approx(expected)
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.02)


def test_cosine_stays_at_eta_min_after_t_max():
    course = rates(*built("cosine", t_max=2, eta_min=0.02))[::STEPS_PER_EPOCH]
    assert course == pytest.approx([0.1, 0.06, 0.02, 0.02])


def test_onecycle_rises_to_the_rate_and_falls_over_all_steps():
    course = rates(*built("onecycle", pct_start=0.3, div_factor=10.0, final_div_factor=100.0))
    assert course[0] == pytest.approx(0.01)
    assert max(course) == pytest.approx(0.1)
    assert course.index(max(course)) == round(0.3 * len(course)) - 1
    assert course[-1] == pytest.approx(0.0001)


@pytest.mark.parametrize(("epochs", "pct_start"), [(1, 0.3), (2, 0.5), (1, 0.99)])
def test_onecycle_works_for_very_few_steps(epochs, pct_start):
    optimizer, schedule = built("onecycle", pct_start=pct_start, epochs=epochs, steps_per_epoch=1)
    for _ in range(epochs):
        assert 0 < optimizer.param_groups[0]["lr"] <= 0.1
        optimizer.step()
        schedule.advance("step")


def test_plateau_falls_after_more_epochs_without_a_gain_than_it_bears_and_not_below_its_floor():
    optimizer, schedule = built("plateau", factor=0.1, patience=1, min_lr=0.005)
    course = rates(optimizer, schedule, 7, scores=[3.0, 2.0, 2.5, 2.0, 2.0, 1.0, 1.5])
    assert course[::STEPS_PER_EPOCH] == pytest.approx([0.1, 0.1, 0.1, 0.1, 0.01, 0.01, 0.01])
    rates(optimizer, schedule, 2, scores=[math.nan, math.nan])
    assert optimizer.param_groups[0]["lr"] == 0.005


def warmed(name, steps, **keys):
    optimizer, schedule = built(name, **keys)
    schedule.warmup = WarmUp(optimizer, steps)
    return optimizer, schedule


SCHEDULERS_WITH_KEYS = {"none": {}, "step": {"step_size": 1}, "cosine": {}, "onecycle": {}, "plateau": {"patience": 0}}


@pytest.mark.parametrize("name", SCHEDULERS_WITH_KEYS)
def test_a_warm_up_rises_in_a_straight_line_to_what_the_schedule_is_without_it(name):
    keys = SCHEDULERS_WITH_KEYS[name]
    course = rates(*warmed(name, 7, **keys))
    factors = [(step + 1) / 8 for step in range(7)]
    plain = rates(*built(name, **keys))
    assert course[:7] == pytest.approx([factor * rate for factor, rate in zip(factors, plain[:7], strict=True)])
    assert course[7:] == plain[7:]


@pytest.mark.parametrize("name", SCHEDULERS_WITH_KEYS)
@pytest.mark.parametrize("steps", [0, 12])
@pytest.mark.parametrize("epochs_before", [0, 1, 2, 3])
def test_from_a_new_rate_the_schedule_goes_on_in_proportion(name, epochs_before, steps):
    keys = SCHEDULERS_WITH_KEYS[name]
    undisturbed = rates(*warmed(name, steps, **keys))[epochs_before * STEPS_PER_EPOCH :]
    optimizer, schedule = warmed(name, steps, **keys)
    rates(optimizer, schedule, epochs_before)
    schedule.rebase(optimizer, 0.003)
    course = rates(optimizer, schedule, EPOCHS - epochs_before)
    assert course[0] == 0.003
    assert course == pytest.approx([rate * 0.003 / undisturbed[0] for rate in undisturbed], rel=1e-9)


@pytest.mark.parametrize("name", ["cosine", "onecycle"])
def test_after_the_end_of_a_schedule_a_new_rate_stays(name):
    optimizer, schedule = built(name)
    rates(optimizer, schedule)
    schedule.rebase(optimizer, 0.003)
    assert set(rates(optimizer, schedule)) == {0.003}


def test_a_floor_above_the_new_rate_does_not_raise_it():
    optimizer, schedule = built("cosine", eta_min=0.02)
    rates(optimizer, schedule, 1)
    schedule.rebase(optimizer, 0.001)
    assert rates(optimizer, schedule, 3) == pytest.approx([0.001] * 3 * STEPS_PER_EPOCH)


def test_a_rate_of_zero_with_more_to_come_cannot_be_scaled():
    optimizer, schedule = built("step")
    optimizer.param_groups[0]["lr"] = 0.0
    with pytest.raises(TrainingError, match="the schedule's rate is 0 .* add --resume_reset_scheduler"):
        schedule.rebase(optimizer, 0.1)


@pytest.mark.parametrize("name", SCHEDULERS_WITH_KEYS)
def test_a_restored_schedule_goes_on_as_it_would_have(name):
    whole = rates(*warmed(name, 13))
    optimizer, schedule = warmed(name, 13)
    rates(optimizer, schedule, 2)
    other, restored = warmed(name, 13, rate=0.7)
    other.load_state_dict(optimizer.state_dict())
    restored.load_state_dict(schedule.state_dict())
    assert rates(other, restored, 2) == whole[2 * STEPS_PER_EPOCH :]
