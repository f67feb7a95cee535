"""The loss of a training step, compiled by torch where that is asked for."""

from collections.abc import Callable
from typing import Any, Final

import torch
from torch import Tensor, nn

from ttt.config import ConfigError
from ttt.engine.task import Batch
from ttt.settings import TrainingConfig

_OPTIONS: Final[dict[str, dict[str, Any]]] = {"default": {}, "reduce-overhead": {"triton.cudagraphs": True}}
_NO_REUSE: Final = {"inplace_buffers": False}
"""With repeatable algorithms torch 2.13 writes programs that take over buffers before they are there."""

LossOf = Callable[[Batch], tuple[Tensor, dict[str, Tensor]]]
"""From a batch to its mean loss and the loss's parts."""


def compiled(loss: nn.Module, config: TrainingConfig, device: torch.device) -> LossOf:
    """``loss`` as training steps call it, by ``compute.compile``; the module itself and its weights' names stay.

    Raises ConfigError for a way that ``device`` does not have, and on the first call where torch cannot compile.
    """
    mode = config.compute.compile
    if mode == "none":
        return loss
    if mode == "reduce-overhead" and config.train.accumulate > 1:  # a replayed graph writes over the last gradients
        where = f"compute.compile: found '{mode}', which cannot add gradients up; with train.accumulate use default"
        raise ConfigError(config.source, [f"{where} or none"])
    if mode == "reduce-overhead" and device.type != "cuda":
        where = f"compute.compile: found '{mode}', which needs cuda; on the {device.type} use default or none"
        raise ConfigError(config.source, [where])
    return _Compiled(loss, mode, config.source)


class _Compiled:
    def __init__(self, loss: nn.Module, mode: str, source: str) -> None:
        # not dynamic: there are but two sizes of batches, the whole ones and the last
        self._loss = torch.compile(loss, options=_OPTIONS[mode] | _NO_REUSE, dynamic=False)
        self._source = source

    def __call__(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        from torch._dynamo.exc import TorchDynamoException  # here: it takes a second to load

        torch.compiler.cudagraph_mark_step_begin()  # type: ignore[no-untyped-call]
        try:
            result: tuple[Tensor, dict[str, Tensor]] = self._loss(batch)
        except TorchDynamoException as error:
            why = str(error).strip().splitlines()[0]
            needs = "it needs a C++ compiler for the cpu and triton for cuda; or set it to none"
            raise ConfigError(
                self._source, [f"compute.compile: torch cannot compile this training ({why}); {needs}"]
            ) from error
        return result
