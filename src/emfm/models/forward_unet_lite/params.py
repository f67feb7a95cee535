"""Section ``model`` of `forward_unet_lite`, and how the model is made."""

from typing import TYPE_CHECKING

from pydantic import Field

from emfm.model.spec import FieldSpec
from ttt.config import PartParams
from ttt.parts import MODELS

if TYPE_CHECKING:
    from emfm.model.field_model import FieldModel


class UNetParams(PartParams):
    """`forward_unet_lite`."""

    width: int = Field(ge=4, description="channels at half resolution; doubled at each coarser level")
    levels: int = Field(ge=2, le=6, description="resolutions, each half of the one before")


@MODELS.register("forward_unet_lite")
def forward_unet_lite(params: UNetParams, spec: FieldSpec) -> "FieldModel":
    """`emfm.models.forward_unet_lite.network.ForwardUNetLite` for the planes and the normalisation of ``spec``."""
    from emfm.model.field_model import NetworkFieldModel
    from emfm.models.forward_unet_lite.network import ForwardUNetLite

    return NetworkFieldModel(ForwardUNetLite(params, spec.geometry()), spec.norm, spec.geometry())
