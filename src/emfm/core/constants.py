"""Constants of free space, SI units."""

from math import sqrt
from typing import Final

SPEED_OF_LIGHT: Final = 299_792_458.0
"""Speed of light in vacuum, m/s (exact by definition of the metre)."""

MU_0: Final = 1.256_637_061_27e-6
"""Vacuum magnetic permeability, H/m (CODATA 2022)."""

EPSILON_0: Final = 1.0 / (MU_0 * SPEED_OF_LIGHT**2)
"""Vacuum electric permittivity, F/m."""

ETA_0: Final = sqrt(MU_0 / EPSILON_0)
"""Wave impedance of free space, ohm."""
