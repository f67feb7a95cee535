"""Section ``model`` of `fourier_neural_operator`, and how the model is made."""

from typing import TYPE_CHECKING

from pydantic import Field

from emfm.model.spec import FieldSpec
from ttt.config import PartParams
from ttt.parts import MODELS

if TYPE_CHECKING:
    from emfm.model.field_model import FieldModel


class FourierOperatorParams(PartParams):
    """`fourier_neural_operator`."""

    width: int = Field(ge=1, description="channels of the hidden fields")
    modes: int = Field(ge=1, description="Fourier modes kept along each axis")
    layers: int = Field(ge=1, description="Fourier layers")


@MODELS.register("fourier_neural_operator")
def fourier_neural_operator(params: FourierOperatorParams, spec: FieldSpec) -> "FieldModel":
    """`emfm.models.fourier_neural_operator.network.FourierOperator` for the planes of ``spec``."""
    from emfm.model.field_model import NetworkFieldModel
    from emfm.models.fourier_neural_operator.network import FourierOperator

    return NetworkFieldModel(FourierOperator(params, spec.geometry()), spec.norm, spec.geometry())
