"""Section ``model`` of `linear_operator`, and how the model is made."""

from typing import TYPE_CHECKING

from pydantic import Field

from emfm.model.spec import FieldSpec
from ttt.config import PartParams
from ttt.parts import MODELS

if TYPE_CHECKING:
    from emfm.model.field_model import FieldModel


class LinearOperatorParams(PartParams):
    """`linear_operator`."""

    ridge: float | None = Field(
        gt=0, description="regularisation relative to the scans' mean square; null: chosen by cross-validation"
    )


@MODELS.register("linear_operator")
def linear_operator(params: LinearOperatorParams, spec: FieldSpec) -> "FieldModel":
    """`emfm.models.linear_operator.operator.LinearOperator` for the planes and the normalisation of ``spec``."""
    from emfm.models.linear_operator.operator import LinearOperator

    return LinearOperator(params, spec)
