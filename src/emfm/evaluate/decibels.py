"""The error of a field's strength in dB, as an engineer reads it from a scan."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from emfm.results.schema import FLOOR_DB, RANGE_DB


def decibel_errors(prediction: NDArray[np.floating[Any]], truth: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """|20 log10(predicted strength / true strength)| of each sample: median and 95th percentile over its points.

    Args:
        prediction: the real channels of one vector field, ``(n, c, ny, nx)``.
        truth: the same; no sample is zero everywhere.

    Returns:
        ``(n, 2)``, dB.
    """
    predicted, true = _strength(prediction), _strength(truth)
    strongest = true.max(1, keepdims=True)
    counted = true >= strongest * 10 ** (-RANGE_DB / 20)
    predicted = np.maximum(predicted, strongest * 10 ** (-FLOOR_DB / 20))
    errors = np.abs(20 * np.log10(predicted / np.where(counted, true, strongest)))
    return np.array([np.percentile(sample[points], (50, 95)) for sample, points in zip(errors, counted, strict=True)])


def _strength(channels: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """The length of the complex vector at each point, ``(n, ny * nx)``."""
    length: NDArray[np.float64] = np.sqrt(np.square(channels.astype(np.float64)).sum(1))
    return length.reshape(len(channels), -1)
