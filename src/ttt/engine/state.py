"""What changes while a training runs, and how it gets into a checkpoint and out of it."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from ttt.config import ConfigError
from ttt.engine.average import WeightAverage, train_on_from, trained_weights
from ttt.engine.checkpoint import Checkpoint, TrainingProgress, identity_of, load_weights
from ttt.engine.errors import CheckpointError
from ttt.engine.randomness import random_states, seed_apart, set_random_states
from ttt.engine.schedule import RATES, Schedule
from ttt.engine.task import Task
from ttt.engine.warmup import WarmUp
from ttt.parts import OPTIMIZERS, SCHEDULERS
from ttt.settings import TrainingConfig

_LEAST_RATE: Final = 1e-3
"""Of a schedule's highest rate: with less, an epoch is not worth its time."""


class EpochSums:
    """Losses of an epoch's samples, summed in float64 without waiting for the device."""

    def __init__(self) -> None:
        self.num_samples = 0
        self._sums: dict[str, Tensor | float] = {}

    def add(self, loss: Tensor, parts: dict[str, Tensor], count: int) -> None:
        """Add a batch of ``count`` samples by its mean losses."""
        self.num_samples += count
        for name, value in {"loss": loss, **parts}.items():
            self._sums[name] = self._sums.get(name, 0.0) + value.detach().double() * count

    def values(self) -> dict[str, float]:
        """The sums so far."""
        return {name: float(value) for name, value in self._sums.items()}

    def means(self) -> dict[str, float]:
        """The losses' means over the samples so far."""
        return {name: value / self.num_samples for name, value in self.values().items()}

    def is_finite(self) -> bool:
        """Whether every loss so far was a finite number."""
        return math.isfinite(float(self._sums.get("loss", 0.0)))

    def restore(self, num_samples: int, sums: dict[str, float]) -> None:
        """Go on from sums that were saved."""
        self.num_samples, self._sums = num_samples, dict(sums)


