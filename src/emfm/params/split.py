"""Sections ``split`` and ``stages``: the three disjoint sets, and the ladder of nested training sets."""

from itertools import pairwise
from typing import Literal

import pydantic
from pydantic import Field

from ttt.config import Section


class SplitParams(Section):
    """Sizes of the three disjoint sets; whole scene families each."""

    seed: int = Field(ge=0, description="seed of the draw")
    train_pool: int | None = Field(ge=1, description="samples to train on; null: all that the others leave")
    val_fixed: int = Field(ge=1, description="samples to compare models on")
    test_final: int = Field(ge=1, description="samples that only milestone models are judged on")
    draw_from_first: int | None = Field(
        ge=1,
        description="draw val_fixed and test_final from the first so many samples, so that samples added later "
        "do not move them; null: the sum of the three sizes",
    )


class StagesParams(Section):
    """The ladder of training stages: stage k trains on the first sizes[k-1] samples of train_pool."""

    sizes: list[int] = Field(min_length=1, description="training samples of stage 1, 2, ..., growing")
    init: Literal["previous", "scratch"] = Field(
        description="a stage starts from the best model of the stage before, or from fresh weights"
    )

    @pydantic.field_validator("sizes")
    @classmethod
    def _sizes_grow(cls, sizes: list[int]) -> list[int]:
        if min(sizes) < 1 or any(b < a for a, b in pairwise(sizes)):
            raise ValueError("numbers of samples from 1 on that never fall")
        return sizes
