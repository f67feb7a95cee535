"""Section ``dedupe``: what counts as a repeated sample."""

from typing import Literal

from pydantic import Field

from ttt.config import Section
from ttt.parts import register_section

Rule = Literal["id", "parameters", "content"]


@register_section("dedupe")
class DedupeParams(Section):
    """What counts as a repeated sample."""

    rules: list[Rule] = Field(
        min_length=1,
        description="which of the rules id, parameters, content apply; tried in that order; none drops a sample whose "
        "fields are not those of an earlier one",
    )
    content_rtol: float = Field(
        ge=0,
        le=0.01,
        description="fields are the same when, up to one complex factor, they differ by less than this, relative L2; "
        "targets also when they differ by no more than the store rounds them",
    )
