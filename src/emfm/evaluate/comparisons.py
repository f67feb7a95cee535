"""Compare predictors sample by sample: what both find hard says nothing of which is better.

The bootstrap draws the same families for both (Efron and Tibshirani, An Introduction to the Bootstrap, section 8.3):
an interval of their ratio is narrower than what the intervals of each would let one expect.
"""

from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from emfm.core.field_errors import SampleErrors
from emfm.evaluate.bootstrap import Counts, intervals, percentile_of
from emfm.results.comparisons import Comparison, PairedErrors, Ratio

LEAST_ERROR: Final = 1e-9
"""Relative errors below count as this, so that a sample without any error has a ratio, too; the float32 of
predictions does not resolve 1e-7."""


def compare(
    errors: Mapping[str, SampleErrors], pairs: Iterable[tuple[str, str]], families: NDArray[np.int64]
) -> list[Comparison]:
    """Each of ``pairs``, a predictor and the other, once.

    ``families`` ``(n,)`` says which scene family each sample is of.
    """
    return [compare_two(name, errors[name], other, errors[other], families) for name, other in dict.fromkeys(pairs)]


def compare_two(
    name: str, errors: SampleErrors, against: str, others: SampleErrors, families: NDArray[np.int64]
) -> Comparison:
    """The errors of the predictor ``name`` in multiples of those of the other, ``against``."""
    return Comparison(
        predictor=name,
        against=against,
        rel_l2_e=_paired(errors.rel_l2_e, others.rel_l2_e, families),
        rel_l2_h=_paired(errors.rel_l2_h, others.rel_l2_h, families),
    )


def stage_pairs(stages: list[str], best: list[str], untrained: str | None) -> list[tuple[str, str]]:
    """Who is compared with whom: each stage with the one before, with the first, and with the best ``untrained`` one.

    And the best of the stages, the first of ``best``, with the second.
    """
    pairs = list(zip(stages[1:], stages, strict=False))
    pairs += [(stage, stages[0]) for stage in stages[1:]]
    pairs += [(stage, untrained) for stage in stages if untrained is not None]
    return pairs + [(best[0], second) for second in best[1:2]]


def _paired(errors: NDArray[np.float64], others: NDArray[np.float64], families: NDArray[np.int64]) -> PairedErrors:
    errors, others = np.maximum(errors, LEAST_ERROR), np.maximum(others, LEAST_ERROR)
    ratios = errors / others

    def metrics(counts: Counts) -> dict[str, NDArray[np.float64]]:
        return {
            "of_samples": percentile_of(ratios, counts, 50),
            "of_medians": percentile_of(errors, counts, 50) / percentile_of(others, counts, 50),
        }

    known = intervals(metrics, families)
    values = {"of_samples": np.median(ratios), "of_medians": np.median(errors) / np.median(others)}
    found = {}
    for name, value in values.items():
        low, high = known.get(name, (None, None))
        found[name] = Ratio(value=float(value), low=low, high=high)
    return PairedErrors(**found)
