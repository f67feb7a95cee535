"""Section ``split``: the three disjoint sets."""

from pydantic import Field

from ttt.config import Section
from ttt.parts import register_section


@register_section("split")
class SplitParams(Section):
    """Sizes of the three disjoint sets; whole scene families each."""

    seed: int = Field(ge=0, description="seed of the draw")
    train_pool: int | None = Field(ge=1, description="samples to train on; null: all that the others leave")
    val_fixed: int = Field(ge=1, description="samples to compare models on")
    test_final: int = Field(ge=1, description="samples that only milestone models are evaluated on")
    draw_from_first: int | None = Field(
        ge=1,
        description="draw val_fixed and test_final from the first so many samples, so that samples added later "
        "do not move them; null: the sum of the three sizes",
    )
