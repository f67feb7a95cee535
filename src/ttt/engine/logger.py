"""What a logger is: whoever is told how a training goes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from ttt.engine.run_folder import RunFolder
from ttt.settings import TrainingConfig

if TYPE_CHECKING:
    from ttt.engine.checkpoint import TrainingProgress

Record = Mapping[str, Any]
"""A line of the journal, but for its ``kind``: ``epoch`` and ``step``, and what was found there."""

_PLACE = ("epoch", "step", "best_score", "best_epoch")


@dataclass(frozen=True)
class Run:
    """The training that begins, or goes on."""

    config: TrainingConfig
    folder: RunFolder
    samples_per_epoch: int
    samples_done: int


class Logger:
    """Is told how a training goes, and changes nothing in it; a method that is left as it is does nothing."""

    keeps: ClassVar[bool] = False
    """Whether it keeps what it is told. If so it throws that away in `start`, and is told again what the journal says
    of the training so far, so that it has no step twice and none of a course that was left."""

    def start(self, run: Run) -> None:
        """The training begins, or goes on."""

    def batch(self, place: "TrainingProgress", samples: int, loss: Callable[[], float]) -> None:
        """An optimizer step with so many samples is done; ``loss`` waits for the device, so ask it rarely."""

    def step(self, record: Record) -> None:
        """Loss and learning rate of one in ``train.log_every`` steps."""

    def epoch(self, record: Record) -> None:
        """An epoch is over: all its figures, see `figures_of`; epoch 0 is what was learned before the first step."""

    def alert(self, record: Record) -> None:
        """Something is alarming about the last epoch, or ends the training in the present one."""

    def end(self) -> None:
        """The training is over or stopped."""


def figures_of(record: Record, prefix: str = "") -> dict[str, float]:
    """What was measured at the place of a record, by its name after ``prefix``; a figure that is null is left out."""
    return {f"{prefix}{key}": value for key, value in record.items() if key not in _PLACE and value is not None}
