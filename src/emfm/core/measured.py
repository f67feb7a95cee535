"""A scan as it comes: some components of the field at some points, which need not lie on a grid or on one plane."""

from dataclasses import dataclass
from math import pi
from typing import Final

import numpy as np
from numpy.typing import NDArray

from emfm.core.channels import TARGET_COMPONENTS, Complex, Real
from emfm.core.constants import SPEED_OF_LIGHT
from emfm.core.errors import DataError

_CLOSE: Final = 1e-3
"""Of the longer side: points that are less apart along x and y stand above one another."""
_NARROW: Final = 1e-2
"""Of the longer side: points on a strip that is narrower lie on a line."""


@dataclass(frozen=True, eq=False)
class MeasuredField:
    """Peak phasors exp(+jwt) at points; raises DataError, a ValueError, for what can be no such thing."""

    points: Real
    """x, y, z, ``(P, 3)``, m."""
    components: tuple[str, ...]
    """Names such as ``Hx``, each once, in any order."""
    values: Complex
    """Complex ``(components, P)``, V/m of E and A/m of H; NaN where nothing was measured."""
    frequency: float
    """Hz."""

    def __post_init__(self) -> None:
        if self.points.ndim != 2 or self.points.shape[1] != 3 or not np.isfinite(self.points).all():
            raise DataError(f"points: give finite x, y, z in m, of the shape (P, 3), found {self.points.shape}")
        unknown = [name for name in self.components if name not in TARGET_COMPONENTS]
        if unknown or not self.components or len(set(self.components)) < len(self.components):
            raise DataError(
                f"components: found {', '.join(self.components) or 'none'}; give some of "
                f"{', '.join(TARGET_COMPONENTS)}, each once"
            )
        wanted = len(self.components), len(self.points)
        if self.values.shape != wanted or not np.iscomplexobj(self.values):
            raise DataError(
                f"values: found {self.values.dtype} of the shape {self.values.shape}; give complex numbers of the "
                f"shape {wanted}, a row a component and a column a point, NaN where nothing was measured"
            )
        if np.isinf(self.values).any():
            raise DataError("values: some are infinite; give NaN where nothing was measured")
        if not self.frequency > 0:
            raise DataError(f"frequency: must be above 0 Hz, found {self.frequency}")
        if not self.known.any() or not self.values[self.known].any():
            raise DataError("values: the field is zero or was not measured at any point; no sources can be found")

    @property
    def wavenumber(self) -> float:
        """k = 2 pi f / c, 1/m."""
        return 2 * pi * self.frequency / SPEED_OF_LIGHT

    @property
    def known(self) -> NDArray[np.bool_]:
        """Where a component was measured, ``(components, P)``."""
        known: NDArray[np.bool_] = ~np.isnan(self.values)
        return known

    @property
    def used(self) -> "MeasuredField":
        """Without the points at which, and the components of which, nothing was measured."""
        known = self.known
        components, points = np.flatnonzero(known.any(1)), np.flatnonzero(known.any(0))
        names = tuple(self.components[place] for place in components.tolist())
        return MeasuredField(self.points[points], names, self.values[np.ix_(components, points)], self.frequency)

    def thinned(self, most: int) -> "MeasuredField":
        """So many values at most, at points as evenly spread as those that there are; itself where it has no more."""
        if np.count_nonzero(self.known) <= most:
            return self
        places = self.points[:, :2] - self.points[:, :2].min(0)
        sides = np.ptp(places, axis=0)
        wanted = max(1, most // len(self.components))
        along = max(1, min(wanted, round(float(np.sqrt(wanted * sides[0] / max(sides[1], sides[0] / wanted))))))
        counts = np.array([along, max(1, wanted // along)])
        cells = sides / counts
        numbers = np.minimum((places / np.where(cells > 0, cells, 1)).astype(np.int64), counts - 1)
        off = np.square(places - (numbers + 0.5) * cells).sum(1)
        order = np.argsort(off, kind="stable")  # the first of each cell is the nearest to its middle
        kept = np.sort(order[np.unique((numbers @ [counts[1], 1])[order], return_index=True)[1]])
        return MeasuredField(self.points[kept], self.components, self.values[:, kept], self.frequency)

    @property
    def spacing(self) -> float:
        """Of a square grid with as many places along x and y in the rectangle around the points, m.

        Points above one another are one place. Raises DataError where they lie on a line.
        """
        places = self.points[:, :2]
        sides = np.ptp(places, axis=0)
        if not sides.min() > _NARROW * sides.max():
            raise DataError(
                f"points: they span {1e3 * sides[0]:.3g} mm along x and {1e3 * sides[1]:.3g} mm along y; sources are "
                "found below an area: measure along both"
            )
        count = len(np.unique(np.rint(places / (_CLOSE * sides.max())), axis=0))
        # (sides[0] / s + 1) (sides[1] / s + 1) = count, solved for 1 / s
        area, half_sum = sides[0] * sides[1], sides.sum() / 2
        return float(area / (np.sqrt(half_sum**2 + area * (count - 1)) - half_sum))
