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
    distance: NDArray[np.float64]
    """From the training samples, ``(n,)``; above 1 a scan is unlike them."""

    def unlike_training(self) -> float | None:
        """The share of scans that are unlike the training samples; None where the model expects nothing."""
        return float(np.mean(self.distance > 1)) if self.is_known() else None

    def is_known(self) -> bool:
        """Whether the model expects anything at all."""
        return bool(np.isfinite(self.rel_l2_e).all())


def agreement(expected: Expectation, errors: SampleErrors) -> dict[str, float] | None:
    """Spearman's rank correlation, the median of true over expected error, and the share of unlike scans.

    None where the model expects nothing, or where there are fewer than 3 samples.
    """
    unlike = expected.unlike_training()
    if len(expected.distance) < _FEWEST or unlike is None:
        return None
    figures = {}
    for part, guess, true in (
        ("e", expected.rel_l2_e, errors.rel_l2_e),
        ("h", expected.rel_l2_h, errors.rel_l2_h),
    ):
        figures[f"rank_correlation_{part}"] = rank_correlation(guess, true)
        figures[f"true_over_expected_{part}"] = float(np.median(true / guess))
    return figures | {"unlike_training": unlike}


def rank_correlation(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Spearman's rank correlation; ties get their mean rank, and a constant correlates with nothing: 0."""
    ranks = pd.DataFrame({"first": first, "second": second}).rank()
    if (ranks.nunique() == 1).any():
        return 0.0
    return float(ranks["first"].corr(ranks["second"]))
