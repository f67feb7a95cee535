"""torch's map-style data sets as the engine takes samples: a whole batch at a time, with an identity."""

import hashlib
from collections.abc import Iterable
from functools import cached_property

import torch
from torch import Tensor
from tqdm import tqdm

from ttt.config import UserError
from ttt.engine.task import Batch, BatchDataset, PlainDataset


class PlainSamples:
    """A `ttt.engine.task.BatchDataset` over ``dataset[i] -> (x, y)``."""

    def __init__(self, dataset: PlainDataset) -> None:
        self._dataset = dataset

    def __len__(self) -> int:
        return len(self._dataset)  # type: ignore[arg-type]

    def __getitems__(self, indices: list[int]) -> Batch:
        """The samples ``indices``; raises UserError for one that is no pair."""
        pairs = [self._dataset[index] for index in indices]
        for index, pair in zip(indices, pairs, strict=True):
            if not isinstance(pair, tuple | list) or len(pair) != 2:
                raise UserError(f"sample {index} of {type(self._dataset).__name__} is no pair (x, y)")
        return Batch(*(torch.stack([torch.as_tensor(pair[side]) for pair in pairs]) for side in (0, 1)))

    @cached_property
    def fingerprint(self) -> str:
        """The data set's own ``fingerprint`` where it has one, else a hash of all samples, read once for it."""
        known = getattr(self._dataset, "fingerprint", None)
        if isinstance(known, str):
            return known
        digest = hashlib.sha256()
        for index in tqdm(range(len(self)), desc="hashing the samples", unit="sample", delay=1.0, leave=False):
            digest.update(_bytes_of(self.__getitems__([index])))
        return digest.hexdigest()


def as_batches(dataset: BatchDataset | PlainDataset) -> BatchDataset:
    """``dataset`` as it is where it gives batches and says its fingerprint, else in `PlainSamples`."""
    if hasattr(dataset, "__getitems__") and hasattr(dataset, "fingerprint"):
        return dataset  # type: ignore[return-value]
    return PlainSamples(dataset)


def _bytes_of(tensors: Iterable[Tensor]) -> bytes:
    return b"".join(str(each.dtype).encode() + each.contiguous().numpy().tobytes() for each in tensors)
