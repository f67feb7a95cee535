"""The figures of a field model, by name for the training template."""

from torch import Tensor

from emfm.evaluation.figures import FieldErrors
from ttt.config import Section
from ttt.engine.task import Batch
from ttt.parts import METRICS


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


@METRICS.register("field_errors", params=Section)
def build_field_errors(_: Section, *, spec: Section) -> FieldMetric:  # noqa: ARG001
    """`FieldMetric`."""
    return FieldMetric()
