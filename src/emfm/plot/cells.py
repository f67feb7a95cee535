"""The metrics of a predictor as cells of a table, the relative errors with their bootstrap intervals."""

from collections.abc import Iterable
from math import isfinite
from typing import Final

from emfm.plot.numbers import shown
from emfm.results.comparisons import Ratio
from emfm.results.schema import INTERVAL_PERCENT, Result

WITH_INTERVAL: Final = ("rel_l2_e", "rel_l2_e_p95", "rel_l2_h", "rel_l2_h_p95")
ABOUT_INTERVALS: Final = (
    f"In brackets: the {INTERVAL_PERCENT} % bootstrap interval, drawn by whole scene families; it is of the samples of "
    "the set, not of another training."
)


def metric_cells(result: Result, names: Iterable[str]) -> list[str]:
    """``0.1502 (0.121 to 0.183)`` for the metrics of `WITH_INTERVAL`, ``0.1502`` for others."""
    return [_cell(result, name) for name in names]


def ratio_cell(ratio: Ratio) -> str:
    """``0.930 (0.912 to 0.942)``; without brackets where there is no interval."""
    if ratio.low is None or ratio.high is None:
        return _times(ratio.value)
    return f"{_times(ratio.value)} ({_times(ratio.low)} to {_times(ratio.high)})"


def _times(factor: float) -> str:
    """To a thousandth, as factors are near 1; large ones to 4 digits."""
    return f"{factor:.3f}" if factor < 10 else f"{factor:.4g}"


def _cell(result: Result, name: str) -> str:
    value: float | None = getattr(result.metrics, name)
    interval = result.intervals.get(name) if name in WITH_INTERVAL else None
    if interval is None or value is None or not isfinite(value):
        return shown(value)
    return f"{shown(value)} ({interval.low:#.3g} to {interval.high:#.3g})"
