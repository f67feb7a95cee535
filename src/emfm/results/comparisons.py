"""How two predictors compare on the same samples: as the results hold it and the reports say it."""

from typing import Final

from pydantic import Field

from ttt.config import Section

COMPARED: Final = (
    "errors of one predictor by those of another on the same samples, with the 95 % interval of a bootstrap that draws "
    "the same scene families for both; below 1 the first is better"
)

_NO_CHANGE: Final = 0.0005
"""A change that tables do not show, as they show ratios to a thousandth."""


class Ratio(Section):
    """An error in multiples of another, with its 95 % interval; the ends are null for a set of one family."""

    value: float = Field(ge=0)
    low: float | None = Field(ge=0)
    high: float | None = Field(ge=0)

    @property
    def differs(self) -> bool:
        """Whether the interval leaves out 1, so that the samples show a difference."""
        return self.low is not None and self.high is not None and not self.low <= 1 <= self.high


class PairedErrors(Section):
    """The relative L2 errors of E or of H of one predictor in multiples of those of another."""

    of_samples: Ratio = Field(
        description="error / error of the other on each sample, median over samples: what a typical sample gains. The "
        "samples' own difficulty drops out, so that it shows smaller differences than the ratio of the medians does"
    )
    of_medians: Ratio = Field(description="median error / median error of the other")


class Comparison(Section):
    """One predictor beside another on the same samples."""

    predictor: str = Field(description="name of the predictor")
    against: str = Field(description="name of the other")
    rel_l2_e: PairedErrors
    rel_l2_h: PairedErrors


def in_words(comparison: Comparison, samples: int) -> str:
    """``E 7 % smaller, H 7 % smaller on a typical sample``, or that so many samples show no difference."""
    of_e, of_h = comparison.rel_l2_e.of_samples, comparison.rel_l2_h.of_samples
    nothing = f"no difference that {samples:,} {'sample' if samples == 1 else 'samples'} can show"
    if not of_e.differs and not of_h.differs:
        return nothing
    parts = [f"{name} {_change(ratio)}" for name, ratio in (("E", of_e), ("H", of_h)) if ratio.differs]
    said = f"{', '.join(parts)} on a typical sample"
    silent = [name for name, ratio in (("E", of_e), ("H", of_h)) if not ratio.differs]
    return f"{said}; {silent[0]} {nothing}" if silent else said


def _change(ratio: Ratio) -> str:
    if abs(1 - ratio.value) < _NO_CHANGE:
        return "the same to a thousandth"
    if ratio.value >= 2:
        return f"{ratio.value:.1f} times as large"
    return f"{100 * abs(1 - ratio.value):.2g} % {'smaller' if ratio.value < 1 else 'larger'}"
