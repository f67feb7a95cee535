"""Run a model over a set: its loss and its figures, over all samples and not batch by batch."""

from collections.abc import Iterable

import torch
from torch import nn

from ttt.engine.feeding import feed, in_batches
from ttt.engine.task import BatchDataset, Metric


@torch.inference_mode()
def evaluate(
    model: nn.Module,
    dataset: BatchDataset,
    metrics: Iterable[Metric],
    batch_size: int,
    device: torch.device,
    loss: nn.Module | None = None,
) -> dict[str, float]:
    """The figures of ``metrics``, and ``loss`` where one is given: the mean over samples, summed in float64."""
    was_training = model.training
    model.eval()
    metrics = list(metrics)
    total = 0.0
    for batch in feed(dataset, in_batches(list(range(len(dataset))), batch_size), 0):
        batch = batch.to(device)
        if loss is not None:
            total += float(loss(batch)[0].double()) * len(batch.x)
        if metrics:
            prediction = model(batch.x)
            for metric in metrics:
                metric.update(prediction, batch)
    model.train(was_training)
    figures = {} if loss is None else {"loss": total / len(dataset)}
    for metric in metrics:
        figures |= metric.compute()
    return figures


def pick_device(name: str) -> torch.device:
    """The device that the configuration names; ``auto`` is cuda where there is one."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(name)
