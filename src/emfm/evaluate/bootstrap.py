"""How far a metric may be off by the choice of samples: bootstrap intervals that draw whole scene families.

The percentile interval of Efron and Tibshirani, An Introduction to the Bootstrap, section 13.3. Samples of one family
are alike, so families are drawn with replacement, each with all its samples (Davison and Hinkley, Bootstrap Methods and
their Application, section 3.8): the same sample twice makes no interval narrower.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from emfm.results.schema import INTERVAL_PERCENT, RESAMPLES

Counts = NDArray[np.int64]
"""``(b, n)``: how often each of n samples is in each of b resampled sets."""

_SEED: Final = 0
_AT_ONCE: Final = 64
"""Resampled sets, so that memory does not grow with their number."""


def intervals(
    metrics: Callable[[Counts], Mapping[str, NDArray[np.float64]]], families: NDArray[np.int64]
) -> dict[str, tuple[float, float]]:
    """The interval of each of ``metrics``, which gives their values ``(b,)`` on resampled sets.

    ``families`` ``(n,)`` says which family each sample is of. Empty with fewer than 2 families: nothing varies then.
    """
    if len(np.unique(families)) < 2:
        return {}
    parts = [metrics(counts) for counts in resampled(families)]
    tails = (50 - INTERVAL_PERCENT / 2, 50 + INTERVAL_PERCENT / 2)
    found = {}
    for name in parts[0]:
        low, high = np.percentile(np.concatenate([part[name] for part in parts]), tails)
        found[name] = (float(low), float(high))
    return found


def resampled(families: NDArray[np.int64]) -> Iterator[Counts]:
    """`RESAMPLES` sets of as many families as there are, drawn with replacement, the same ones each time."""
    rng = np.random.default_rng(_SEED)
    _, family = np.unique(families, return_inverse=True)
    count = int(family.max()) + 1
    for start in range(0, RESAMPLES, _AT_ONCE):
        drawn = rng.integers(count, size=(min(_AT_ONCE, RESAMPLES - start), count))
        yield np.stack([np.bincount(row, minlength=count) for row in drawn])[:, family]


def mean_of(values: NDArray[np.float64], counts: Counts) -> NDArray[np.float64]:
    """Mean of ``values`` ``(n, ...)`` over the samples of each resampled set, ``(b, ...)``."""
    totals: NDArray[np.float64] = np.tensordot(counts.astype(np.float64), values, axes=1)
    means: NDArray[np.float64] = totals / counts.sum(1).reshape(-1, *[1] * (values.ndim - 1))
    return means


def percentile_of(values: NDArray[np.float64], counts: Counts, percent: float) -> NDArray[np.float64]:
    """Percentile of ``values`` ``(n,)`` over the samples of each resampled set, ``(b,)``; as `numpy.percentile`."""
    order = np.argsort(values, kind="stable")
    ordered, up_to = values[order], np.cumsum(counts[:, order], axis=1)
    place = percent / 100 * (up_to[:, -1] - 1)
    below = np.floor(place)
    above = np.minimum(below + 1, up_to[:, -1] - 1)
    low, high = (ordered[(up_to <= wanted[:, None]).sum(1)] for wanted in (below, above))
    between: NDArray[np.float64] = low + (place - below) * (high - low)
    return between
