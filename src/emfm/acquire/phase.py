"""Whether a field on a plane has lost its phase, as magnitudes or real parts alone have."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from emfm.core.channels import Channels, Complex, to_components
from emfm.core.constants import SPEED_OF_LIGHT
from emfm.core.grid import Grid
from emfm.core.measured import MeasuredField

_REMEDY: Final = "measure or export real and imaginary parts"
_ON_A_LINE: Final = 5e-7
"""How far values of one phase may lie from a line through 0 in the complex plane, relative L2: rounding in a file."""
_RESOLVED: Final = 1.0
"""k times the longer side of a plane from which on a field's phase changes by more than `_ON_A_LINE`, and ..."""
_FEWEST_POINTS: Final = 5
"""... the points along each axis: few points about an element have one phase by symmetry."""
_NEGLIGIBLE: Final = 1e-3
"""Share of a component in the field, L2, below which it may be rounding alone."""


def missing_phase(channels: Channels, names: Sequence[str], grid: Grid, frequency: float) -> list[str | None]:
    """What says that a sample has no phase, and the remedy, to stand after "file: "; None where it has one.

    A sample has no phase where, in any component that is not negligible,

    - every imaginary part is exactly zero, or every real part: magnitudes, real parts alone, or columns left empty.
      Fields that a full-wave solver or a receiver gives have noise or losses there, be it in the last digit;
    - the phase is the same at all points, up to the sign and a relative 5e-7: one of these, turned. A radiating field
      has none such: with exp(+jwt) an electric element's nearby magnetic field goes as (1 + jkr) exp(-jkr) / r^2, whose
      phase is -(kr)^3 / 3 where kr is small (R. F. Harrington, Time-Harmonic Electromagnetic Fields, eqs. 2-114), a
      magnetic element's as (kr)^5. So this is decided only where k times the longer side is 1 or more, on 5 x 5 points
      or more. There the least deviation of a single element one pitch below the plane is 2e-5 (0.3 pitches: 5e-7).

    Args:
        channels: real channels ``(n, 2c, ny, nx)``, as `emfm.core.channels.to_channels` gives them, finite.
        names: of the c components.
        grid: the plane.
        frequency: Hz.
    """
    fields = np.asarray(to_components(np.asarray(channels, np.float64)), np.complex128)
    return _problems(fields.reshape(*fields.shape[:2], -1), names, _is_resolved(grid, frequency))


def measured_without_phase(measured: MeasuredField) -> str | None:
    """The same of a scan at any points."""
    fields = np.where(measured.known, measured.values, 0)[None]
    longest = float(np.ptp(measured.points, axis=0).max())
    resolved = len(measured.points) >= _FEWEST_POINTS**2 and measured.wavenumber * longest >= _RESOLVED
    return _problems(fields, measured.components, resolved)[0]


def _problems(fields: Complex, names: Sequence[str], resolved: bool) -> list[str | None]:
    """Of complex fields ``(n, c, points)``."""
    scale = np.abs(fields).max((1, 2), keepdims=True, initial=0.0)
    fields = np.divide(fields, scale, out=np.zeros_like(fields), where=scale > 0)
    size = (fields.real**2 + fields.imag**2).sum(2)
    lost = ~fields.imag.any(2) | ~fields.real.any(2)
    if resolved:
        lost |= _on_a_line(fields, size)
    lost &= size > _NEGLIGIBLE**2 * size.sum(1, keepdims=True)
    return [
        _described(sample[which], [names[place] for place in np.flatnonzero(which).tolist()])
        for sample, which in zip(fields, lost, strict=True)
    ]


def _is_resolved(grid: Grid, frequency: float) -> bool:
    """Whether a field's phase must change over the plane by more than rounding."""
    longest = max(np.ptp(grid.x), np.ptp(grid.y))
    electrical = 2 * np.pi * frequency / SPEED_OF_LIGHT * longest
    return min(grid.shape) >= _FEWEST_POINTS and bool(electrical >= _RESOLVED)


def _on_a_line(fields: NDArray[np.complex128], size: NDArray[np.float64]) -> NDArray[np.bool_]:
    """``(n, c)``: whether all values of a component ``(n, c, points)`` have one phase, up to the sign.

    The part of v off the line that fits it best has the square (sum |v|^2 - |sum v^2|) / 2.
    """
    off = size - np.abs((fields**2).sum(2))
    on: NDArray[np.bool_] = off <= 2 * _ON_A_LINE**2 * size
    return on


def _described(fields: NDArray[np.complex128], names: list[str]) -> str | None:
    """What is wrong with the components ``(c, points)`` that have no phase."""
    if not names:
        return None
    listed = ", ".join(names[:-1]) + " and " * (len(names) > 1) + names[-1]
    if not fields.imag.any() and (fields.real >= 0).all():
        found = f"magnitudes without phase: every imaginary part of {listed} is zero, and no real part is negative"
    elif not fields.imag.any():
        found = f"no phase: every imaginary part of {listed} is zero"
    elif not fields.real.any():
        found = f"no phase: every real part of {listed} is zero"
    else:
        found = f"no phase: that of {listed} is the same at every point, up to the sign"
    return f"{found}; {_REMEDY}"
