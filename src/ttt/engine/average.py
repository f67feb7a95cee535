"""The exponential moving average of a model's weights, see ``train.ema_decay``.

    average <- d average + (1 - d) weights    after each optimizer step, d = min(decay, (1 + steps) / (10 + steps))

(B. T. Polyak and A. B. Juditsky, SIAM J. Control Optim. 30, 1992; the smaller d of the first steps, as TensorFlow's
ExponentialMovingAverage has it, forgets the weights of the start.)
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn


class WeightAverage:
    """The average of the weights that are trained; buffers, as BatchNorm's running means, are the model's own."""

    def __init__(self, model: nn.Module, decay: float) -> None:
        self._decay, self._trained = decay, trained_weights(model)
        self.restart()

    def restart(self) -> None:
        """Start at the model's present weights."""
        self._average = {name: weight.detach().clone() for name, weight in self._trained.items()}

    @torch.no_grad()
    def follow(self, steps: int) -> None:
        """Take in the weights after an optimizer step, the ``steps``-th of the training."""
        decay = min(self._decay, (1 + steps) / (10 + steps))
        if self._average:
            torch._foreach_lerp_(list(self._average.values()), list(self._trained.values()), 1 - decay)

    @contextmanager
    def in_model(self) -> Iterator[None]:
        """Inside the block the model has the average for its weights."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    def state_dict(self, *, in_model: bool) -> dict[str, Any]:
        """What a checkpoint holds beside the model's weights: the average, or what is trained where that is there."""
        return {"is_in_model": in_model, "weights": dict(self._trained if in_model else self._average)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what a checkpoint holds, whose weights the model has; from these where it has no average."""
        self.restart()
        if state and state["is_in_model"]:
            _copy(state["weights"], self._trained)
        elif state:
            _copy(state["weights"], self._average)

    def _swap(self) -> None:
        for name, weight in self._trained.items():
            weight.data, self._average[name] = self._average[name], weight.data


def trained_weights(model: nn.Module) -> dict[str, nn.Parameter]:
    """The weights of a model that training steps change, by name."""
    return {name: weight for name, weight in model.named_parameters() if weight.requires_grad}


def train_on_from(model: nn.Module, state: dict[str, Any]) -> None:
    """Give a model that came with its average the weights that were trained; ``state`` is the checkpoint's."""
    if state and state["is_in_model"]:
        _copy(state["weights"], trained_weights(model))


@torch.no_grad()
def _copy(values: dict[str, Tensor], weights: dict[str, Any]) -> None:
    for name, weight in weights.items():
        weight.copy_(values[name])
