"""A scene: the current elements that radiate, whatever scene kind drew them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emfm.core.channels import Complex


@dataclass(frozen=True)
class Scene:
    """N current elements: each is electric (moment in A.m) or magnetic (moment in V.m)."""

    positions: NDArray[np.float64]
    """``(N, 3)``, m."""
    magnetic: NDArray[np.bool_]
    """``(N,)``: which elements are magnetic."""
    moments: Complex
    """``(N, 3)``, A.m or V.m."""

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
