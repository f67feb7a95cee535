"""The linear warm-up before, that is, on top of any schedule, see ``scheduler.warmup_epochs``."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch.optim import Optimizer


class WarmUp:
    """Multiplies a schedule's rates by (step + 1) / (steps + 1) in the first ``steps`` steps.

    The first factor is above zero, as a step at a rate of zero does nothing.
    """

    def __init__(self, optimizer: Optimizer, steps: int, done: int = 0) -> None:
        """Begin at the step ``done``, with the optimizer's present rates as those of the schedule."""
        self.steps, self.done = steps, done
        self._optimizer = optimizer
        self._rates: list[float] = []
        self._damp()

    @contextmanager
    def lifted(self) -> Iterator[None]:
        """Inside the block the optimizer has the schedule's own rates, which may change there."""
        if self._is_on:
            for group, rate in zip(self._optimizer.param_groups, self._rates, strict=True):
                group["lr"] = rate
        yield
        self._damp()

    def step(self) -> None:
        """Note that a step is done; call it in the block of `lifted`."""
        self.done += self._is_on

    def rebase(self, rate: float) -> None:
        """Go on so that ``rate`` is the present one."""
        if self._is_on:
            self._rates = [rate / self._factor] * len(self._rates)

    def state_dict(self) -> dict[str, Any]:
        """Where it is."""
        return {"steps": self.steps, "done": self.done, "rates": self._rates}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what `state_dict` gave, with an optimizer that has the rates of then."""
        self.steps, self.done, self._rates = state["steps"], state["done"], list(state["rates"])

    @property
    def _is_on(self) -> bool:
        return self.done < self.steps

    @property
    def _factor(self) -> float:
        return (self.done + 1) / (self.steps + 1)

    def _damp(self) -> None:
        if self._is_on:
            self._rates = [group["lr"] for group in self._optimizer.param_groups]
            for group in self._optimizer.param_groups:
                group["lr"] *= self._factor
