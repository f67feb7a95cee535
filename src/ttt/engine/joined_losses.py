"""The losses of an optimizer step that takes several batches, see ``train.accumulate``."""

from torch import Tensor


class JoinedLosses:
    """The mean loss and its parts over the batches of an optimizer step, as they come."""

    def __init__(self) -> None:
        self._sums: dict[str, Tensor] = {}

    @property
    def is_empty(self) -> bool:
        """Whether the step's first batch is still to come."""
        return not self._sums

    def add(self, loss: Tensor, parts: dict[str, Tensor], weight: float) -> None:
        """Add a batch's mean losses with its weight in the step."""
        for name, value in {"loss": loss, **parts}.items():
            share = value.detach() * weight
            self._sums[name] = self._sums[name] + share if name in self._sums else share

    def taken(self) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss and the parts of the step; the next one starts without any."""
        parts, self._sums = self._sums, {}
        return parts.pop("loss"), parts
