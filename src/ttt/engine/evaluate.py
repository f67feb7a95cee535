"""Figures and predictions of a model, by sums over all samples."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from ttt.config import ConfigError
from ttt.engine.optional_protocols import JudgesPredictions
from ttt.engine.task import Batch, BatchDataset, Metric


def resolve_device(name: str) -> torch.device:
    """What ``auto``, ``cpu``, ``cuda`` or ``cuda:N`` means here; raises ConfigError where there is none."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    device = torch.device(name)
    count = torch.cuda.device_count()
    if device.type == "cuda" and (device.index or 0) >= count:
        raise ConfigError("device", [f"found '{name}', but there are {count} cuda devices; use cpu or auto"])
    return device


@torch.no_grad()
def evaluate(
    model: nn.Module,
    dataset: BatchDataset,
    metrics: Sequence[Metric],
    batch_size: int,
    device: torch.device,
    loss: nn.Module | None = None,
    on_batch: Callable[[int], None] | None = None,
) -> dict[str, float]:
    """The figures of ``metrics`` over all of ``dataset``, and with ``loss`` also ``loss`` and its parts.

    All are float64 sums divided once, computed in float32, so they do not depend on the size of batches
    but for the last digits. ``on_batch`` is called with the number of samples done.
    """
    total: dict[str, Tensor] = {}
    with _in_eval_mode(model, loss):
        for first in range(0, len(dataset), batch_size):
            count = min(batch_size, len(dataset) - first)
            batch = dataset.__getitems__(list(range(first, first + count))).to(device)
            prediction = model(batch.x) if metrics else None
            if loss is not None:
                for name, part in _losses(loss, batch, prediction).items():
                    total[name] = total.get(name, 0) + part.double() * count
            if prediction is not None:
                for metric in metrics:
                    metric.update(prediction, batch)
            if on_batch is not None:
                on_batch(count)
    figures = {name: float(value) / len(dataset) for name, value in total.items()}
    for metric in metrics:
        figures |= metric.compute()
    return figures


def _losses(loss: nn.Module, batch: Batch, prediction: Tensor | None) -> dict[str, Tensor]:
    """The loss and its parts."""
    if prediction is not None and isinstance(loss, JudgesPredictions):
        value, parts = loss.of_prediction(prediction, batch)
    else:
        value, parts = loss(batch)
    return {"loss": value, **parts}


@torch.inference_mode()
def predict(model: nn.Module, x: Tensor, batch_size: int, device: torch.device) -> Tensor:
    """The model's outputs for samples ``x``, on the cpu."""
    with _in_eval_mode(model):
        return torch.cat([model(part.to(device)).cpu() for part in torch.split(x, batch_size)])


@contextmanager
def _in_eval_mode(*modules: nn.Module | None) -> Iterator[None]:
    present = [module for module in modules if module is not None]
    before = [module.training for module in present]
    for module in present:
        module.eval()
    try:
        yield
    finally:
        for module, mode in zip(present, before, strict=True):
            module.train(mode)
