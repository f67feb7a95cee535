"""The planes on which fields are known: one object holds every size that the code needs."""

from dataclasses import dataclass
from math import isclose, pi

import numpy as np
from numpy.typing import NDArray

from emfm.core.constants import SPEED_OF_LIGHT

_LENGTH_TOLERANCE = 1e-9
_FREQUENCY_TOLERANCE = 1e-9


def in_mm(length: float) -> str:
    """A length in m as a number of mm, rounded to a picometre and to six digits."""
    return f"{round(float(length) * 1e3, 9) + 0.0:.6g}"


@dataclass(frozen=True)
class Grid:
    """A regular grid of points on a plane of constant z, lengths in metres, both axes ascending.

    ``x_first`` and ``y_first`` are the smallest coordinates, ``nx`` and ``ny`` the numbers of points.
    """

    x_first: float
    y_first: float
    pitch_x: float
    pitch_y: float
    nx: int
    ny: int
    z: float

    def __post_init__(self) -> None:
        if self.nx < 2 or self.ny < 2:
            raise ValueError(f"a grid needs 2 x 2 points or more, found {self.nx} x {self.ny}")
        if not (self.pitch_x > 0 and self.pitch_y > 0):
            raise ValueError(f"a grid's pitch must be above 0 m, found {self.pitch_x}, {self.pitch_y}")

    @property
    def shape(self) -> tuple[int, int]:
        """``(ny, nx)``: the shape of one channel."""
        return self.ny, self.nx

    @property
    def x(self) -> NDArray[np.float64]:
        """The x coordinates, ``(nx,)``, m."""
        return self.x_first + self.pitch_x * np.arange(self.nx, dtype=np.float64)

    @property
    def y(self) -> NDArray[np.float64]:
        """The y coordinates, ``(ny,)``, m."""
        return self.y_first + self.pitch_y * np.arange(self.ny, dtype=np.float64)

    def described(self) -> str:
        """The points in words, in mm, such as ``x -5 to 5 mm by 1 mm, y -5 to 5 mm by 1 mm, z = 1 mm``."""
        axes = (("x", self.x, self.pitch_x), ("y", self.y, self.pitch_y))
        spans = [f"{name} {in_mm(axis[0])} to {in_mm(axis[-1])} mm by {in_mm(pitch)} mm" for name, axis, pitch in axes]
        return f"{', '.join(spans)}, z = {in_mm(self.z)} mm"

    def points(self) -> NDArray[np.float64]:
        """All points, ``(ny * nx, 3)``, m; x varies fastest, as in an array ``[y, x]``."""
        y, x = np.meshgrid(self.y, self.x, indexing="ij")
        return np.stack([x.ravel(), y.ravel(), np.full(x.size, self.z)], axis=1)


@dataclass(frozen=True)
class Geometry:
    """What one forward map is about: the frequency in Hz, the source plane and the target plane."""

    frequency: float
    source: Grid
    target: Grid

    def __post_init__(self) -> None:
        if not self.frequency > 0:
            raise ValueError(f"the frequency must be above 0 Hz, found {self.frequency}")
        if not self.target.z > self.source.z:
            raise ValueError(
                f"the target plane (z = {self.target.z} m) must lie above the source plane (z = {self.source.z} m)"
            )

    def described(self) -> str:
        """Frequency and planes in words."""
        source, target = self.source.described(), self.target.described()
        return f"{self.frequency:g} Hz, source plane {source}, target plane {target}"

    @property
    def wavenumber(self) -> float:
        """k = 2 pi f / c, 1/m."""
        return 2 * pi * self.frequency / SPEED_OF_LIGHT


def differences(ours: Geometry, theirs: Geometry) -> list[str]:
    """In what two geometries differ beyond rounding, in words; none where they are the same."""
    pairs = (("source plane", ours.source, theirs.source), ("target plane", ours.target, theirs.target))
    same_frequency = isclose(ours.frequency, theirs.frequency, rel_tol=_FREQUENCY_TOLERANCE)
    return ([] if same_frequency else ["frequency"]) + [name for name, a, b in pairs if not _same_points(a, b)]


def _same_points(a: Grid, b: Grid) -> bool:
    return a.shape == b.shape and bool(np.abs(a.points() - b.points()).max() < _LENGTH_TOLERANCE)
