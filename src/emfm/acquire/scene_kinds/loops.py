"""Scene kind ``loops``: small rectangles of current, lying or standing."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pydantic
from numpy.typing import NDArray
from pydantic import Field

from emfm.acquire.params import SimulateParams
from emfm.acquire.scene_kinds.kind import SCENE_KINDS
from emfm.acquire.scene_kinds.lines import MM, closed, complex_normal, cut_line, padded_rows
from emfm.acquire.scenes import Scene
from emfm.core.grid import Geometry
from ttt.config import Section

_CORNERS: Final = 4


class LoopsParams(Section):
    """Small loops: in the board's plane, or standing in it as a decoupling capacitor and its vias do."""

    max_loops: int = Field(ge=1, le=16, description="a scene has 1 to this many loops")
    smallest_mm: float = Field(gt=0, description="shortest side of a loop, mm")
    largest_mm: float = Field(gt=0, description="longest side of a loop, mm; short against the wavelength")

    @pydantic.model_validator(mode="after")
    def _in_order(self) -> "LoopsParams":
        if self.largest_mm < self.smallest_mm:
            raise ValueError(f"largest_mm ({self.largest_mm:g}) must not be below smallest_mm ({self.smallest_mm:g})")
        return self


@dataclass(frozen=True)
class Loop:
    """A rectangle with the same current all around, so that no charge gathers."""

    corners: NDArray[np.float64]
    """``(4, 3)``, m, in the current's direction."""
    current: complex
    """A."""


@SCENE_KINDS.register("loops")
class Loops:
    """1 to ``max_loops`` loops, each lying or standing with equal chance. A layout is a tuple of them.

    A standing loop hangs below its upper edge, whose height is drawn as that of a lying loop is, so it can reach
    deeper than ``depth_mm``. A small loop of area A is a magnetic element of moment K l = j w mu0 I A (C. A. Balanis,
    Antenna Theory, 4th ed., sec. 5.2.2); the current is such that, for the mean side, the scale of it is that of the
    loose magnetic elements: k I A = magnetic_moment_ratio electric_moment, as w mu0 = k eta0.
    """

    def __init__(self, params: LoopsParams, simulate: SimulateParams, geometry: Geometry) -> None:
        self._params = params
        self._simulate = simulate
        area = ((params.smallest_mm + params.largest_mm) / 2 * MM) ** 2
        self._current = simulate.magnetic_moment_ratio * simulate.electric_moment / (geometry.wavenumber * area)

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """Lengths in m, currents in A."""
        places = [f"corner{n}_{axis}" for n in range(1, _CORNERS + 1) for axis in "xyz"]
        columns = ("current_re", "current_im", *places)
        return ("loops", *(f"loop{n}_{name}" for n in range(1, self._params.max_loops + 1) for name in columns))

    def draw(self, rng: np.random.Generator) -> tuple[Loop, ...]:
        """Sides, direction and place are uniform; the loop stays in the square where that is wide enough."""
        return tuple(self._draw_loop(rng) for _ in range(int(rng.integers(1, self._params.max_loops + 1))))

    def _draw_loop(self, rng: np.random.Generator) -> Loop:
        length, height = rng.uniform(self._params.smallest_mm, self._params.largest_mm, 2) * MM
        angle = rng.uniform(0, 2 * np.pi)
        along = length * np.array([np.cos(angle), np.sin(angle), 0.0])
        standing = rng.random() < 0.5
        across = height * (np.array([0.0, 0.0, 1.0]) if standing else np.array([-np.sin(angle), np.cos(angle), 0.0]))
        reach = (length if standing else np.hypot(length, height)) / 2
        room = max(self._simulate.half_width_mm * MM - reach, 0.0)
        top = np.append(rng.uniform(-room, room, 2), rng.uniform(-self._simulate.depth_mm * MM, 0.0))
        centre = top - across / 2 if standing else top
        corners = centre + np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]]) @ np.stack([along, across])
        return Loop(corners, complex(complex_normal(rng, 1)[0]) * self._current)

    def perturb(self, layout: tuple[Loop, ...], rng: np.random.Generator) -> tuple[Loop, ...]:
        """Each loop is shifted as a whole and its current changed."""
        return tuple(self._perturb_loop(loop, rng) for loop in layout)

    def _perturb_loop(self, loop: Loop, rng: np.random.Generator) -> Loop:
        shift = rng.normal(scale=self._simulate.position_jitter_mm * MM, size=3)
        change = 1 + self._simulate.moment_jitter * complex(complex_normal(rng, 1)[0])
        return Loop(loop.corners + shift, loop.current * change)

    def rewrite(self, layout: tuple[Loop, ...]) -> tuple[Loop, ...]:
        """The loops in reverse, and each the other way round with the opposite current."""
        return tuple(Loop(loop.corners[::-1], -loop.current) for loop in layout[::-1])

    def parameters(self, layout: tuple[Loop, ...]) -> NDArray[np.float64]:
        """NaN for the loops that there are not."""
        rows = [[loop.current.real, loop.current.imag, *loop.corners.ravel()] for loop in layout]
        return padded_rows(rows, self._params.max_loops, 2 + 3 * _CORNERS)

    def currents(self, layout: tuple[Loop, ...]) -> Scene:
        """Electric elements along the loops."""
        lines = [cut_line(closed(loop.corners), self._simulate.segment_mm * MM) for loop in layout]
        positions = np.concatenate([line.positions for line in lines])
        moments = [line.lengths * loop.current for line, loop in zip(lines, layout, strict=True)]
        return Scene(positions, np.zeros(len(positions), bool), np.concatenate(moments))
