"""Random scenes: arrangements of current elements, their families and their parameters."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emfm.params.acquire import SimulateParams
from emfm.physics.constants import ETA_0
from emfm.physics.elements import Complex

_MM = 1e-3
_COLUMNS = ("magnetic", "x", "y", "z", "mx_re", "mx_im", "my_re", "my_im", "mz_re", "mz_im")


@dataclass(frozen=True)
class Scene:
    """N current elements: each is electric (moment in A.m) or magnetic (moment in V.m)."""

    positions: NDArray[np.float64]
    """``(N, 3)``, m."""
    magnetic: NDArray[np.bool_]
    """``(N,)``: which elements are magnetic."""
    moments: Complex
    """``(N, 3)``, A.m or V.m."""

    def electric_and_magnetic(self) -> tuple[Complex, Complex]:
        """The moments in the two arrays that `emfm.physics.element_fields` takes."""
        mask = self.magnetic[:, None]
        return np.where(mask, 0, self.moments), np.where(mask, self.moments, 0)

    def reordered(self) -> "Scene":
        """The same physical scene with other parameters: elements in reverse, or one split in two halves."""
        if len(self.positions) == 1:
            twice = [0, 0]
            return Scene(self.positions[twice], self.magnetic[twice], self.moments[twice] / 2)
        return Scene(self.positions[::-1], self.magnetic[::-1], self.moments[::-1])


def parameter_names(params: SimulateParams) -> tuple[str, ...]:
    """Names of what `scene_parameters` returns; lengths in m, moments in A.m or V.m."""
    most = max(params.max_elements, 2)
    return ("elements", *(f"element{n}_{column}" for n in range(1, most + 1) for column in _COLUMNS))


def scene_parameters(scene: Scene, params: SimulateParams) -> NDArray[np.float64]:
    """The numbers that make ``scene``, NaN for the elements that it does not have."""
    values = np.full(len(parameter_names(params)), np.nan)
    values[0] = len(scene.positions)
    moments = scene.moments.view(np.float64).reshape(-1, 6)
    rows = np.concatenate([scene.magnetic[:, None], scene.positions, moments], axis=1)
    values[1 : 1 + rows.size] = rows.ravel()
    return values


def draw_scene(params: SimulateParams, rng: np.random.Generator) -> Scene:
    """A scene of 1 to ``max_elements`` elements, each electric or magnetic with equal chance."""
    count = int(rng.integers(1, params.max_elements + 1))
    width, depth = params.half_width_mm * _MM, params.depth_mm * _MM
    positions = rng.uniform([-width, -width, -depth], [width, width, 0.0], (count, 3))
    magnetic = rng.random(count) < 0.5
    ratio = np.where(magnetic, params.magnetic_moment_ratio * ETA_0, 1.0)
    moments = _complex_normal(rng, count) * (params.electric_moment * ratio)[:, None]
    return Scene(positions, magnetic, moments)


def perturb(scene: Scene, params: SimulateParams, rng: np.random.Generator) -> Scene:
    """A member of the family of ``scene``: shifted a little, its moments changed a little."""
    shift = rng.normal(scale=params.position_jitter_mm * _MM, size=scene.positions.shape)
    change = 1 + params.moment_jitter * _complex_normal(rng, len(scene.positions))
    return Scene(scene.positions + shift, scene.magnetic, scene.moments * change)


def _complex_normal(rng: np.random.Generator, count: int) -> Complex:
    """Complex normal vectors ``(count, 3)`` of unit variance in each component."""
    pairs: Complex = rng.standard_normal((count, 6)).view(np.complex128) / np.sqrt(2)
    return pairs
