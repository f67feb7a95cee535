"""The built-in schedules ``none``, ``step``, ``cosine`` and ``onecycle``: torch's own, by their names."""

from typing import Literal

from pydantic import Field
from torch.optim import Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR, OneCycleLR, StepLR

from ttt.config import Section
from ttt.engine.schedule import Schedule
from ttt.parts import SCHEDULERS


class SchedulerParams(Section):
    """The learning rate over time; a key that the named schedule has no use for is left alone."""

    name: Literal["none", "step", "cosine", "onecycle"]
    step_size: int = Field(10, ge=1, description="step: epochs between two falls")
    gamma: float = Field(0.5, gt=0, le=1, description="step: factor of a fall")
    t_max: int | None = Field(
        None, ge=1, description="cosine: epochs until eta_min, where the rate then stays; null: train.epochs"
    )
    eta_min: float = Field(0.0, ge=0, description="cosine: the last learning rate")
    pct_start: float = Field(0.3, gt=0, lt=1, description="onecycle: share of steps in which the rate rises")
    div_factor: float = Field(25.0, gt=0, description="onecycle: first rate = optim.lr / div_factor")
    final_div_factor: float = Field(10000.0, gt=0, description="onecycle: last rate = first rate / final_div_factor")


@SCHEDULERS.register("none", params=SchedulerParams)
def build_constant(params: SchedulerParams, *, optimizer: Optimizer, epochs: int, steps: int) -> Schedule:  # noqa: ARG001
    """The rate stays ``optim.lr``."""
    return Schedule(None)


@SCHEDULERS.register("step", params=SchedulerParams)
def build_step(params: SchedulerParams, *, optimizer: Optimizer, epochs: int, steps: int) -> Schedule:  # noqa: ARG001
    """Times ``gamma`` after every ``step_size`` epochs."""
    return Schedule(StepLR(optimizer, params.step_size, params.gamma))


@SCHEDULERS.register("cosine", params=SchedulerParams)
def build_cosine(params: SchedulerParams, *, optimizer: Optimizer, epochs: int, steps: int) -> Schedule:  # noqa: ARG001
    """Half a cosine from ``optim.lr`` to ``eta_min``, a step an epoch."""
    length = params.t_max or epochs
    return Schedule(CosineAnnealingLR(optimizer, length, params.eta_min), "epoch", length)


@SCHEDULERS.register("onecycle", params=SchedulerParams)
def build_onecycle(params: SchedulerParams, *, optimizer: Optimizer, epochs: int, steps: int) -> Schedule:  # noqa: ARG001
    """Up to ``optim.lr`` and down again over all steps; momentum is left alone."""
    rising = params.pct_start
    if rising * steps == 1:  # torch then divides by the length of a rise of no steps
        rising *= 1 + 1e-6
    scheduler = OneCycleLR(
        optimizer,
        max_lr=[group["lr"] for group in optimizer.param_groups],
        total_steps=steps,
        pct_start=rising,
        cycle_momentum=False,
        div_factor=params.div_factor,
        final_div_factor=params.final_div_factor,
    )
    return Schedule(scheduler, "step", steps - 1)