class TrainingState:
    """Model, optimizer, schedule, loss scaler, place and sums of a training on one device."""

    def __init__(self, task: Task, config: TrainingConfig, device: torch.device) -> None:
        self.task, self.config, self.device = task, config, device
        self._identity = identity_of(task, config.portable_mapping())
        task.model.to(device)
        task.loss.to(device)
        trained = list(trained_weights(task.model).values())
        self.has_parameters = bool(trained)
        # torch's optimizers refuse to have nothing to do
        self.optimizer = OPTIMIZERS.build(config.optim, parameters=trained or [nn.Parameter(torch.zeros(0))])
        self.steps_per_epoch = -(-len(task.train) // (config.train.batch_size * config.train.accumulate))
        self.place = TrainingProgress(base_lr=self.optimizer.param_groups[0]["lr"])
        self.sums = EpochSums()
        self.schedule = self._warmed_up([group["lr"] for group in self.optimizer.param_groups], 0)
        self.scaler = torch.amp.GradScaler(device.type, enabled=_scales_loss(config, device))
        decay = config.train.ema_decay
        self.average = None if decay is None else WeightAverage(task.model, decay)
        self.random_of_others: list[dict[str, Any]] = []
        """Random states of the processes beside the first, where several train together, as of the last save."""
        if self.scaler.is_enabled() and any(parameter.is_complex() for parameter in trained):
            problem = "found 'float16', but torch scales no gradients of complex weights, which this model has"
            raise ConfigError(config.source, [f"amp.dtype: {problem}; use bfloat16"])

    @property
    def identity(self) -> dict[str, Any]:
        """What must not change on resuming, besides parts of the configuration; see `Checkpoint`."""
        return self._identity

    def checkpoint(self, averaged: bool = False) -> Checkpoint:
        """Everything that is needed to go on from here; ``averaged``: with the average as the model's weights."""
        if self.average is None:
            return self._checkpoint({})
        if not averaged:
            return self._checkpoint(self.average.state_dict(in_model=False))
        trained = self.average.state_dict(in_model=True)
        with self.average.in_model():
            return self._checkpoint(trained)

    def _checkpoint(self, average: dict[str, Any]) -> Checkpoint:
        return Checkpoint(
            **self._identity,
            place=self.place,
            num_samples=self.sums.num_samples,
            sums=self.sums.values(),
            model=self.task.model.state_dict(),
            optimizer=self.optimizer.state_dict(),
            schedule=self.schedule.state_dict(),
            scaler=self.scaler.state_dict(),
            random=random_states(self.device) | {"others": self.random_of_others},
            average=average,
        )

    def spoilt_weights(self) -> str:
        """The name of the first trained weights that hold NaN or infinite numbers; empty where all are finite."""
        trained = trained_weights(self.task.model)
        if not trained or bool(torch.stack([each.isfinite().all() for each in trained.values()]).all()):
            return ""
        return next(name for name, each in trained.items() if not bool(each.isfinite().all()))

    def restore(self, checkpoint: Checkpoint, path: Path, with_schedule: bool) -> None:
        """Go on from a checkpoint of the same training; raises CheckpointError where it does not fit."""
        load_weights(self.task.model, checkpoint, path)
        if self.average is None:
            train_on_from(self.task.model, checkpoint.average)
        else:
            self.average.load_state_dict(checkpoint.average)
        self.place = checkpoint.place
        self.sums.restore(checkpoint.num_samples, checkpoint.sums)
        try:
            self.optimizer.load_state_dict(checkpoint.optimizer)
            if with_schedule:
                self.schedule.load_state_dict(checkpoint.schedule)
            if self.scaler.is_enabled() and checkpoint.scaler:
                self.scaler.load_state_dict(checkpoint.scaler)
        except (KeyError, ValueError) as error:
            raise CheckpointError(f"{path}: its optimizer or schedule is not the configured one: {error}") from error
        set_random_states(checkpoint.random, self.device)
        self.random_of_others = checkpoint.random.get("others", [])

    def draw_apart(self, rank: int) -> None:
        """Have this process, not the first, draw random numbers of its own: as it went on, where that is known."""
        seed_apart(self.config.seed, rank, self.place.step)
        if rank <= len(self.random_of_others):
            set_random_states(self.random_of_others[rank - 1], self.device)

    def schedule_ends_early(self) -> bool:
        """Whether the schedule ends before the training, at a rate with which next to nothing is learned."""
        rate, left = self.schedule.last_rate(self.optimizer), self.schedule.left
        if rate is None or left is None or rate >= _LEAST_RATE * max(self.schedule.peaks(self.optimizer)):
            return False
        epochs = self.config.train.epochs - self.place.epoch
        if self.schedule.every == "epoch":
            return left < epochs
        return left + 1 < epochs * self.steps_per_epoch - self.place.batch  # its last rate is that of a step

    def restart_schedule(self) -> None:
        """Build the schedule anew, from the rate that was last asked for, over what is left of the epochs."""
        rates = [self.place.base_lr] * len(self.optimizer.param_groups)
        self.schedule = self._warmed_up(rates, self.place.step)

    def stretch_schedule(self) -> bool:
        """Lay the schedule out for all of the epochs, and go on where the training is in it.

        False, and nothing is changed, where its end does not depend on the epochs.
        """
        old = self.schedule
        peaks = old.peaks(self.optimizer)
        stand_in = torch.optim.SGD([{"params": [nn.Parameter(torch.zeros(0))], "lr": peak} for peak in peaks])
        stretched = self._laid_out(stand_in, peaks, old.start)
        if stretched.length == old.length:
            return False
        stand_in.step()  # torch warns of a scheduler that steps before its optimizer
        started, place = old.start // self.steps_per_epoch, self.place
        for _ in range(place.epoch - started if old.every == "epoch" else place.step - old.start):
            stretched.advance(old.every)
        self.schedule = self._laid_out(self.optimizer, peaks, old.start)
        self.schedule.load_state_dict(stretched.state_dict())
        for group, reached in zip(self.optimizer.param_groups, stand_in.param_groups, strict=True):
            group.update({key: reached[key] for key in ("lr", *RATES) if key in reached})
        if old.warmup:
            self.schedule.warmup = WarmUp(self.optimizer, old.warmup.steps, old.warmup.done)
        return True

    def _warmed_up(self, rates: Sequence[float], start: int) -> Schedule:
        """`_laid_out` for the optimizer, with the warm-up that is asked for."""
        schedule = self._laid_out(self.optimizer, rates, start)
        if steps := round(self.config.scheduler.warmup_epochs * self.steps_per_epoch):
            schedule.warmup = WarmUp(self.optimizer, steps)
        return schedule

    def _laid_out(self, optimizer: Optimizer, rates: Sequence[float], start: int) -> Schedule:
        """The configured schedule from the training's step ``start`` to its end, from ``rates`` of the groups on."""
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            for key in RATES:
                group.pop(key, None)
            group["lr"] = rate
        epoch, batch = divmod(start, self.steps_per_epoch)
        epochs = max(self.config.train.epochs - epoch, 1)
        steps = max(epochs * self.steps_per_epoch - batch, 1)
        schedule = SCHEDULERS.build(
            self.config.scheduler, optimizer=optimizer, epochs=epochs, steps=steps, mode=self.config.ckpt.mode
        )
        schedule.start = start
        return schedule


def _scales_loss(config: TrainingConfig, device: torch.device) -> bool:
    """Whether gradients need scaling, which float16's do; raises ConfigError for a format that the device lacks."""
    amp, is_cuda = config.amp, device.type == "cuda"
    if not amp.enabled:
        return False
    if amp.dtype == "float16" and not is_cuda:
        problem = f"found 'float16', which needs cuda; on device {device} use bfloat16"
    elif amp.dtype == "bfloat16" and is_cuda and not torch.cuda.is_bf16_supported(including_emulation=False):
        problem = "found 'bfloat16', which this GPU does not have (NVIDIA's have it from Ampere on); use float16"
    else:
        return amp.dtype == "float16"
    raise ConfigError(config.source, [f"amp.dtype: {problem}"])
