"""The channel layout of a sample, and the way between it and complex vector fields.

Physics works with complex arrays whose first axis is the component; files, batches and figures use real
channels, real before imaginary part: ``Hx_re Hx_im Hy_re Hy_im ...``.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Channels = NDArray[np.floating[Any]]
"""Real channels ``(..., 2c, y, x)``, A/m and V/m: 4 of a scan, 12 of a target."""

Components = NDArray[np.complexfloating[Any, Any]]
"""Complex components ``(..., c, y, x)``, or rows of them, A/m and V/m."""

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]
"""In double precision, of any shape."""

SOURCE_COMPONENTS: Final = ("Hx", "Hy")
"""Components of source H: the tangential magnetic field, A/m."""

E_COMPONENTS: Final = ("Ex", "Ey", "Ez")
"""Components of target E, V/m."""

H_COMPONENTS: Final = ("Hx", "Hy", "Hz")
"""Components of target H, A/m."""

TARGET_COMPONENTS: Final = E_COMPONENTS + H_COMPONENTS


def channel_names(components: tuple[str, ...]) -> tuple[str, ...]:
    """``("Hx", "Hy")`` -> ``("Hx_re", "Hx_im", "Hy_re", "Hy_im")``."""
    return tuple(f"{component}_{part}" for component in components for part in ("re", "im"))


SOURCE_CHANNELS: Final = channel_names(SOURCE_COMPONENTS)
TARGET_CHANNELS: Final = channel_names(TARGET_COMPONENTS)
E_CHANNELS: Final = slice(0, 2 * len(E_COMPONENTS))
"""The electric channels of a target."""

H_CHANNELS: Final = slice(2 * len(E_COMPONENTS), 2 * len(TARGET_COMPONENTS))
"""The magnetic channels of a target."""

UNITS: Final = {"E": "V/m", "H": "A/m"}
"""Unit of a channel by the first letter of its name."""


def to_channels(components: Components) -> Channels:
    """Complex components ``(..., c, y, x)`` -> real channels ``(..., 2c, y, x)`` of the same precision."""
    *front, count, ny, nx = components.shape
    pairs = np.stack([components.real, components.imag], axis=-3)
    return pairs.reshape(*front, 2 * count, ny, nx)


def to_components(channels: Channels) -> Components:
    """Real channels ``(..., 2c, y, x)`` -> complex components ``(..., c, y, x)``, the inverse of `to_channels`."""
    return channels[..., 0::2, :, :] + 1j * channels[..., 1::2, :, :]
