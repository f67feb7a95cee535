"""The ground plane of a board, as a user knows it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from emfm.core.channels import Real
from emfm.core.errors import DataError
from emfm.core.grid import in_mm

_MM: Final = 1e-3
_SMALLEST_MM: Final = 2.0
_LARGEST_MM: Final = 60.0
_LEAST_HEIGHT_MM: Final = 0.1
"""Of the copper over the plate: thinner boards radiate hardly, and cells of half a millimetre do not resolve them."""


@dataclass(frozen=True)
class Board:
    """A rectangular ground plane, and the copper above it; lengths in mm, in the scan's coordinates.

    Raises DataError where it is no plate.
    """

    x_mm: tuple[float, float]
    """From and to."""
    y_mm: tuple[float, float]
    """From and to."""
    z_mm: float
    """Of the plate."""
    copper_z_mm: float | None = None
    """Of the traces, above the plate; None: one pitch of the scan below the scan."""

    def __post_init__(self) -> None:
        numbers = (*self.x_mm, *self.y_mm, self.z_mm, *([] if self.copper_z_mm is None else [self.copper_z_mm]))
        if not np.isfinite(numbers).all():
            raise DataError(f"board: all lengths must be finite numbers in mm, found {numbers}")
        for name, (first, last) in {"x_mm": self.x_mm, "y_mm": self.y_mm}.items():
            if not _SMALLEST_MM <= last - first <= _LARGEST_MM:
                raise DataError(
                    f"board: {name} goes from {first:g} to {last:g} mm; give the lower end first, of a plate of "
                    f"{_SMALLEST_MM:g} to {_LARGEST_MM:g} mm. Cut a larger one down to what lies within "
                    f"{_LARGEST_MM / 2:g} mm of the scan's middle"
                )

    @classmethod
    def of_corners(cls, corners_mm: Sequence[float], z_mm: float, copper_z_mm: float | None = None) -> Self:
        """From ``x0, y0, x1, y1``, mm: the lower left and the upper right corner."""
        x_first, y_first, x_last, y_last = corners_mm
        return cls((x_first, x_last), (y_first, y_last), z_mm, copper_z_mm)

    def copper_z(self, scan_z: float, pitch: float) -> float:
        """Height of the copper, m, below a scan at ``scan_z`` with points ``pitch`` apart, m.

        Raises DataError where plate, copper and scan do not fit.
        """
        copper = scan_z - pitch if self.copper_z_mm is None else self.copper_z_mm * _MM
        if self.z_mm * _MM >= scan_z:
            raise DataError(
                f"board: the ground plane lies at z = {self.z_mm:g} mm, the scan at z = {in_mm(scan_z)} mm; give "
                "the height of the plate below the scan, in the scan's coordinates"
            )
        if not copper < scan_z or copper - self.z_mm * _MM < _LEAST_HEIGHT_MM * _MM * (1 - 1e-9):
            raise DataError(
                f"board: the copper lies at z = {in_mm(copper)} mm, the ground plane at {self.z_mm:g} mm and the scan "
                f"at {in_mm(scan_z)} mm; give copper_z_mm, at least {_LEAST_HEIGHT_MM:g} mm above the plate and "
                "below the scan"
            )
        return copper

    def covered(self, points: Real) -> bool:
        """Whether one of ``points`` ``(P, 3)``, m, lies over the plate."""
        (left, right), (low, high) = self.x_mm, self.y_mm
        x, y = points[:, :2].T / _MM
        return bool(((left <= x) & (x <= right) & (low <= y) & (y <= high)).any())
