"""Field models by name: each network in its normalising wrapper."""

from torch import nn

from emfm.models.field_model import FieldModel
from emfm.models.spec import FieldSpec
from emfm.models.unet import ForwardUNetLite, UNetParams
from ttt.parts import MODELS


@MODELS.register("forward_unet_lite", params=UNetParams)
def build_forward_unet_lite(params: UNetParams, *, spec: FieldSpec) -> nn.Module:
    """`emfm.models.unet.ForwardUNetLite` for the planes and the normalisation of ``spec``."""
    return FieldModel(ForwardUNetLite(params, spec.geometry()), spec.norm)
