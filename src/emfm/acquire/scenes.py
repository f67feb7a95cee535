"""A scene: the currents that radiate, whatever scene kind drew them."""

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from emfm.core.channels import Complex, Real
from emfm.core.elements import FieldPoints
from emfm.core.grid import Grid


@dataclass(frozen=True)
class Planes:
    """Where the fields of scenes are wanted."""

    grids: tuple[Grid, ...]
    frequency: float
    """Hz."""

    @cached_property
    def points(self) -> FieldPoints:
        """The points of all grids, one grid after the other."""
        return FieldPoints(np.concatenate([grid.points() for grid in self.grids]), self.frequency)


class Currents(Protocol):
    """What radiates."""

    def fields(self, planes: Planes) -> Real:
        """E, V/m, and H, A/m, at the points of ``planes``, ``(2, 3, 2, P)``: x, y, z; real and imaginary part."""
        ...


@dataclass(frozen=True)
class Scene:
    """N current elements: each is electric (moment in A.m) or magnetic (moment in V.m). They are `Currents`."""

    positions: NDArray[np.float64]
    """``(N, 3)``, m."""
    magnetic: NDArray[np.bool_]
    """``(N,)``: which elements are magnetic."""
    moments: Complex
    """``(N, 3)``, A.m or V.m."""

    def fields(self, planes: Planes) -> Real:
        """See `Currents`: in closed form."""
        return planes.points.parts(self.positions, self.moments, self.magnetic)

    def with_images(self, ground_z: float) -> "Scene":
        """The scene and its images in a perfect electric conductor in the plane z = ``ground_z``, m.

        Above the plane their field is that of the scene over the conductor. A horizontal electric element has a
        reversed image, a vertical one an image like itself; for magnetic elements it is the other way round
        (C. A. Balanis, Advanced Engineering Electromagnetics, 2nd ed., sec. 7.4; Antenna Theory, 4th ed., sec. 4.7).
        """
        mirrored = self.positions * [1, 1, -1] + [0, 0, 2 * ground_z]
        images = self.moments * np.where(self.magnetic[:, None], [1, 1, -1], [-1, -1, 1])
        return Scene(
            np.concatenate([self.positions, mirrored]),
            np.concatenate([self.magnetic, self.magnetic]),
            np.concatenate([self.moments, images]),
        )
