"""Samples in the memory of the device that trains on them, so that no step waits for the host."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import torch
from tqdm import tqdm

from ttt.engine.task import Batch, BatchDataset, DrawnEachEpoch, Task
from ttt.log import LOG

SHARE: Final = 0.5
"""Of the device's free memory that samples may take; activations and gradients need the rest."""

_BLOCK: Final = 1024


@dataclass(frozen=True)
class DeviceSamples:
    """A `ttt.engine.task.BatchDataset` of tensors on a device."""

    samples: Batch
    fingerprint: str

    def __len__(self) -> int:
        return len(self.samples.x)

    def __getitems__(self, indices: list[int]) -> Batch:
        chosen = torch.tensor(indices).to(self.samples.x.device, non_blocking=True)
        return Batch(self.samples.x.index_select(0, chosen), self.samples.y.index_select(0, chosen))


def on_device(task: Task, device: torch.device, on_block: Callable[[int], None]) -> Task:
    """``task`` with its samples on ``device`` where that has a memory of its own and they fit.

    Where several processes train together each holds all samples: every batch is shared out anew.
    """
    if device.type != "cuda":
        return task
    task = replace(task, train=held(task.train, device, _room(device), "training", on_block))
    return replace(task, val=held(task.val, device, _room(device), "validation", on_block))


def held(
    dataset: BatchDataset, device: torch.device, room: int, what: str, on_block: Callable[[int], None]
) -> BatchDataset:
    """``dataset`` in ``device``'s memory, or as it is where it needs more than ``room`` bytes or changes each epoch.

    ``on_block`` is called with the number of samples copied, and may raise to stop.
    """
    if isinstance(dataset, DrawnEachEpoch):
        LOG.info("%s samples stay in the host's memory: they are drawn anew in each epoch", what)
        return dataset
    one = dataset.__getitems__([0])
    needed = len(dataset) * (one.x.nbytes + one.y.nbytes)
    if needed > room:
        text = "%s samples stay in the host's memory: they need %.1f GB, and %s has %.1f GB to spare"
        LOG.info(text, what, needed / 1e9, device, room / 1e9)
        return dataset
    samples = Batch(*(part.new_empty((len(dataset), *part.shape[1:]), device=device) for part in (one.x, one.y)))
    with tqdm(total=len(dataset), desc=f"{what} samples to {device}", unit="sample", mininterval=1.0) as bar:
        for start in range(0, len(dataset), _BLOCK):
            indices = list(range(start, min(start + _BLOCK, len(dataset))))
            block = dataset.__getitems__(indices)
            for whole, part in zip(samples, block, strict=True):
                whole[start : start + len(indices)] = part
            bar.update(len(indices))
            on_block(len(indices))
    LOG.info("%s samples: %.1f GB on %s", what, needed / 1e9, device)
    return DeviceSamples(samples, dataset.fingerprint)


def free_memory(device: torch.device) -> int:
    """Free bytes of a cuda device."""
    free, _ = torch.cuda.mem_get_info(device)
    return free


def _room(device: torch.device) -> int:
    return int(SHARE * free_memory(device))
