"""A learning rate over time: one of torch's schedulers, when it steps and where it ends."""

from dataclasses import dataclass
from typing import Any, Final, Literal

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from ttt.engine.errors import TrainingError

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

    def advance(self, after: Literal["epoch", "step"]) -> None:
        """Step the scheduler where it steps after each ``after``."""
        if after == self.every and self.scheduler is not None and not self._at_end():
            self.scheduler.step()

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
                self.scheduler.base_lrs[index] *= factor
                group.update({key: group[key] * factor for key in RATES if key in group})
            group["lr"] = rate
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
        """The scheduler's state and length; empty without a scheduler."""
        if self.scheduler is None:
            return {}
        return {"scheduler": self.scheduler.state_dict(), "length": self.length, "start": self.start}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over a state that `state_dict` gave."""
        if self.scheduler is not None:
            self.scheduler.load_state_dict(state["scheduler"])
            self.length, self.start = state["length"], state.get("start", 0)

    def _at_end(self) -> bool:
        return self.left == 0
