"""The course of the loss under a rising learning rate, see `ttt.lr_range`."""

import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from pydantic import Field
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from ttt.engine.checkpoint import TrainingProgress
from ttt.engine.errors import DivergedError
from ttt.engine.logger import Logger
from ttt.engine.loop import fit
from ttt.engine.schedule import Schedule
from ttt.engine.start import NewRun
from ttt.engine.task import Task
from ttt.parts import SCHEDULERS, SchedulerParams
from ttt.settings import TrainingConfig

_NAME: Final = "lr_range"
_KEPT: Final = 0.9
"""Of the smoothed loss in a step."""
_BOUND: Final = 4.0
"""Times the lowest smoothed loss: beyond it the test is over."""


class RisingParams(SchedulerParams):
    """A rate that rises in equal factors."""

    factor: float = Field(gt=1, description="last rate / optim.lr")


@SCHEDULERS.register(_NAME)
def rising(params: RisingParams, optimizer: Optimizer, steps: int) -> Schedule:
    """From ``optim.lr`` to ``factor`` times that over all steps."""
    return Schedule(LambdaLR(optimizer, lambda step: params.factor ** (step / (steps - 1))), "step", steps)


@dataclass
class RateCourse(Logger):
    """Rates and losses of the steps; it ends the training."""

    steps: int
    rates: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)

    def batch(self, place: TrainingProgress, samples: int, loss: Callable[[], float]) -> None:  # noqa: ARG002 - of `Logger`
        """See `Logger`; raises EndOfTest where the test is over."""
        value = loss()
        if not math.isfinite(value):
            raise EndOfTest
        self.rates.append(place.lr)
        self.losses.append(value)
        smoothed = self.smoothed()
        if len(self.rates) == self.steps or smoothed[-1] > _BOUND * smoothed.min():
            raise EndOfTest

    def smoothed(self) -> NDArray[np.float64]:
        """At each step the mean of the losses so far, in which each counts 0.9 times as much as the one after it."""
        total, weight, course = 0.0, 0.0, []
        for loss in self.losses:
            total, weight = _KEPT * total + loss, _KEPT * weight + 1
            course.append(total / weight)
        return np.array(course)


class EndOfTest(BaseException):
    """Leaves the training; no failure of a logger, which the training would go on after."""


def course_of_rates(
    task: Task, config: TrainingConfig, folder: Path, lowest: float, highest: float, steps: int
) -> RateCourse:
    """Train with rates from ``lowest`` to ``highest`` in ``folder``; all but the rate is as configured."""
    course = RateCourse(steps)
    per_epoch = -(-len(task.train) // (config.train.batch_size * config.train.accumulate))
    epochs = -(-steps // per_epoch)
    factor = (highest / lowest) ** ((epochs * per_epoch - 1) / (steps - 1))
    trial = replace(
        config,
        optim=config.optim.model_copy(update={"lr": lowest}),
        scheduler=RisingParams(name=_NAME, factor=factor),
        train=config.train.model_copy(update={"epochs": epochs, "early_stop": None, "ema_decay": None}),
        ckpt=config.ckpt.model_copy(update={"every_steps": 0, "top_k": 0}),
    )
    with suppress(EndOfTest, DivergedError):
        fit(task, trial, folder, NewRun(), loggers=[course])
    return course


def suggested_rate(course: RateCourse) -> float:
    """Where the smoothed loss falls fastest with the logarithm of the rate, before its lowest value."""
    smoothed = course.smoothed()
    falling = smoothed[: max(int(smoothed.argmin()) + 1, 2)]
    slopes = np.gradient(falling, np.log(course.rates[: len(falling)]))
    return course.rates[int(slopes.argmin())]


def course_csv(course: RateCourse) -> str:
    """A row a step: lr, loss, smoothed_loss."""
    rows = zip(course.rates, course.losses, course.smoothed(), strict=True)
    return "".join(["lr,loss,smoothed_loss\n", *(f"{rate!r},{loss!r},{float(mean)!r}\n" for rate, loss, mean in rows)])


def course_figure(course: RateCourse) -> Figure:
    """The loss, raw and smoothed, over the rate, with the suggested one."""
    figure, axes = plt.subplots(figsize=(8, 4.5), layout="constrained")
    axes.plot(course.rates, course.losses, color="tab:blue", alpha=0.25, linewidth=0.8)
    axes.plot(course.rates, course.smoothed(), color="tab:blue", linewidth=1.5, label="loss, smoothed")
    rate = suggested_rate(course)
    axes.axvline(rate, color="tab:orange", linestyle="--", label=f"suggested: {rate:.2g}")
    axes.set_xscale("log")
    axes.set_xlabel("learning rate (optim.lr)")
    axes.set_ylabel("training loss")
    axes.set_ylim(top=float(np.max(course.smoothed()[:1])) * 1.5)
    axes.grid(alpha=0.3)
    axes.legend()
    return figure
