"""Channel statistics for normalisation: mean and standard deviation, streamed in float64."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pydantic
import torch
from numpy.typing import NDArray

from emfm.data.sample import DataError
from emfm.physics.channels import E_CHANNELS, H_CHANNELS, SOURCE_CHANNELS, TARGET_CHANNELS
from ttt.config import Section, parse_section

Floats = NDArray[np.floating[Any]]
_SAMPLES_AT_ONCE = 4  # what stays in the processor's cache
_REMEDY = "make it anew with `dvc repro compute_norm_stats`"


class NormStats(Section):
    """Mean and standard deviation of every channel, of samples divided by their own scale where that is on."""

    samples: int = pydantic.Field(ge=1, description="samples that were measured")
    scale_by_source: bool = pydantic.Field(description="whether samples were divided by `source_scale` first")
    norm_eps: float = pydantic.Field(gt=0, description="floor of a std, relative to the largest of its quantity")
    source_channels: list[str]
    source_mean: list[float]
    source_std: list[float]
    target_channels: list[str]
    target_mean: list[float]
    target_std: list[float]

    @pydantic.model_validator(mode="after")
    def _layout(self) -> "NormStats":
        for channels, mean, std, known in (
            (self.source_channels, self.source_mean, self.source_std, SOURCE_CHANNELS),
            (self.target_channels, self.target_mean, self.target_std, TARGET_CHANNELS),
        ):
            if tuple(channels) != known or len(mean) != len(known) or len(std) != len(known):
                raise ValueError(f"needs one mean and one std for each of {', '.join(known)}, in that order")
            if min(std) <= 0:
                raise ValueError("every std must be above 0")
        return self

    def to_json(self) -> str:
        """The statistics as indented JSON; `read_norm_stats` reads the same numbers back."""
        return json.dumps(self.model_dump(), indent=2) + "\n"


@dataclass
class _Moments:
    """Mean and sum of squared deviations of each channel (T. F. Chan, G. H. Golub, R. J. LeVeque, 1979)."""

    count: int
    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]

    @classmethod
    def of(cls, values: Floats, scale: NDArray[np.float64]) -> "_Moments":
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


def _of_each(values: Floats) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
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


def compute_norm_stats(batches: Iterable[tuple[Floats, Floats]], scale_by_source: bool, eps: float) -> NormStats:
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


def source_scale(source_h: Floats, first: int = 0) -> NDArray[np.float64]:
    """The size of each scan ``(n, 4, ny, nx)``: sqrt(mean over points of |Hx|^2 + |Hy|^2), ``(n,)``, A/m.

    Raises DataError for a scan that is zero everywhere, counted from ``first``.
    """
    scale: NDArray[np.float64] = np.sqrt(np.square(source_h.astype(np.float64)).sum(1).mean((1, 2)))
    if not scale.all():
        raise DataError(
            f"sample {first + int(np.argmin(scale != 0)) + 1} of the set: source H is zero everywhere, so the sample "
            "has no scale; remove it, or set data.scale_by_source: false"
        )
    return scale


def read_norm_stats(path: Path) -> NormStats:
    """The statistics in a file; raises DataError where it is missing or damaged."""
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path}: cannot be read ({error}); {_REMEDY}") from error
    problems: list[str] = []
    stats = parse_section(NormStats, raw, "", problems)
    if stats is None:
        raise DataError(f"{path}: {'; '.join(problem.removeprefix(': ') for problem in problems)}; {_REMEDY}")
    return stats


def _floored(std: NDArray[np.float64], eps: float, quantity: str) -> NDArray[np.float64]:
    largest = float(std.max())
    if largest == 0:
        raise DataError(f"{quantity} does not vary over the training samples, so it cannot be normalised")
    return np.maximum(std, eps * largest)
