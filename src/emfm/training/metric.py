"""The figures of a field model, by name for the training template."""

from torch import Tensor

from emfm.core.field_errors import FieldErrors
from ttt.engine.task import Batch


class FieldMetric:
    """`FieldErrors` of a training's validation, where every figure's name gets the prefix ``val_``."""

    def __init__(self) -> None:
        self._errors = FieldErrors()

    def update(self, prediction: Tensor, batch: Batch) -> None:
        """Add the samples of a batch."""
        self._errors.update(prediction, batch.y)

    def compute(self) -> dict[str, float]:
        """The figures: see `FieldErrors.compute`."""
        return {name.removeprefix("val_"): value for name, value in self._errors.compute().items()}
