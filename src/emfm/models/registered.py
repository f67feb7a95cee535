"""Field models by name."""

from torch import nn

from emfm.models.field_model import NetworkFieldModel
from emfm.models.linear_operator import LinearOperator, LinearOperatorParams
from emfm.models.neural_operator import FourierOperator, FourierOperatorParams
from emfm.models.pod_net import PodNet, PodNetParams
from emfm.models.spec import FieldSpec
from emfm.models.unet import ForwardUNetLite, UNetParams
from ttt.parts import MODELS


@MODELS.register("pod_net", params=PodNetParams)
def build_pod_net(params: PodNetParams, *, spec: FieldSpec) -> nn.Module:
    """`emfm.models.pod_net.PodNet` for the planes and the normalisation of ``spec``."""
    return PodNet(params, spec)


@MODELS.register("linear_operator", params=LinearOperatorParams)
def build_linear_operator(params: LinearOperatorParams, *, spec: FieldSpec) -> nn.Module:
    """`emfm.models.linear_operator.LinearOperator` for the planes of ``spec``."""
    return LinearOperator(params, spec)


@MODELS.register("forward_unet_lite", params=UNetParams)
def build_forward_unet_lite(params: UNetParams, *, spec: FieldSpec) -> nn.Module:
    """`emfm.models.unet.ForwardUNetLite` for the planes and the normalisation of ``spec``."""
    return NetworkFieldModel(ForwardUNetLite(params, spec.geometry()), spec.norm)


@MODELS.register("fourier_neural_operator", params=FourierOperatorParams)
def build_fourier_neural_operator(params: FourierOperatorParams, *, spec: FieldSpec) -> nn.Module:
    """`emfm.models.neural_operator.FourierOperator` for the planes and the normalisation of ``spec``."""
    return NetworkFieldModel(FourierOperator(params, spec.geometry()), spec.norm)
