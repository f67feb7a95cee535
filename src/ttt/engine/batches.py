"""Batches of training samples in the order of an epoch, fetched by this process or by workers."""

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import torch
from torch.utils.data import DataLoader

from ttt.engine.on_device import DeviceSamples
from ttt.engine.randomness import epoch_order
from ttt.engine.ranks import Ranks
from ttt.engine.task import Batch, BatchDataset, DrawnEachEpoch
from ttt.orphans import end_with_parent


@dataclass
class EpochBatches:
    """The samples (epoch, index) of an epoch's batches, from the one where the training is."""

    seed: int
    num_samples: int
    batch_size: int
    ranks: Ranks
    epoch: int = 1
    start: int = 0

    def __len__(self) -> int:
        return -(-self.num_samples // self.batch_size)

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        order = epoch_order(self.seed, self.epoch, self.num_samples)
        for first in range(self.start * self.batch_size, self.num_samples, self.batch_size):
            chosen = self.ranks.part(order[first : first + self.batch_size].tolist())
            yield [(self.epoch, index) for index in chosen]

    def shares_of_steps(self, batches: int) -> Iterator[tuple[int, int, bool]]:
        """Of each batch its samples, those of its step, which joins so many ``batches``, and whether it is the last."""
        for first in range(self.start * self.batch_size, self.num_samples, self.batch_size):
            of_step = self.batch_size * batches
            begin = first - first % of_step
            size, joined = (
                min(most, self.num_samples - at) for at, most in ((first, self.batch_size), (begin, of_step))
            )
            yield size, joined, first + size == begin + joined


@dataclass(frozen=True)
class SamplesByEpoch:
    """Samples by (epoch, index): so workers, who live longer than an epoch, need not be told which one it is."""

    dataset: BatchDataset

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitems__(self, wanted: list[tuple[int, int]]) -> Batch:
        """Samples of one epoch."""
        epoch = wanted[0][0]
        present = self.dataset.of_epoch(epoch) if isinstance(self.dataset, DrawnEachEpoch) else self.dataset
        return present.__getitems__([index for _, index in wanted])


class RankBatch(NamedTuple):
    """The part of a batch that one process (rank) trains on."""

    batch: Batch
    of: int
    """Samples in the whole batch."""
    of_step: int
    """Samples in all batches of its optimizer step."""
    ends_step: bool
    """Whether it is the last batch of its step."""


class Feed:
    """Training batches on ``device``; the same ones whatever ``num_workers`` is, and shared out among ``ranks``.

    An optimizer step takes ``accumulate`` of them; an epoch's last step may have fewer.
    """

    def __init__(
        self,
        dataset: BatchDataset,
        batch_size: int,
        seed: int,
        num_workers: int,
        device: torch.device,
        ranks: Ranks,
        accumulate: int = 1,
    ) -> None:
        self._accumulate = accumulate
        self._indices = EpochBatches(seed, len(dataset), batch_size, ranks)
        self._device = device
        is_there = isinstance(dataset, DeviceSamples)
        workers = 0 if is_there else num_workers
        options: dict[str, Any] = {"persistent_workers": True} if workers else {}
        self._loader: DataLoader[Batch] = DataLoader(
            SamplesByEpoch(dataset),  # type: ignore[arg-type]
            batch_sampler=self._indices,
            collate_fn=_as_it_is,  # type: ignore[arg-type]
            num_workers=workers,
            pin_memory=device.type == "cuda" and not is_there,
            worker_init_fn=partial(_live_and_die_with, os.getpid()),
            generator=torch.Generator(),  # of its own: workers' seeds must not use up the training's numbers
            **options,
        )

    def epoch(self, epoch: int, start: int) -> Iterator[RankBatch]:
        """This process's shares of the batches of ``epoch`` (from 1), without those of the first ``start`` steps."""
        self._indices.epoch, self._indices.start = epoch, start * self._accumulate
        for batch, facts in zip(self._loader, self._indices.shares_of_steps(self._accumulate), strict=True):
            yield RankBatch(batch.to(self._device), *facts)


def _as_it_is(batch: Batch) -> Batch:
    return batch


def _live_and_die_with(trainer: int, _: int) -> None:
    """Make this worker leave signals that are meant for the trainer to it, and not outlive it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if not end_with_parent(trainer, signal.SIGKILL):
        os._exit(1)  # torch would wait for it for ever
