"""What a training consists of: data in batches, a model, a loss, metrics."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

from torch import Tensor, nn
from torch.utils.data import Dataset

from ttt.config import Section


class Batch(NamedTuple):
    """Samples side by side: the leading axis of both tensors counts them."""

    x: Tensor
    y: Tensor

    def to(self, device: object) -> "Batch":
        """The same batch on ``device``."""
        return Batch(self.x.to(device, non_blocking=True), self.y.to(device, non_blocking=True))  # type: ignore[call-overload]


class BatchDataset(Protocol):
    """Samples that are fetched a whole batch at a time."""

    @property
    def fingerprint(self) -> str:
        """Identity of the content and the order of the samples."""
        ...

    def __len__(self) -> int: ...

    def __getitems__(self, indices: list[int]) -> Batch:
        """The samples ``indices``, in that order."""
        ...


@runtime_checkable
class DrawnEachEpoch(Protocol):
    """A `BatchDataset` with something random in its samples, which training steps see anew in each epoch.

    Taken as it is, it gives one fixed draw: what is computed once a sample, or before the first step, sees that one.
    """

    def of_epoch(self, epoch: int) -> BatchDataset:
        """The same samples, in the same order, as an epoch (from 1) sees them: a function of the epoch alone."""
        ...


class Metric(Protocol):
    """Figures over a whole set: sums in float64, divided once."""

    def update(self, prediction: Tensor, batch: Batch) -> None:
        """Add the samples of a batch."""
        ...

    def compute(self) -> dict[str, float]:
        """The figures by name."""
        ...


PlainDataset = Dataset[tuple[Tensor, ...]]
"""torch's map-style data set: ``len(dataset)`` and ``dataset[i]``, which is a pair (x, y)."""


@dataclass(frozen=True)
class Data:
    """Training and validation samples, and the facts that a model for them must fit."""

    train: BatchDataset | PlainDataset
    val: BatchDataset | PlainDataset
    spec: Section
    """Sizes, normalisation and the like; kept in the checkpoint."""


@dataclass(frozen=True)
class Task:
    """Everything that the loop trains with."""

    model: nn.Module
    loss: nn.Module
    """From a batch to (mean loss over its samples, dict of named parts); holds ``model``."""
    train: BatchDataset
    val: BatchDataset
    metrics: Callable[[], list[Metric]]
    spec: Section
