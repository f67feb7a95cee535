"""Sections ``eval`` and ``milestone``: what is measured and drawn, and which models may see test_final."""

import re
from typing import Annotated, TypeVar

from pydantic import AfterValidator, Field

from emfm.model.search.params import SourceRegionParams
from ttt.config import Section
from ttt.parts import register_section

N = TypeVar("N", int, float)


def _each_once(values: list[N]) -> list[N]:
    if len(set(values)) < len(values):
        raise ValueError("each value must stand once")
    return values


def _are_names(values: dict[str, str]) -> dict[str, str]:
    for name in values:
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,30}", name):
            raise ValueError(f"'{name}' is no name of a set: use up to 31 letters, digits and '_', first a letter")
    return values


Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Decibels = Annotated[float, Field(ge=-60, le=200)]


class DipoleGridParams(Section):
    """The settings of the baseline equivalent_dipoles that are tried on val_fixed: each depth with each margin and

    each tikhonov. The one with the lowest median of the mean of E's and H's relative L2 error is used everywhere.
    """

    depths: Annotated[list[Positive], Field(min_length=1), AfterValidator(_each_once)] = Field(
        description="depths of the dipoles below the scan, in its pitch"
    )
    margins: Annotated[list[NotNegative], Field(min_length=1), AfterValidator(_each_once)] = Field(
        description="distances from the scan's rim inwards to the outermost dipoles, in its pitch; those that the scan "
        "is too small for are left out"
    )
    tikhonov: Annotated[list[Positive], Field(min_length=1), AfterValidator(_each_once)] = Field(
        description="regularisations of the dipoles' moments, relative to the mean diagonal of A A^H"
    )


class SearchParams(SourceRegionParams):
    """The baseline sparse_sources: the search for few sources alone, whatever model is trained."""

    modes: int = Field(ge=1, description="modes in which the sources' field is computed")


@register_section("eval")
class EvalParams(Section):
    """What is measured and drawn."""

    batch_size: int = Field(ge=1, description="samples in one batch of an evaluation")
    num_pictures: int = Field(ge=1, description="fixed samples of val_fixed that are drawn every time")
    ridge: float = Field(gt=0, description="regularisation of the linear_operator baseline, relative")
    noise_snr_db: Annotated[list[Decibels], AfterValidator(_each_once)] = Field(
        description="signal-to-noise ratios of source H at which every predictor is evaluated again, dB"
    )
    equivalent_dipoles: DipoleGridParams
    sparse_sources: SearchParams
    reference: Annotated[dict[str, str], AfterValidator(_are_names)] = Field(
        description="sets of solved cases that no training has seen, evaluated case by case: a name each, and an npz "
        "file of cases or a folder of cases in any format that can be imported"
    )


@register_section("milestone")
class MilestoneParams(Section):
    """Which models of the promoted training, and no others, may be evaluated on test_final."""

    stages: Annotated[list[int], AfterValidator(_each_once)] = Field(
        description="the stages whose best model may be evaluated on test_final, while the parameters are those of "
        "promoted.yaml, which `python -m emfm.tasks.promote` writes"
    )
