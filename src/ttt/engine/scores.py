"""The score of an epoch: the monitored figure, of the weights or of their average, and what follows from it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

AVERAGED: Final = "ema_"
"""What the names of the average's figures begin with."""


@dataclass(frozen=True)
class Verdict:
    """What an epoch's score says of its checkpoint."""

    is_best: bool
    is_among_best: bool
    """Whether it is one of those that ``ckpt.top_k`` keeps."""
    is_average: bool
    """Whether it is to be saved with the weights' average, which has the score."""


NOT_JUDGED: Final = Verdict(is_best=False, is_among_best=False, is_average=False)
"""Of a checkpoint in mid-epoch."""


def better_of_both(figures: Mapping[str, float], monitor: str, mode: str) -> tuple[float, bool]:
    """The figure ``monitor`` of the weights or of their average, and whether it is that of the average.

    Where there is no average, or it is no better, it is that of the weights.
    """
    score, averaged = figures[monitor], figures.get(f"{AVERAGED}{monitor}", math.nan)
    is_average = is_better(averaged, score if math.isfinite(score) else None, mode)
    return (averaged, True) if is_average else (score, False)


def is_better(score: float, best: float | None, mode: str, least_gain: float = 0.0) -> bool:
    """Whether a score is better than ``best``, by more than ``least_gain`` times that where it is given."""
    if not math.isfinite(score):
        return False
    if best is None:
        return True
    gain = best - score if mode == "min" else score - best
    return gain > least_gain * abs(best)
