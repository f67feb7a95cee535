"""Sections ``eval`` and ``milestone``: what is measured and drawn, and which models may see test_final."""

from typing import Annotated, TypeVar

from pydantic import AfterValidator, Field

from ttt.config import Section
from ttt.parts import register_section

N = TypeVar("N", int, float)


def _each_once(values: list[N]) -> list[N]:
    if len(set(values)) < len(values):
        raise ValueError("each value must stand once")
    return values


Decibels = Annotated[float, Field(ge=-60, le=200)]


@register_section("eval")
class EvalParams(Section):
    """What is measured and drawn."""

    batch_size: int = Field(ge=1, description="samples in one batch of an evaluation")
    num_pictures: int = Field(ge=1, description="fixed samples of val_fixed that are drawn every time")
    ridge: float = Field(gt=0, description="regularisation of the linear_operator baseline, relative")
    noise_snr_db: Annotated[list[Decibels], AfterValidator(_each_once)] = Field(
        description="signal-to-noise ratios of source H at which every predictor is evaluated again, dB"
    )


@register_section("milestone")
class MilestoneParams(Section):
    """Which models of the promoted training, and no others, may be evaluated on test_final."""

    stages: Annotated[list[int], AfterValidator(_each_once)] = Field(
        description="the stages whose best model may be evaluated on test_final, while the parameters are those of "
        "promoted.yaml, which `python -m emfm.tasks.promote` writes"
    )
