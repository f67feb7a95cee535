"""Scene kind ``traces``: bent lines of current with a travelling or a standing wave."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from emfm.acquire.params import SimulateParams
from emfm.acquire.scene_kinds.kind import SCENE_KINDS
from emfm.acquire.scene_kinds.lines import MM, Line, complex_normal, cut_line, padded_rows
from emfm.acquire.scenes import Scene
from emfm.core.channels import Complex
from emfm.core.grid import Geometry
from ttt.config import Section

_SHORTEST_LEG: Final = 0.2
_LONGEST_LEG: Final = 1.0
"""Of the half-width: a shorter leg would be little more than a loose element, and one up to the half-width has room
in the square from wherever it starts."""


class TracesParams(Section):
    """Traces of a board, each at one height."""

    max_traces: int = Field(ge=1, le=16, description="a scene has 1 to this many traces")
    max_legs: int = Field(ge=1, le=16, description="a trace has 1 to this many straight legs")
    effective_permittivity: float = Field(
        ge=1, description="square of the wave's slowness against light: about 3 for a microstrip on FR-4"
    )


@dataclass(frozen=True)
class Trace:
    """A polyline with the current I(s) = start exp(-jbs) + end exp(-jb(L - s)) along its way s from 0 to L.

    That is a wave from either end, each with its current where it starts (D. M. Pozar, Microwave Engineering,
    4th ed., eq. 2.6). One alone travels; two of the same size stand.
    """

    vertices: NDArray[np.float64]
    """``(V, 3)``, m; all of one z."""
    start: complex
    """Of the wave from the first vertex, A."""
    end: complex
    """Of the wave from the last vertex, A; positive along s, as ``start``."""


@SCENE_KINDS.register("traces")
class Traces:
    """1 to ``max_traces`` traces. A layout is a tuple of them.

    A trace as long as the half-width has, with the current drawn here, the moment of a loose element.
    """

    def __init__(self, params: TracesParams, simulate: SimulateParams, geometry: Geometry) -> None:
        self._params = params
        self._simulate = simulate
        self._wavenumber = geometry.wavenumber * params.effective_permittivity**0.5

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """Lengths in m, currents in A."""
        ends = [f"vertex{n}_{axis}" for n in range(1, self._params.max_legs + 2) for axis in "xy"]
        columns = ("z", "start_re", "start_im", "end_re", "end_im", *ends)
        return ("traces", *(f"trace{n}_{name}" for n in range(1, self._params.max_traces + 1) for name in columns))

    def draw(self, rng: np.random.Generator) -> tuple[Trace, ...]:
        """Legs run along x and y by turns or in any direction, waves travel or stand, each with equal chance."""
        return tuple(self._draw_trace(rng) for _ in range(int(rng.integers(1, self._params.max_traces + 1))))

    def _draw_trace(self, rng: np.random.Generator) -> Trace:
        width = self._simulate.half_width_mm * MM
        z = rng.uniform(-self._simulate.depth_mm * MM, 0.0)
        places = [rng.uniform(-width, width, 2)]
        manhattan = rng.random() < 0.5
        angle = np.pi / 2 * float(rng.integers(4))
        for _ in range(int(rng.integers(1, self._params.max_legs + 1))):
            angle = angle + np.pi / 2 * float(rng.choice([-1, 1])) if manhattan else rng.uniform(0, 2 * np.pi)
            step = rng.uniform(_SHORTEST_LEG, _LONGEST_LEG) * width * np.array([np.cos(angle), np.sin(angle)])
            leaves = np.abs(places[-1] + step) > width
            places.append(places[-1] + np.where(leaves, -step, step))
        vertices = np.column_stack([places, np.full(len(places), z)])
        start = complex(complex_normal(rng, 1)[0]) * self._simulate.electric_moment / width
        if rng.random() < 0.5:
            return Trace(vertices, start, 0j)
        reflection = rng.choice([-1, 1])  # of the current: -1 at an open end, 1 at a shorted one
        return Trace(vertices, start, complex(reflection * start * self._delay(_length(vertices))))

    def perturb(self, layout: tuple[Trace, ...], rng: np.random.Generator) -> tuple[Trace, ...]:
        """Each trace is raised as a whole, its vertices are shifted and its current is changed; its load stays."""
        return tuple(self._perturb_trace(trace, rng) for trace in layout)

    def _perturb_trace(self, trace: Trace, rng: np.random.Generator) -> Trace:
        shift = rng.normal(scale=self._simulate.position_jitter_mm * MM, size=trace.vertices.shape)
        shift[:, 2] = shift[0, 2]
        vertices = trace.vertices + shift
        change = 1 + self._simulate.moment_jitter * complex(complex_normal(rng, 1)[0])
        longer = complex(self._delay(_length(vertices) - _length(trace.vertices)))
        return Trace(vertices, trace.start * change, trace.end * change * longer)

    def rewrite(self, layout: tuple[Trace, ...]) -> tuple[Trace, ...]:
        """The traces in reverse, and each from its other end."""
        return tuple(Trace(trace.vertices[::-1], -trace.end, -trace.start) for trace in layout[::-1])

    def parameters(self, layout: tuple[Trace, ...]) -> NDArray[np.float64]:
        """NaN for the traces and vertices that there are not."""
        rows = [
            [t.vertices[0, 2], t.start.real, t.start.imag, t.end.real, t.end.imag, *t.vertices[:, :2].ravel()]
            for t in layout
        ]
        return padded_rows(rows, self._params.max_traces, 5 + 2 * (self._params.max_legs + 1))

    def currents(self, layout: tuple[Trace, ...]) -> Scene:
        """Electric elements along the traces."""
        lines = [cut_line(trace.vertices, self._simulate.segment_mm * MM) for trace in layout]
        currents = [self.along(trace, line) for trace, line in zip(layout, lines, strict=True)]
        positions = np.concatenate([line.positions for line in lines])
        lengths = np.concatenate([line.lengths for line in lines])
        return Scene(positions, np.zeros(len(positions), bool), lengths * np.concatenate(currents)[:, None])

    def along(self, trace: Trace, line: Line) -> Complex:
        """The current of ``trace`` at the elements of ``line``, ``(N,)``, A."""
        length = _length(trace.vertices)
        along: Complex = trace.start * self._delay(line.path) + trace.end * self._delay(length - line.path)
        return along

    def _delay(self, way: NDArray[np.float64] | float) -> Any:
        """The phase factor of a wave that has gone ``way``, m: complex, of the same shape."""
        return np.exp(-1j * self._wavenumber * way)


def _length(vertices: NDArray[np.float64]) -> float:
    return float(np.linalg.norm(np.diff(vertices, axis=0), axis=1).sum())
