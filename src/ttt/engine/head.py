"""The first samples of a data set, for what is to be tried before hours of work."""

from typing import Any

from ttt.engine.task import Batch, BatchDataset, DrawnEachEpoch


class Head:
    """A `ttt.engine.task.BatchDataset` of the first ``count`` samples of another."""

    def __init__(self, dataset: Any, count: int) -> None:
        self._dataset, self._count = dataset, min(count, len(dataset))

    @property
    def fingerprint(self) -> str:
        """That of the data set, and how many they are."""
        return f"the first {self._count} of {self._dataset.fingerprint}"

    def __len__(self) -> int:
        return self._count

    def __getitems__(self, indices: list[int]) -> Batch:
        found: Batch = self._dataset.__getitems__(indices)
        return found

    def identity(self, indices: list[int]) -> str:
        """What the data set says of some of its samples, where models that encode samples ask it to."""
        return str(self._dataset.identity(indices))


class DrawnHead(Head):
    """The same of samples that each epoch draws anew."""

    def of_epoch(self, epoch: int) -> BatchDataset:
        """See `ttt.engine.task.DrawnEachEpoch`."""
        return Head(self._dataset.of_epoch(epoch), self._count)


def head_of(dataset: BatchDataset, count: int) -> BatchDataset:
    """The first ``count`` samples of ``dataset``, or all where it has fewer."""
    return DrawnHead(dataset, count) if isinstance(dataset, DrawnEachEpoch) else Head(dataset, count)
