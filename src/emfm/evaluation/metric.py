"""The figures of a field model, by name for the training template."""

from emfm.evaluation.figures import FieldMetric
from ttt.config import Section
from ttt.parts import METRICS


@METRICS.register("field_errors", params=Section)
def build_field_errors(params: None, *, spec: Section) -> FieldMetric:  # noqa: ARG001
    """`emfm.evaluation.figures.FieldMetric`."""
    return FieldMetric()
