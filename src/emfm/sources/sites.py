"""The field strength that an antenna finds some metres away from current elements, in free space or above a floor.

Levels are in dB(uV/m) of the effective value (rms), as test receivers show them: the peak phasors of the elements are
divided by the root of 2. A single frequency that is always there is shown alike by peak, quasi-peak and average
detectors; what is switched on and off is shown lower by the last two.
"""

from dataclasses import dataclass
from math import sqrt
from typing import Final

import numpy as np

from emfm.core.channels import Complex, Real
from emfm.sources.found import CurrentElements

POLARISATIONS: Final = ("horizontal", "vertical")
_MICRO: Final = 1e-6
_AZIMUTH_STEP_DEG: Final = 10.0
_STEP_ABOVE_FLOOR: Final = 0.1
"""Of the antenna's height, m: at 1 GHz the reflection makes a fringe every 0.5 m."""
_STEP_IN_FREE_SPACE: Final = 0.5
"""The same where there are no fringes: a board of some wavelengths has lobes that are wider."""
_UP: Final = (0.0, 0.0, 1.0)


@dataclass(frozen=True)
class Strongest:
    """The highest level that the antenna finds, and where it does."""

    dbuv_per_m: float
    azimuth_deg: float
    """From the x axis of `Site.room_axes` towards its y axis."""
    height: float
    """Of the antenna above the floor, m."""
    polarisation: str
    """One of `POLARISATIONS`."""


@dataclass(frozen=True)
class Site:
    """A turntable with a board on it and an antenna at a distance, after CISPR 16-2-3 and ANSI C63.4.

    The origin of the scan's coordinates is on the axis of the turntable, ``table_height`` above the floor, and the
    scan's direction ``up`` points upwards. The antenna looks at one component of E at one point: its own size and
    pattern are left out.
    """

    distance: float
    """Of the antenna from the axis of the turntable, along the floor, m."""
    floor: bool
    """Whether the floor is a perfectly conducting plane, as on an open area test site; else all is in free space."""
    up: tuple[float, float, float] = _UP
    table_height: float = 0.8
    """m."""
    antenna_heights: tuple[float, float] = (1.0, 4.0)
    """The lowest and the highest, m."""

    def __post_init__(self) -> None:
        low, high = self.antenna_heights
        if not (self.distance > 0 and self.table_height > 0 and 0 < low <= high):
            raise ValueError(
                "a site needs a distance and a table height above 0 m and antenna heights from low to high, found "
                f"{self.distance}, {self.table_height} and {self.antenna_heights}"
            )
        if not np.linalg.norm(self.up):
            raise ValueError("up must be a direction in the scan's coordinates, found (0, 0, 0)")

    @property
    def azimuths_deg(self) -> Real:
        """Of the antenna around the turntable, ``(a,)``."""
        return np.arange(0.0, 360.0, _AZIMUTH_STEP_DEG)

    @property
    def heights(self) -> Real:
        """Of the antenna above the floor, ``(h,)``, m."""
        low, high = self.antenna_heights
        step = _STEP_ABOVE_FLOOR if self.floor else _STEP_IN_FREE_SPACE
        return np.linspace(low, high, max(1, round((high - low) / step) + 1))

    def room_axes(self) -> Real:
        """Unit vectors x, y and z of the room in the scan's coordinates, ``(3, 3)``; z is up.

        The room's x is the scan's x where that is level; else it is the scan's x or y, made level.
        """
        z = np.asarray(self.up, np.float64) / np.linalg.norm(self.up)
        given = np.eye(3)[0 if abs(z[0]) < 1 / sqrt(2) else 1]
        x = given - (given @ z) * z
        x /= np.linalg.norm(x)
        return np.stack([x, np.cross(z, x), z])

    def in_room(self, elements: CurrentElements) -> CurrentElements:
        """``elements`` in the room's coordinates, whose z = 0 is the floor; with their images where there is one."""
        axes = self.room_axes()
        positions = elements.positions @ axes.T + np.array([0.0, 0.0, self.table_height])
        standing = CurrentElements(
            positions, elements.electric @ axes.T, elements.magnetic @ axes.T, elements.frequency
        )
        return standing.and_also(images(standing)) if self.floor else standing

    def signals(self, elements: CurrentElements) -> Complex:
        """Components of E at the antenna, ``(2, h, a)`` by `POLARISATIONS`, V/m, peak phasors."""
        azimuths = np.radians(self.azimuths_deg)
        heights, around = np.meshgrid(self.heights, azimuths, indexing="ij")
        x, y = self.distance * np.cos(around), self.distance * np.sin(around)
        points = np.stack([x.ravel(), y.ravel(), heights.ravel()], axis=1)
        e_field = self.in_room(elements).fields(points)[0].T.reshape(3, *heights.shape)
        horizontal = np.cos(azimuths) * e_field[1] - np.sin(azimuths) * e_field[0]
        return np.stack([horizontal, e_field[2]])

    def strongest(self, elements: CurrentElements) -> Strongest:
        """The highest level over both polarisations, all heights and all azimuths."""
        return self.strongest_of(self.signals(elements))

    def strongest_of(self, signals: Complex) -> Strongest:
        """The highest level of `signals`."""
        levels = dbuv_per_m(np.abs(signals))
        polarisation, height, azimuth = np.unravel_index(int(np.argmax(levels)), levels.shape)
        return Strongest(
            float(levels[polarisation, height, azimuth]),
            float(self.azimuths_deg[azimuth]),
            float(self.heights[height]),
            POLARISATIONS[polarisation],
        )


def dbuv_per_m(peak: Real) -> Real:
    """Peak values of E in V/m as dB(uV/m) rms; -inf for 0. The same formula makes dB(uA/m) rms of H in A/m."""
    with np.errstate(divide="ignore"):
        levels: Real = 20 * np.log10(np.asarray(peak) / sqrt(2) / _MICRO)
    return levels


def images(elements: CurrentElements) -> CurrentElements:
    """The images of elements above a perfectly conducting plane z = 0 (Balanis, section 7.4).

    Level electric and upright magnetic moments are turned round, upright electric and level magnetic ones stay.
    """
    mirror = np.array([1.0, 1.0, -1.0])
    return CurrentElements(
        elements.positions * mirror, -elements.electric * mirror, elements.magnetic * mirror, elements.frequency
    )
