"""Sections ``eval`` and ``milestone``: what is measured and drawn, and which models may see test_final."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from emfm.model.search.params import DipoleGridParams, SourceRegionParams, each_once
from emfm.results.pictured import MOST_PICTURES
from ttt.config import Section
from ttt.parts import register_section


def _are_names(values: dict[str, str]) -> dict[str, str]:
    for name in values:
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,30}", name):
            raise ValueError(f"'{name}' is no name of a set: use up to 31 letters, digits and '_', first a letter")
    return values


Decibels = Annotated[float, Field(ge=-60, le=200)]


class SearchParams(SourceRegionParams):
    """The baseline sparse_sources: the search for few sources alone, whatever model is trained."""

    modes: int = Field(ge=1, description="modes in which the sources' field is computed")


@register_section("eval")
class EvalParams(Section):
    """What is measured and drawn."""

    batch_size: int = Field(ge=1, description="samples in one batch of an evaluation")
    num_pictures: int = Field(
        ge=1, le=MOST_PICTURES, description="fixed samples of val_fixed that are drawn every time"
    )
    ridge: float = Field(gt=0, description="regularisation of the linear_operator baseline, relative")
    noise_snr_db: Annotated[list[Decibels], AfterValidator(each_once)] = Field(
        description="signal-to-noise ratios of source H at which every predictor is evaluated again, dB"
    )
    equivalent_dipoles: DipoleGridParams = Field(
        description="the settings of the baseline equivalent_dipoles that are tried on val_fixed; the one with the "
        "lowest median of the mean of E's and H's relative L2 error is used everywhere"
    )
    sparse_sources: SearchParams
    reference: Annotated[dict[str, str], AfterValidator(_are_names)] = Field(
        description="sets of solved cases that no training has seen, evaluated case by case: a name each, and an npz "
        "file of cases or a folder of cases in any format that can be imported"
    )


@register_section("milestone")
class MilestoneParams(Section):
    """Which models of the promoted training, and no others, may be evaluated on test_final."""

    stages: Annotated[list[int], AfterValidator(each_once)] = Field(
        description="the stages whose best model may be evaluated on test_final, while the parameters are those of "
        "promoted.yaml, which `python -m emfm.tasks.promote` writes"
    )
