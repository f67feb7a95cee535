"""Scene kind ``elements``: loose current elements, electric and magnetic."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from emfm.acquire.params import SimulateParams
from emfm.acquire.scene_kinds.kind import SCENE_KINDS
from emfm.acquire.scene_kinds.lines import MM, complex_normal
from emfm.acquire.scenes import Scene
from emfm.core.constants import ETA_0

_COLUMNS: Final = ("magnetic", "x", "y", "z", "mx_re", "mx_im", "my_re", "my_im", "mz_re", "mz_im")


@SCENE_KINDS.register("elements")
class LooseElements:
    """1 to ``max_elements`` elements, each electric or magnetic with equal chance; a layout is its own scene."""

    def __init__(self, simulate: SimulateParams) -> None:
        self._params = simulate

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """Lengths in m, moments in A.m or V.m."""
        return ("elements", *(f"element{n}_{column}" for n in range(1, self._most + 1) for column in _COLUMNS))

    @property
    def _most(self) -> int:
        return max(self._params.max_elements, 2)  # one element is rewritten as two

    def draw(self, rng: np.random.Generator) -> Scene:
        """Places are uniform in the box, moments complex normal."""
        params = self._params
        count = int(rng.integers(1, params.max_elements + 1))
        width, depth = params.half_width_mm * MM, params.depth_mm * MM
        positions = rng.uniform([-width, -width, -depth], [width, width, 0.0], (count, 3))
        magnetic = rng.random(count) < 0.5
        ratio = np.where(magnetic, params.magnetic_moment_ratio * ETA_0, 1.0)
        moments = complex_normal(rng, count, 3) * (params.electric_moment * ratio)[:, None]
        return Scene(positions, magnetic, moments)

    def perturb(self, layout: Scene, rng: np.random.Generator) -> Scene:
        """Each element is shifted a little, and each component of its moment changed a little."""
        shift = rng.normal(scale=self._params.position_jitter_mm * MM, size=layout.positions.shape)
        change = 1 + self._params.moment_jitter * complex_normal(rng, len(layout.positions), 3)
        return Scene(layout.positions + shift, layout.magnetic, layout.moments * change)

    def rewrite(self, layout: Scene) -> Scene:
        """Elements in reverse, or a single one split in two halves."""
        if len(layout.positions) == 1:
            twice = [0, 0]
            return Scene(layout.positions[twice], layout.magnetic[twice], layout.moments[twice] / 2)
        return Scene(layout.positions[::-1], layout.magnetic[::-1], layout.moments[::-1])

    def parameters(self, layout: Scene) -> NDArray[np.float64]:
        """NaN for the elements that the scene does not have."""
        values = np.full(1 + self._most * len(_COLUMNS), np.nan)
        values[0] = len(layout.positions)
        moments = layout.moments.view(np.float64).reshape(-1, 6)
        rows = np.concatenate([layout.magnetic[:, None], layout.positions, moments], axis=1)
        values[1 : 1 + rows.size] = rows.ravel()
        return values

    def currents(self, layout: Scene) -> Scene:
        """The scene itself."""
        return layout
