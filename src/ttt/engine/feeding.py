"""Feed a training with batches in an order that depends on the seed and the epoch alone."""

from collections.abc import Iterator

import numpy as np
import torch
from torch.utils.data import DataLoader

from ttt.engine.task import Batch, BatchDataset


def epoch_order(samples: int, seed: int, epoch: int) -> list[int]:
    """The order of the samples in ``epoch``: a permutation, the same whenever and wherever it is asked for."""
    order: list[int] = np.random.default_rng([seed, epoch]).permutation(samples).tolist()
    return order


def in_batches(indices: list[int], size: int) -> list[list[int]]:
    """``indices`` in lists of ``size``; the last may be shorter."""
    return [indices[start : start + size] for start in range(0, len(indices), size)]


def feed(dataset: BatchDataset, batches: list[list[int]], num_workers: int) -> Iterator[Batch]:
    """The batches one by one, fetched by ``num_workers`` processes (0: by this one)."""
    loader: DataLoader[Batch] = DataLoader(
        dataset,  # type: ignore[arg-type]
        batch_sampler=batches,
        collate_fn=_as_it_is,
        num_workers=num_workers,
        # A generator of its own: else the loader draws from the global one, and a resumed run would differ.
        generator=torch.Generator().manual_seed(0),
        multiprocessing_context="spawn" if num_workers else None,
    )
    return iter(loader)


def _as_it_is(batch: Batch) -> Batch:
    return batch
