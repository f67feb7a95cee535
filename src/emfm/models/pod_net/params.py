"""Section ``model`` of `pod_net`, and how the model is made."""

from typing import TYPE_CHECKING, Literal

from pydantic import Field, field_validator

from emfm.model.spec import FieldSpec
from ttt.config import PartParams, Section
from ttt.parts import MODELS

if TYPE_CHECKING:
    from emfm.model.field_model import FieldModel


class SourceRegionParams(Section):
    """Where sources are looked for: below the scan, in a layer."""

    depth_mm: list[float] = Field(
        min_length=2, max_length=2, description="least and greatest depth of sources below the scan, mm"
    )
    margin_mm: float = Field(ge=0, description="how far beyond the scan's rim sources are looked for, mm")
    cell_mm: float = Field(gt=0, description="largest width of a cell in x and y, mm")
    layers: int = Field(ge=1, le=16, description="cells on top of one another")
    rank: int = Field(ge=1, description="leading patterns of the scan that are used; more is finer and slower")
    iterations: int = Field(ge=1, le=100, description="steps of the search for the few cells that radiate")

    @field_validator("depth_mm")
    @classmethod
    def _below_the_scan_and_in_order(cls, depth_mm: list[float]) -> list[float]:
        if not 0 < depth_mm[0] < depth_mm[1]:
            raise ValueError("the least depth must be above 0, and the greatest above the least")
        return depth_mm


class PodNetParams(PartParams):
    """`pod_net`."""

    modes: int = Field(ge=1, description="modes of the field on the target plane")
    prior: Literal["sparse_sources", "none"] = Field(
        description="where a prediction starts: the field of the few sources that explain the scan, or nothing"
    )
    sources: SourceRegionParams
    width: int = Field(ge=1, description="units in a hidden layer of the network")
    depth: int = Field(ge=1, description="hidden layers of the network")


@MODELS.register("pod_net")
def pod_net(params: PodNetParams, spec: FieldSpec) -> "FieldModel":
    """`emfm.models.pod_net.network.PodNet` for the planes and the normalisation of ``spec``."""
    from emfm.models.pod_net.network import PodNet

    return PodNet(params, spec)
