"""Sections ``eval`` and ``milestone``: what is measured and drawn, and which models may see test_final."""

from typing import Annotated, Any

from pydantic import AfterValidator, Field

from ttt.config import Section


def _each_once(values: list[float]) -> list[float]:
    if len(set(values)) < len(values):
        raise ValueError("each value must stand once")
    return values


Decibels = Annotated[float, Field(ge=-60, le=200)]


class EvalParams(Section):
    """What is measured and drawn."""

    batch_size: int = Field(ge=1, description="samples in one batch of an evaluation")
    num_pictures: int = Field(ge=1, description="fixed samples of val_fixed that are drawn every time")
    ridge: float = Field(gt=0, description="regularisation of the linear_operator baseline, relative")
    noise_snr_db: Annotated[list[Decibels], AfterValidator(_each_once)] = Field(
        description="signal-to-noise ratios of source H at which every predictor is judged again, dB"
    )


class MilestoneParams(Section):
    """The promoted training: its models may be judged on test_final, and no others."""

    stages: list[int] = Field(description="the stages whose best model may be judged on test_final")
    training: dict[str, Any] = Field(
        description="the training parameters that were promoted; test_final stays closed while the present ones differ"
    )
