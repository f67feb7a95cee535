"""Section ``model`` of `pod_net`, and how the model is made."""

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from emfm.model.search.params import DipoleGridParams, SourceRegionParams
from emfm.model.spec import FieldSpec
from ttt.config import PartParams
from ttt.parts import MODELS

if TYPE_CHECKING:
    from emfm.model.field_model import FieldModel


class PodNetParams(PartParams):
    """`pod_net`."""

    modes: int = Field(ge=1, description="modes of the field on the target plane")
    prior: Literal["sparse_sources", "none"] = Field(
        description="where a prediction starts: the field of the few sources that explain the scan, or nothing"
    )
    sources: SourceRegionParams
    dipoles: DipoleGridParams = Field(
        description="equivalent dipoles, whose fields are blended with that of the few sources"
    )
    width: int = Field(ge=1, description="units in a hidden layer of the network")
    depth: int = Field(ge=1, description="hidden layers of the network")


@MODELS.register("pod_net")
def pod_net(params: PodNetParams, spec: FieldSpec) -> "FieldModel":
    """`emfm.models.pod_net.network.PodNet` for the planes and the normalisation of ``spec``."""
    from emfm.models.pod_net.network import PodNet

    return PodNet(params, spec)
