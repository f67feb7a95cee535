"""Where sources are looked for, and how: what every section that uses a search or equivalent dipoles holds."""

from typing import Annotated, TypeVar

from pydantic import AfterValidator, Field, field_validator

from ttt.config import Section

N = TypeVar("N", int, float)


def each_once(values: list[N]) -> list[N]:
    """The values; raises ValueError where one stands twice."""
    if len(set(values)) < len(values):
        raise ValueError("each value must stand once")
    return values


Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]


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


class DipoleGridParams(Section):
    """Settings of equivalent dipoles: each depth with each margin and each tikhonov."""

    depths: Annotated[list[Positive], Field(min_length=1), AfterValidator(each_once)] = Field(
        description="depths of the dipoles below the scan, in its pitch"
    )
    margins: Annotated[list[NotNegative], Field(min_length=1), AfterValidator(each_once)] = Field(
        description="distances from the scan's rim inwards to the outermost dipoles, in its pitch; those that the scan "
        "is too small for are left out"
    )
    tikhonov: Annotated[list[Positive], Field(min_length=1), AfterValidator(each_once)] = Field(
        description="regularisations of the dipoles' moments, relative to the mean diagonal of A A^H"
    )
