"""The checkpoints of the best epochs that are kept besides best.pth, see ``ckpt.top_k``."""

import math
from collections.abc import Sequence

from ttt.engine.run_folder import RunFolder

Ranking = list[tuple[int, float]]
"""Epochs and their scores, the best first."""


def ranked(ranking: Sequence[tuple[int, float]], epoch: int, score: float, count: int, mode: str) -> Ranking:
    """The best ``count`` of the epochs so far and of ``epoch``; of equal ones the earlier is the better."""
    sign = 1 if mode == "min" else -1
    others = [(other, found) for other, found in ranking if other != epoch]
    candidates = [*others, *([(epoch, score)] if math.isfinite(score) else [])]
    return sorted(candidates, key=lambda candidate: (sign * candidate[1], candidate[0]))[:count]


def present(ranking: Sequence[tuple[int, float]], folder: RunFolder) -> Ranking:
    """The epochs whose checkpoints are there: those that an older best.pth names may be gone."""
    return [(epoch, score) for epoch, score in ranking if folder.of_epoch(epoch).exists()]


def remove_others(ranking: Sequence[tuple[int, float]], folder: RunFolder) -> None:
    """Remove the checkpoints of epochs that are not among the best."""
    wanted = {folder.of_epoch(epoch) for epoch, _ in ranking}
    for path in folder.epochs():
        if path not in wanted:
            path.unlink()
