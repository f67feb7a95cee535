"""The built-in schedules ``none``, ``step``, ``cosine``, ``onecycle`` and ``plateau``: torch's own, by their names."""

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from ttt.parts import SCHEDULERS, SchedulerParams

if TYPE_CHECKING:
    from torch.optim import Optimizer

    from ttt.engine.schedule import Schedule


class StepParams(SchedulerParams):
    """A fall after every so many epochs."""

    step_size: int = Field(10, ge=1, description="epochs between two falls")
    gamma: float = Field(0.5, gt=0, le=1, description="factor of a fall")


class CosineParams(SchedulerParams):
    """Half a cosine down."""

    t_max: int | None = Field(
        None, ge=1, description="epochs until eta_min, where the rate then stays; null: train.epochs"
    )
    eta_min: float = Field(0.0, ge=0, description="the last learning rate")


class OneCycleParams(SchedulerParams):
    """Up to ``optim.lr`` and down again."""

    pct_start: float = Field(0.3, gt=0, lt=1, description="share of steps in which the rate rises")
    div_factor: float = Field(25.0, gt=0, description="first rate = optim.lr / div_factor")
    final_div_factor: float = Field(10000.0, gt=0, description="last rate = first rate / final_div_factor")


class PlateauParams(SchedulerParams):
    """A fall where the figure ``ckpt.monitor`` no longer gets better."""

    factor: float = Field(0.5, gt=0, lt=1, description="factor of a fall")
    patience: int = Field(5, ge=0, description="epochs without a better figure that are borne before a fall")
    threshold: float = Field(
        1e-4, ge=0, lt=1, description="least gain that counts as better, as a share of the best figure"
    )
    min_lr: float = Field(0.0, ge=0, description="the learning rate below which none falls")


@SCHEDULERS.register("none")
def constant() -> "Schedule":
    """The rate stays ``optim.lr``."""
    from ttt.engine.schedule import Schedule

    return Schedule(None)


@SCHEDULERS.register("step")
def step(params: StepParams, optimizer: "Optimizer") -> "Schedule":
    """Times ``gamma`` after every ``step_size`` epochs."""
    from torch.optim.lr_scheduler import StepLR

    from ttt.engine.schedule import Schedule

    return Schedule(StepLR(optimizer, params.step_size, params.gamma))


@SCHEDULERS.register("cosine")
def cosine(params: CosineParams, optimizer: "Optimizer", epochs: int) -> "Schedule":
    """Half a cosine from ``optim.lr`` to ``eta_min``, a step an epoch."""
    from torch.optim.lr_scheduler import CosineAnnealingLR

    from ttt.engine.schedule import Schedule

    length = params.t_max or epochs
    return Schedule(CosineAnnealingLR(optimizer, length, params.eta_min), "epoch", length)


@SCHEDULERS.register("onecycle")
def onecycle(params: OneCycleParams, optimizer: "Optimizer", steps: int) -> "Schedule":
    """Up to ``optim.lr`` and down again over all steps; momentum is left alone."""
    from torch.optim.lr_scheduler import OneCycleLR

    from ttt.engine.schedule import Schedule

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


@SCHEDULERS.register("plateau")
def plateau(params: PlateauParams, optimizer: "Optimizer", mode: Literal["min", "max"]) -> "Schedule":
    """Times ``factor`` after more than ``patience`` epochs without a better score."""
    from torch.optim.lr_scheduler import ReduceLROnPlateau

    from ttt.engine.schedule import Schedule

    scheduler = ReduceLROnPlateau(
        optimizer,
        mode,
        factor=params.factor,
        patience=params.patience,
        threshold=params.threshold,
        min_lr=params.min_lr,
        eps=0.0,
    )
    return Schedule(scheduler)
