"""How well the errors that a model expects of itself agree with those it makes."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from emfm.core.field_errors import SampleErrors

_FEWEST: Final = 3


@dataclass(frozen=True)
class Expectation:
    """What a model says of its predictions of a set."""

    rel_l2_e: NDArray[np.float64]
    """Expected relative L2 error of E, ``(n,)``."""
    rel_l2_h: NDArray[np.float64]
    """The same of H."""
    bound_e: NDArray[np.float64]
    """What 90 % of the relative L2 errors of E are at most, ``(n,)``."""
    bound_h: NDArray[np.float64]
    """The same of H."""
    distance: NDArray[np.float64]
    """From the training samples, ``(n,)``; above 1 a scan is unlike them, and the numbers before are NaN."""

    def warned(self) -> NDArray[np.bool_]:
        """Which scans the model calls unlike its training samples."""
        unlike: NDArray[np.bool_] = self.distance > 1
        return unlike

    def is_known(self) -> bool:
        """Whether the model says anything at all: a calibrated one expects an error or warns."""
        return bool((np.isfinite(self.rel_l2_e) | self.warned()).all())


def agreement(expected: Expectation, errors: SampleErrors) -> dict[str, float | None] | None:
    """The figures of `emfm.results.schema.TrustMetrics`; None where the model says nothing."""
    if not expected.is_known():
        return None
    like = ~expected.warned()
    figures: dict[str, float | None] = {}
    for part, guess, bound, true in (
        ("e", expected.rel_l2_e, expected.bound_e, errors.rel_l2_e),
        ("h", expected.rel_l2_h, expected.bound_h, errors.rel_l2_h),
    ):
        figures |= {f"{name}_{part}": value for name, value in _of_part(guess[like], bound[like], true[like]).items()}
    return figures | {"unlike_training": float(np.mean(expected.warned()))}


def _of_part(
    guess: NDArray[np.float64], bound: NDArray[np.float64], true: NDArray[np.float64]
) -> dict[str, float | None]:
    """Of the samples that the model does not warn of, ``(n,)`` each."""
    if len(true) < _FEWEST:
        return {"rank_correlation": None, "true_over_expected": None, "coverage": None}
    return {
        "rank_correlation": rank_correlation(guess, true),
        "true_over_expected": float(np.median(true / guess)),
        "coverage": float(np.mean(true <= bound)) if np.isfinite(bound).all() else None,
    }


def rank_correlation(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Spearman's rank correlation; ties get their mean rank, and a constant correlates with nothing: 0."""
    ranks = pd.DataFrame({"first": first, "second": second}).rank()
    if (ranks.nunique() == 1).any():
        return 0.0
    return float(ranks["first"].corr(ranks["second"]))
