"""Fields in a form that a page can hold and read back without loss: integers of 16 bits with a scale, as text."""

from base64 import b64encode
from dataclasses import dataclass
from typing import Final

import numpy as np

from emfm.core.channels import TARGET_CHANNELS, Channels

LARGEST: Final = 2**15 - 1
NOT_A_NUMBER: Final = -(2**15)


@dataclass(frozen=True)
class StoredField:
    """One field: each component has the scale that its largest real or imaginary part needs."""

    steps: list[float]
    """For each component the value of the integer 1, V/m or A/m: stored values are off by half of it at most."""
    integers: str
    """``(12, ny, nx)`` integers of 16 bits, little-endian, in base64; -32768 stands for a value that is not finite."""


def stored(field: Channels) -> StoredField:
    """``field``, ``(12, ny, nx)`` real channels, V/m and A/m, to within 1 / 65,534 of each component's largest value.

    Not compressed: which bytes a compressor makes depends on its version, and the page must be the same everywhere.
    """
    if field.ndim != 3 or len(field) != len(TARGET_CHANNELS):
        raise ValueError(f"a field must have the shape ({len(TARGET_CHANNELS)}, ny, nx), found {field.shape}")
    pairs = field.astype(np.float64).reshape(len(TARGET_CHANNELS) // 2, 2, *field.shape[1:])
    finite = np.isfinite(pairs)
    pairs = np.where(finite, pairs, 0.0)
    steps = np.abs(pairs).max(axis=(1, 2, 3)) / LARGEST
    divisors = np.where(steps > 0, steps, 1.0).reshape(-1, 1, 1, 1)
    integers = np.where(finite, np.rint(pairs / divisors), NOT_A_NUMBER).astype("<i2")
    return StoredField(steps.tolist(), b64encode(integers.tobytes()).decode("ascii"))
