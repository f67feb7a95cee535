"""Channel statistics for normalisation, and the size of a scan by which a sample may be divided first."""

import json
from pathlib import Path

import numpy as np
import pydantic
from numpy.typing import NDArray

from emfm.core.channels import SOURCE_CHANNELS, TARGET_CHANNELS, Channels
from emfm.core.errors import DataError
from ttt.config import Section, parse_section

_REMEDY = "make it anew with `dvc repro compute_norm_stats`"


class NormStats(Section):
    """Mean and standard deviation of every channel, of samples divided by their own scale where that is on."""

    samples: int = pydantic.Field(ge=1, description="samples that were measured")
    scale_by_source: bool = pydantic.Field(description="whether samples were divided by `source_scale` first")
    norm_eps: float = pydantic.Field(gt=0, description="floor of a std, relative to the largest of its quantity")
    source_channels: list[str]
    source_mean: list[float]
    source_std: list[float]
    target_channels: list[str]
    target_mean: list[float]
    target_std: list[float]

    @pydantic.model_validator(mode="after")
    def _layout(self) -> "NormStats":
        for channels, mean, std, known in (
            (self.source_channels, self.source_mean, self.source_std, SOURCE_CHANNELS),
            (self.target_channels, self.target_mean, self.target_std, TARGET_CHANNELS),
        ):
            if tuple(channels) != known or len(mean) != len(known) or len(std) != len(known):
                raise ValueError(f"needs one mean and one std for each of {', '.join(known)}, in that order")
            if min(std) <= 0:
                raise ValueError("every std must be above 0")
        return self

    def to_json(self) -> str:
        """The statistics as indented JSON; `read_norm_stats` reads the same numbers back."""
        return json.dumps(self.model_dump(), indent=2) + "\n"


def source_scale(source_h: Channels, first: int = 0) -> NDArray[np.float64]:
    """The size of each scan ``(n, 4, ny, nx)``: sqrt(mean over points of |Hx|^2 + |Hy|^2), ``(n,)``, A/m.

    Raises DataError for a scan that is zero everywhere, counted from ``first``.
    """
    scale: NDArray[np.float64] = np.sqrt(np.square(source_h.astype(np.float64)).sum(1).mean((1, 2)))
    if not scale.all():
        raise DataError(
            f"sample {first + int(np.argmin(scale != 0)) + 1} of the set: source H is zero everywhere, so the sample "
            "has no scale; remove it, or set data.scale_by_source: false"
        )
    return scale


def read_norm_stats(path: Path) -> NormStats:
    """The statistics in a file; raises DataError where it is missing or damaged."""
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path}: cannot be read ({error}); {_REMEDY}") from error
    problems: list[str] = []
    stats = parse_section(NormStats, raw, "", problems)
    if stats is None:
        raise DataError(f"{path}: {'; '.join(problem.removeprefix(': ') for problem in problems)}; {_REMEDY}")
    return stats
