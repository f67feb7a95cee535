"""Scene kind ``patches``: a rectangular patch over a ground plane, by its cavity's edge voltage and images."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pydantic
from numpy.typing import NDArray
from pydantic import Field

from emfm.acquire.params import SimulateParams
from emfm.acquire.scene_kinds.kind import SCENE_KINDS
from emfm.acquire.scene_kinds.lines import MM, closed, complex_normal, cut_line
from emfm.acquire.scenes import Scene
from emfm.core.channels import Complex
from emfm.core.constants import ETA_0
from ttt.config import Section

_MODES: Final = ((0, 0), (1, 0), (0, 1))
"""The three lowest modes (m, n) of the cavity: a plate capacitor, and half a wave along either side."""


class PatchesParams(Section):
    """A patch, or a small plane of a board, over a ground plane without end."""

    smallest_mm: float = Field(ge=1, description="shortest side of a patch, mm")
    largest_mm: float = Field(ge=1, description="longest side of a patch, mm")
    lowest_mm: float = Field(gt=0, description="least height of a patch over its ground plane, mm")
    highest_mm: float = Field(gt=0, description="largest height of a patch over its ground plane, mm")

    @pydantic.model_validator(mode="after")
    def _in_order(self) -> "PatchesParams":
        for least, most in (("smallest_mm", "largest_mm"), ("lowest_mm", "highest_mm")):
            low, high = getattr(self, least), getattr(self, most)
            if high < low:
                raise ValueError(f"{most} ({high:g}) must not be below {least} ({low:g})")
        return self


@dataclass(frozen=True)
class Patch:
    """A patch and the voltages of its modes."""

    centre: NDArray[np.float64]
    """``(3,)``, m; z is the height of the patch's edge current: the middle of the gap."""
    ground_z: float
    """Height of the ground plane, m."""
    angle: float
    """Of the side ``length`` against the x axis, rad."""
    length: float
    """m."""
    width: float
    """m."""
    voltages: Complex
    """``(3,)``: of the modes (0, 0), (1, 0), (0, 1) at the corner from which both sides start, V."""


@SCENE_KINDS.register("patches")
class Patches:
    """One patch, described by the cavity model (C. A. Balanis, Antenna Theory, 4th ed., sec. 14.2.2).

    Under the patch the field is Ez = V / h, with V(u, v) = sum of V_mn cos(m pi u / length) cos(n pi v / width), and
    the four open walls carry the magnetic current Ms = -n x Ez z. The gap h is low, so a wall is a line of the
    magnetic current V along the edge, anticlockwise seen from above (K l = V l z x n), at the middle of the gap. The
    ground plane acts by images. In mode (1, 0) the walls across the length have currents of one direction and
    radiate; the current of a wall along it changes sign half-way. Patches that fit below the scan are mostly shorter
    than a resonant one, so that no mode outweighs the others: all are drawn alike.

    The voltage is such that an edge of the mean side has the moment of a loose magnetic element.
    """

    def __init__(self, params: PatchesParams, simulate: SimulateParams) -> None:
        self._params = params
        self._simulate = simulate
        side = (params.smallest_mm + params.largest_mm) / 2 * MM
        self._voltage = simulate.magnetic_moment_ratio * ETA_0 * simulate.electric_moment / side

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """Lengths in m, the angle in rad, voltages in V."""
        voltages = [f"v{m}{n}_{part}" for m, n in _MODES for part in ("re", "im")]
        columns = ("x", "y", "z", "ground_z", "angle", "length", "width", *voltages)
        return tuple(f"patch_{name}" for name in columns)

    def draw(self, rng: np.random.Generator) -> Patch:
        """All is uniform but the voltages; the patch stays in the square where that is wide enough.

        The edge current is within the depth range of the other kinds, the ground plane below it.
        """
        length, width = rng.uniform(self._params.smallest_mm, self._params.largest_mm, 2) * MM
        height = rng.uniform(self._params.lowest_mm, self._params.highest_mm) * MM
        room = max(self._simulate.half_width_mm * MM - np.hypot(length, width) / 2, 0.0)
        centre = np.append(rng.uniform(-room, room, 2), rng.uniform(-self._simulate.depth_mm * MM, 0.0))
        angle = rng.uniform(0, 2 * np.pi)
        voltages = complex_normal(rng, len(_MODES)) * self._voltage
        return Patch(centre, centre[2] - height / 2, angle, length, width, voltages)

    def perturb(self, layout: Patch, rng: np.random.Generator) -> Patch:
        """The patch is shifted with its ground plane, its sides and voltages change a little, its gap does not."""
        shift = rng.normal(scale=self._simulate.position_jitter_mm * MM, size=5)
        change = 1 + self._simulate.moment_jitter * complex_normal(rng, len(_MODES))
        return Patch(
            layout.centre + shift[:3],
            layout.ground_z + shift[2],
            layout.angle,
            layout.length + shift[3],
            layout.width + shift[4],
            layout.voltages * change,
        )

    def rewrite(self, layout: Patch) -> Patch:
        """Sides counted from the opposite corner, where the voltage of an odd mode has the other sign."""
        signs = np.array([(-1) ** (m + n) for m, n in _MODES])
        angle = layout.angle + np.pi
        return Patch(layout.centre, layout.ground_z, angle, layout.length, layout.width, layout.voltages * signs)

    def parameters(self, layout: Patch) -> NDArray[np.float64]:
        """A patch has them all."""
        sides = [layout.ground_z, layout.angle, layout.length, layout.width]
        return np.concatenate([layout.centre, sides, layout.voltages.view(np.float64)])

    def currents(self, layout: Patch) -> Scene:
        """Magnetic elements along the edges, and their images."""
        sides = np.array([layout.length, layout.width, 0.0])
        corners = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]]) * sides
        line = cut_line(closed(corners), self._simulate.segment_mm * MM)
        u, v = line.positions[:, 0] / layout.length, line.positions[:, 1] / layout.width
        modes = np.array([np.cos(m * np.pi * u) * np.cos(n * np.pi * v) for m, n in _MODES])
        voltage = layout.voltages @ modes
        turned = _turn(layout.angle)
        positions = layout.centre + (line.positions - sides / 2) @ turned
        magnetic = np.ones(len(positions), bool)
        moments: Complex = (line.lengths @ turned) * voltage[:, None]
        return Scene(positions, magnetic, moments).with_images(layout.ground_z)


def _turn(angle: float) -> NDArray[np.float64]:
    """Turns rows of vectors about the z axis, anticlockwise seen from above."""
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.array([[cosine, sine, 0.0], [-sine, cosine, 0.0], [0.0, 0.0, 1.0]])
