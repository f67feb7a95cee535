"""What the loop tells whoever watches a training; a watcher changes no result."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from ttt.engine.checkpoint import TrainingProgress
from ttt.settings import TrainingConfig

Records = Sequence[Mapping[str, Any]]
"""Lines for the journal, each with the epoch and the step that it is about."""


class Watch(Protocol):
    """Somebody who watches; `ttt.watch.console.ConsoleWatch` does so for people and for monitors."""

    def start(
        self, config: TrainingConfig, run_dir: Path, samples_per_epoch: int, samples_done: int, *, is_first: bool
    ) -> None:
        """The training begins, or goes on; ``is_first``: in the process that speaks for all."""
        ...

    def start_epoch(self, epoch: int, samples_done: int) -> None:
        """``epoch`` (from 1) begins, of which ``samples_done`` are done already."""
        ...

    def after_step(self, place: TrainingProgress, samples: int, loss: Callable[[], float]) -> None:
        """A step with so many samples is done; ``loss`` waits for the device, so it is not to be asked each time."""
        ...

    def alerts(self, place: TrainingProgress, metrics: Mapping[str, float], problem: str | None = None) -> Records:
        """What is alarming about the epoch that has just ended, or the ``problem`` that ends the training."""
        ...

    def end_epoch(self, place: TrainingProgress, metrics: Mapping[str, float]) -> None:
        """The epoch is over and saved."""
        ...

    def close(self) -> None:
        """The training is over or stopped."""
        ...


class Unwatched:
    """Nobody watches."""

    def start(
        self, config: TrainingConfig, run_dir: Path, samples_per_epoch: int, samples_done: int, *, is_first: bool
    ) -> None:
        """Nothing."""

    def start_epoch(self, epoch: int, samples_done: int) -> None:
        """Nothing."""

    def after_step(self, place: TrainingProgress, samples: int, loss: Callable[[], float]) -> None:
        """Nothing."""

    def alerts(self, *_: object) -> Records:
        """None."""
        return ()

    def end_epoch(self, place: TrainingProgress, metrics: Mapping[str, float]) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""
