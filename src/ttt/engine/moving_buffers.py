"""Buffers that training steps change, as BatchNorm's running means: the same in every process of a training."""

from torch import Tensor, nn

from ttt.engine.ranks import Ranks


class MovingBuffers:
    """The buffers of a model that its training steps change, as the first step shows, and what they should become.

    Each process changes them by its own share of the batch. After a step all have their mean over the batch (of whole
    numbers what the first process has), so a checkpoint holds what every process goes on with.
    """

    def __init__(self, model: nn.Module, ranks: Ranks) -> None:
        self._model, self._ranks = model, ranks
        self._before: dict[str, Tensor] | None = None
        self._moving: list[str] | None = None

    def before_step(self) -> None:
        """Call before the forward pass of a step."""
        if self._ranks.size > 1 and self._moving is None:
            self._before = {name: buffer.clone() for name, buffer in self._model.named_buffers()}

    def after_gradients(self, weight: float) -> None:
        """Call after the backward pass, which may need them, with this process's weight in the batch."""
        if self._ranks.size == 1:
            return
        buffers = dict(self._model.named_buffers())
        if self._moving is None:
            self._moving = self._changed(buffers)
        self._ranks.mean([buffers[name] for name in self._moving], weight)

    def _changed(self, buffers: dict[str, Tensor]) -> list[str]:
        """The buffers that the step has changed in any process."""
        before, self._before = self._before or {}, None
        anywhere = self._ranks.any([_differ(buffer, before[name]) for name, buffer in buffers.items()])
        return [name for name, has_changed in zip(buffers, anywhere, strict=True) if has_changed]


def _differ(one: Tensor, other: Tensor) -> bool:
    """Whether two buffers differ; NaN is NaN."""
    return not bool(((one == other) | ((one != one) & (other != other))).all())
