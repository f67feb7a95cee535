"""Mean and standard deviation of each channel, streamed in float64."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from emfm.core.channels import E_CHANNELS, H_CHANNELS, SOURCE_CHANNELS, TARGET_CHANNELS, Channels
from emfm.core.errors import DataError
from emfm.core.norm_stats import NormStats, source_scale

_SAMPLES_AT_ONCE = 4  # what stays in the processor's cache


@dataclass
class _Moments:
    """Mean and sum of squared deviations of each channel (T. F. Chan, G. H. Golub, R. J. LeVeque, 1979)."""

    count: int
    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]

    @classmethod
    def of(cls, values: Channels, scale: NDArray[np.float64]) -> "_Moments":
        """The moments of samples ``(n, c, ny, nx)`` divided by their scales ``(n,)``, by channel."""
        means, deviations = _of_each(values)
        means /= scale[:, None]
        deviations /= np.square(scale)[:, None]
        samples, points = len(values), values[0, 0].size
        mean = means.mean(0)
        deviation = deviations.sum(0) + points * np.square(means - mean).sum(0)
        return cls(samples * points, mean, deviation)

    def add(self, other: "_Moments") -> None:
        """Merge in the moments of further samples."""
        total = self.count + other.count
        shift = other.mean - self.mean
        self.deviation = self.deviation + other.deviation + shift**2 * (self.count * other.count / total)
        self.mean = self.mean + shift * (other.count / total)
        self.count = total

    def std(self) -> NDArray[np.float64]:
        """The standard deviation of each channel."""
        return np.sqrt(self.deviation / self.count)


def _of_each(values: Channels) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and sum of squared deviations of each sample's channels, ``(n, c)``."""
    fields = torch.from_numpy(values).flatten(2)
    means, deviations = torch.empty((2, *fields.shape[:2]), dtype=torch.float64)
    for start in range(0, len(fields), _SAMPLES_AT_ONCE):
        some = slice(start, start + _SAMPLES_AT_ONCE)
        exact = fields[some].to(torch.float64, copy=True)
        means[some] = exact.mean(2)
        exact -= means[some, :, None]
        deviations[some] = exact.square_().sum(2)
    return means.numpy(), deviations.numpy()


def compute_norm_stats(batches: Iterable[tuple[Channels, Channels]], scale_by_source: bool, eps: float) -> NormStats:
    """Mean and standard deviation over all samples and points of batches of (source H, target).

    A channel's std is at least ``eps`` times the largest std of its quantity (source H, target E, target H),
    so that a channel that is zero by symmetry is not blown up.

    Raises DataError for no samples, for a sample whose source H is zero where ``scale_by_source``, and for a
    quantity that does not vary at all.
    """
    moments: list[_Moments] = []
    samples = 0
    for source_h, target in batches:
        scale = source_scale(source_h, first=samples) if scale_by_source else np.ones(len(source_h))
        found = [_Moments.of(source_h, scale), _Moments.of(target, scale)]
        for total, part in zip(moments, found, strict=False):
            total.add(part)
        moments = moments or found
        samples += len(source_h)
    if not moments:
        raise DataError("there are no training samples to compute channel statistics from")
    source_moments, target_moments = moments
    return NormStats(
        samples=samples,
        scale_by_source=scale_by_source,
        norm_eps=eps,
        source_channels=list(SOURCE_CHANNELS),
        source_mean=source_moments.mean.tolist(),
        source_std=_floored(source_moments.std(), eps, "source H").tolist(),
        target_channels=list(TARGET_CHANNELS),
        target_mean=target_moments.mean.tolist(),
        target_std=[
            *_floored(target_moments.std()[E_CHANNELS], eps, "target E").tolist(),
            *_floored(target_moments.std()[H_CHANNELS], eps, "target H").tolist(),
        ],
    )


def _floored(std: NDArray[np.float64], eps: float, quantity: str) -> NDArray[np.float64]:
    largest = float(std.max())
    if largest == 0:
        raise DataError(f"{quantity} does not vary over the training samples, so it cannot be normalised")
    return np.maximum(std, eps * largest)
