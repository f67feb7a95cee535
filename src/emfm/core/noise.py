"""Noise as a receiver adds it to a scan: the same for a sample at every run, whatever its batch."""

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

NOISE = (
    "complex white Gaussian noise on every point and component of source H, its mean power so many dB below the mean "
    "of |Hx|^2 and |Hy|^2 over the sample's scan points, seeded by the sample's ID"
)
"""What `with_noise` adds."""


def with_noise(source_h: NDArray[np.float32], ids: Sequence[str], snr_db: float) -> NDArray[np.float32]:
    """Scans ``(n, 4, ny, nx)``, A/m, with noise at ``snr_db`` below each sample's own mean power.

    A sample's noise is drawn from its ID alone; at another ratio it is the same noise, only stronger or weaker.
    """
    noisy = [_noisy(scan, sample, snr_db) for scan, sample in zip(source_h, ids, strict=True)]
    return np.stack(noisy).astype(np.float32)


def _noisy(scan: NDArray[np.float32], sample: str, snr_db: float) -> NDArray[np.float64]:
    """One scan ``(4, ny, nx)`` with noise, float64; each real channel takes half of a component's noise power."""
    seed = int.from_bytes(hashlib.sha256(sample.encode()).digest())
    clean = scan.astype(np.float64)
    channel_power = np.square(clean).mean() * 10 ** (-snr_db / 10)
    noise = np.random.default_rng(seed).standard_normal(clean.shape)
    return np.asarray(clean + np.sqrt(channel_power) * noise)
