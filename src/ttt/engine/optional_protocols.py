"""What a model may be able to do besides predicting, and a loss besides judging: the loop asks it to where it can."""

from typing import Any, Protocol, runtime_checkable

from torch import Tensor

from ttt.engine.task import Batch, BatchDataset
from ttt.memo import Memo


@runtime_checkable
class Prepared(Protocol):
    """A model that learns a part of itself, or all, in closed form."""

    def prepare(self, train: Any, memo: Memo) -> None:
        """Learn from the training samples before the first step; once, also where weights came from another training.

        The model is validated before the first step then, and is complete without steps where it has no parameters.
        """
        ...


@runtime_checkable
class Encodes(Protocol):
    """A model that computes a part of its work once a sample."""

    def encoded(self, samples: Any, memo: Memo, with_targets: bool) -> BatchDataset:
        """The samples as the model (and with targets its loss) takes them in the place of the plain ones."""
        ...


@runtime_checkable
class Calibrated(Protocol):
    """A model that says how far to trust it."""

    def calibrate(self, train: BatchDataset, val: BatchDataset, batch_size: int) -> None:
        """Set what the model says of itself by its errors on the validation samples; called for the best weights."""
        ...


@runtime_checkable
class JudgesPredictions(Protocol):
    """A loss that can be given the model's prediction, so that an evaluation has to predict but once."""

    def of_prediction(self, prediction: Tensor, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """What the loss of ``batch`` is, to the bit, with the model's ``prediction`` of it."""
        ...
