"""A learning rate over time: one of torch's schedulers, when it steps and where it ends."""

import math
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Final, Literal

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from ttt.engine.errors import TrainingError
from ttt.engine.warmup import WarmUp

RATES: Final = ("initial_lr", "max_lr", "min_lr")
"""The rates that torch's schedulers keep in an optimizer's parameter groups."""


@dataclass
class Schedule:
    """A scheduler that steps after each epoch or each step; at its end the rate stays what it is."""

    scheduler: LRScheduler | None
    """None: the rate does not change."""
    every: Literal["epoch", "step"] = "epoch"
    length: int | None = None
    """Steps of the scheduler until its end; None: it has none."""
    start: int = 0
    """The training's step at which it was laid out."""
    warmup: WarmUp | None = None

    def advance(self, after: Literal["epoch", "step"], score: float = math.nan) -> None:
        """Step the scheduler where it steps after each ``after``; ``score`` is that of the epoch, which some follow."""
        with self.warmup.lifted() if self.warmup else nullcontext():
            if after == self.every and self.scheduler is not None and not self._at_end():
                if isinstance(self.scheduler, ReduceLROnPlateau):
                    self.scheduler.step(score)
                else:
                    self.scheduler.step()
            if after == "step" and self.warmup:
                self.warmup.step()

    @property
    def left(self) -> int | None:
        """Steps of the scheduler until its end; None where it has none."""
        if self.scheduler is None or self.length is None:
            return None
        return max(self.length - self.scheduler.last_epoch, 0)

    def last_rate(self, optimizer: Optimizer) -> float | None:
        """The learning rate that stays from the schedule's end on; None where it has no end, or does not tell."""
        group = optimizer.param_groups[0]
        if self._at_end():
            return float(group["lr"])
        rate = getattr(self.scheduler, "eta_min", group.get("min_lr"))
        return None if self.left is None or rate is None else float(rate)

    def rebase(self, optimizer: Optimizer, rate: float) -> None:
        """Make ``rate`` the present learning rate; the rest of the schedule goes on from it in proportion.

        Raises TrainingError where the schedule's present rate is zero with more to come.
        """
        for index, group in enumerate(optimizer.param_groups):
            if self.scheduler is not None and not self._at_end():
                if group["lr"] == 0:
                    raise TrainingError(
                        f"the schedule's rate is 0 at this point, so it cannot go on from {rate:g} in "
                        "proportion; add --resume_reset_scheduler, which starts the schedule anew"
                    )
                factor = rate / group["lr"]
                if not isinstance(self.scheduler, ReduceLROnPlateau):  # its only rate is the optimizer's
                    self.scheduler.base_lrs[index] *= factor
                group.update({key: group[key] * factor for key in RATES if key in group})
            group["lr"] = rate
        if self.warmup:
            self.warmup.rebase(rate)
        if self.scheduler is not None:
            self.scheduler._last_lr = [group["lr"] for group in optimizer.param_groups]
            if hasattr(self.scheduler, "eta_min"):  # a floor above the new rate would raise it
                self.scheduler.eta_min = min(self.scheduler.eta_min, rate)

    def peaks(self, optimizer: Optimizer) -> list[float]:
        """The rates, of each parameter group, that the schedule was laid out for."""
        assert self.scheduler is not None
        bases = zip(optimizer.param_groups, self.scheduler.base_lrs, strict=True)
        return [float(group.get("max_lr", base)) for group, base in bases]

    def state_dict(self) -> dict[str, Any]:
        """The scheduler's state and length, and the warm-up's; without these empty."""
        state = {"warmup": self.warmup.state_dict()} if self.warmup else {}
        if self.scheduler is None:
            return state
        return {"scheduler": self.scheduler.state_dict(), "length": self.length, "start": self.start, **state}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over a state that `state_dict` gave."""
        if self.scheduler is not None:
            self.scheduler.load_state_dict(state["scheduler"])
            self.length, self.start = state["length"], state.get("start", 0)
        if self.warmup:
            self.warmup.load_state_dict(state["warmup"])

    def _at_end(self) -> bool:
        return self.left == 0
