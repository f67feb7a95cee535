"""The nets of scene kind ``boards``: random traces, loops and patches on the top copper of a board."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from emfm.acquire.conductors.mesh import Cells, Edges, GridCurrents
from emfm.acquire.conductors.planar_circuit import COPPER, LineConstants, Load, copper, via_impedance
from emfm.acquire.scene_kinds.board_plates import BoardDesign
from emfm.acquire.scene_kinds.lines import MM

KINDS: Final = ("trace", "loop", "patch", "plane", "wire", "ring")
"""What a net is; the last two have no plate below them."""
_WEIGHTS: Final = {"trace": 0.55, "loop": 0.15, "patch": 0.2, "plane": 0.1}
_WIDEST: Final = 2.0 * MM
"""Of a trace."""
_PATCH: Final = (1.5 * MM, 6.0 * MM)
"""Sides of a patch or a pad."""
_PLANE_CELLS: Final = 300
"""Of a plane pair: more would take longer than the field."""
_CABLE_OHM: Final = 200.0
"""What a trace sees where a cable begins: about the impedance of a wire in the open."""
_LEGS: Final = 4
_BRANCHED: Final = 0.2
_TAPPED: Final = 0.15
_RINGS: Final = 0.6
"""Shares of traces with a branch, of traces with a load on the way, and of rings among nets without a plate."""
_VIA_OHM: Final = 0.1
_APART: Final = 2
"""Cells between the sides of a loop: nearer ones would be one piece of copper."""

_PlacedLoad = tuple[tuple[int, int], complex, bool]
"""Row and column, impedance in ohm, and whether a via leads to the plate."""


@dataclass(frozen=True, eq=False)
class NetDesign:
    """A net as drawn, and its currents for a drive of 1: the largest is 1 A."""

    kind: str
    extent: tuple[float, float, float, float]
    """Smallest and largest x, smallest and largest y of its copper, m."""
    currents: GridCurrents


def draw_net(design: BoardDesign, beyond: bool, to_cable: bool, rng: np.random.Generator) -> NetDesign:
    """A random net of a board, which begins below the scan: what it sees nothing of, nobody scans.

    Args:
        design: the board.
        beyond: whether it may go on anywhere on the board, and not below the scan alone.
        to_cable: whether it is a trace that ends in the board's cable.
        rng: draws.
    """
    near = _room(design, whole=False)
    if not design.plated:
        return _draw_free(design, near, rng)
    room, start = _room(design, beyond or to_cable), near.cell(rng)
    kind = "trace" if to_cable else str(rng.choice(list(_WEIGHTS), p=list(_WEIGHTS.values())))
    if kind == "trace":
        return _draw_trace(design, room, start, design.cable[0] if to_cable else None, rng)
    if kind == "loop":
        return _draw_loop(design, room, start, rng)
    return _draw_patch(design, room, start, kind, rng)


@dataclass(frozen=True)
class _Room:
    """A block of cells: first and last row and column."""

    rows: tuple[int, int]
    columns: tuple[int, int]

    def cell(self, rng: np.random.Generator) -> tuple[int, int]:
        """A random row and column."""
        row, column = (int(rng.integers(first, last + 1)) for first, last in (self.rows, self.columns))
        return row, column


def _room(design: BoardDesign, whole: bool) -> _Room:
    """The cells of a board, or those below the scan, where they are enough for a net."""
    cells = design.plate_cells()
    near = cells & design.inside
    chosen = cells if whole or min(near.any(1).sum(), near.any(0).sum()) < _LEGS else near
    rows, columns = np.flatnonzero(chosen.any(1)), np.flatnonzero(chosen.any(0))
    return _Room((int(rows[0]), int(rows[-1])), (int(columns[0]), int(columns[-1])))


def _draw_trace(
    design: BoardDesign, room: _Room, start: tuple[int, int], cable: Cells | None, rng: np.random.Generator
) -> NetDesign:
    """A line of straight legs along x and y by turns, some with a branch or a via on the way, and any load."""
    side = design.board.grid.side
    width = int(rng.integers(1, max(1, round(_WIDEST / side)) + 1))
    path = _walk(start, room, int(rng.integers(1, _LEGS + 1)), rng)
    line = LineConstants.of(width * side, design.height, design.permittivity)
    loads: list[_PlacedLoad] = []
    if cable is None:
        end = _draw_end(design, line, rng)
        loads += [] if end is None else [(path[-1], end, True)]
    else:
        beside = int(np.clip(cable[1], *room.rows)), int(np.clip(cable[2], *room.columns))
        path = [*path, *_straight(path[-1], (beside[0], path[-1][1])), *_straight((beside[0], path[-1][1]), beside)]
        loads.append(((int(cable[1]), int(cable[2])), complex(_CABLE_OHM), False))
    if rng.random() < _BRANCHED:
        path += _walk(path[int(rng.integers(len(path)))], room, 1, rng)
    if rng.random() < _TAPPED:
        loads.append((path[int(rng.integers(len(path)))], _draw_impedance(rng), True))
    cells = _swept(path, width, room)
    if cable is not None:
        cells = np.concatenate([cells, cable[None]])
    return _copper(design, "trace", cells, line, width * side, path[0], loads)


def _draw_loop(design: BoardDesign, room: _Room, start: tuple[int, int], rng: np.random.Generator) -> NetDesign:
    """A line round a rectangle that is shorted to the plate beside its feed."""
    side = design.board.grid.side
    ring = _ring(_span(start[0], room.rows, rng), _span(start[1], room.columns, rng))
    turn = ring.index(start)
    path = (ring[turn:] + ring[:turn])[:-1]
    line = LineConstants.of(side, design.height, design.permittivity)
    short = via_impedance(design.height, design.board.frequency, _VIA_OHM)
    return _copper(design, "loop", _swept(path, 1, room), line, side, path[0], [(path[-1], short, True)])


def _draw_patch(
    design: BoardDesign, room: _Room, start: tuple[int, int], kind: str, rng: np.random.Generator
) -> NetDesign:
    """A rectangle of copper, fed anywhere, with up to two loads: a pad, a patch, or a plane."""
    side = design.board.grid.side
    limits = [last - first + 1 for first, last in (room.rows, room.columns)]
    if kind == "plane":
        sides = [max(2, round(rng.uniform(0.5, 1) * limit)) for limit in limits]
        shrink = min(1.0, (_PLANE_CELLS / (sides[0] * sides[1])) ** 0.5)
        sides = [max(2, int(shrink * length)) for length in sides]
    else:
        sides = [max(2, round(float(rng.uniform(*_PATCH)) / side)) for _ in limits]
    rows, columns = (min(length, limit) for length, limit in zip(sides, limits, strict=True))
    row, column = (
        int(rng.integers(max(first, place - length + 1), min(place, last - length + 1) + 1))
        for place, length, (first, last) in zip(start, (rows, columns), (room.rows, room.columns), strict=True)
    )
    inner = _Room((row, row + rows - 1), (column, column + columns - 1))
    path = [(row + place // columns, column + place % columns) for place in range(rows * columns)]
    width = min(rows, columns) * side
    line = LineConstants.of(width, design.height, design.permittivity)
    loads: list[_PlacedLoad] = [(inner.cell(rng), _draw_impedance(rng), True) for _ in range(int(rng.integers(3)))]
    return _copper(design, kind, _swept(path, 1, room), line, width, start, loads)


def _draw_free(design: BoardDesign, room: _Room, rng: np.random.Generator) -> NetDesign:
    """Without a plate: a ring with the same current all round, or a wire with a standing wave."""
    closed = rng.random() < _RINGS
    if closed:
        path = _ring(*(_span(int(rng.integers(*limits)), limits, rng) for limits in (room.rows, room.columns)))
    else:
        path = _walk(room.cell(rng), room, int(rng.integers(1, _LEGS + 1)), rng)
    cells = np.array([(COPPER, *place) for place in path])
    following = np.roll(cells, -1, 0) if closed else cells[1:]
    cells = cells[: len(following)]
    strength = np.ones(len(cells)) if closed else np.sin(np.pi * (np.arange(len(cells)) + 1) / (len(cells) + 1))
    steps = following - cells
    edges = Edges(np.minimum(cells, following), np.abs(steps[:, 1]))
    currents = GridCurrents.none(design.board.grid).with_rooftops(edges, strength * steps.sum(1) + 0j)
    return NetDesign("ring" if closed else "wire", _extent(design, cells), currents)


def _copper(
    design: BoardDesign,
    kind: str,
    cells: Cells,
    line: LineConstants,
    width: float,
    feed: tuple[int, int],
    loads: list[_PlacedLoad],
) -> NetDesign:
    """The net of the copper ``cells``, driven so that its largest current is 1 A."""
    places = {(row, column): place for place, (_, row, column) in enumerate(cells.tolist())}
    placed = tuple(Load(places[where], impedance, via) for where, impedance, via in loads)
    grid = design.board.grid
    currents = copper(cells, line, grid.side, width, places[feed], placed).currents(grid, design.board.frequency)
    largest = max(np.abs(currents.along).max(), np.abs(currents.up).max())
    return NetDesign(kind, _extent(design, cells), GridCurrents(currents.along / largest, currents.up / largest))


def _draw_end(design: BoardDesign, line: LineConstants, rng: np.random.Generator) -> complex | None:
    """What a trace ends in: nothing, a short, its own impedance, or another; ohm."""
    return [
        None,
        via_impedance(design.height, design.board.frequency, _VIA_OHM),
        via_impedance(design.height, design.board.frequency, line.impedance),
        _draw_impedance(rng),
    ][int(rng.integers(4))]


def _draw_impedance(rng: np.random.Generator) -> complex:
    """A resistance of 5 to 500 ohm in series with a reactance as large or smaller, either way."""
    resistance = float(np.exp(rng.uniform(np.log(5), np.log(500))))
    return complex(resistance, resistance * rng.uniform(-1, 1))


def _walk(start: tuple[int, int], room: _Room, legs: int, rng: np.random.Generator) -> list[tuple[int, int]]:
    """The cells of a way of ``legs`` straight legs from ``start``, along rows and columns by turns; 2 cells or more."""
    path = [start]
    axis = int(rng.integers(2))
    for _ in range(legs):
        first, last = (room.rows, room.columns)[axis]
        goal = list(path[-1])
        goal[axis] = int(rng.integers(first, last))
        goal[axis] += goal[axis] >= path[-1][axis]  # anywhere but where it is
        path += _straight(path[-1], (goal[0], goal[1]))
        axis = 1 - axis
    return path


def _straight(start: tuple[int, int], end: tuple[int, int]) -> list[tuple[int, int]]:
    """The cells after ``start`` up to ``end``, which share a row or a column."""
    count = max(abs(end[0] - start[0]), abs(end[1] - start[1]))
    step = np.sign(end[0] - start[0]), np.sign(end[1] - start[1])
    return [(int(start[0] + n * step[0]), int(start[1] + n * step[1])) for n in range(1, count + 1)]


def _span(place: int, limits: tuple[int, int], rng: np.random.Generator) -> tuple[int, int]:
    """``place`` and another two or more from it within ``limits``, the lower first."""
    others = [other for other in range(limits[0], limits[1] + 1) if abs(other - place) >= _APART]
    other = int(rng.choice(others))
    return min(place, other), max(place, other)


def _ring(rows: tuple[int, int], columns: tuple[int, int]) -> list[tuple[int, int]]:
    """The cells of the rim of a block, in order."""
    corners = [(rows[0], columns[0]), (rows[0], columns[1]), (rows[1], columns[1]), (rows[1], columns[0])]
    return [cell for one, two in zip(corners, [*corners[1:], corners[0]], strict=True) for cell in _straight(one, two)]


def _swept(path: list[tuple[int, int]], width: int, room: _Room) -> Cells:
    """The copper cells within the room of a line ``width`` cells wide along ``path``, each once, in order."""
    shifts = np.arange(width) - width // 2
    offsets = np.stack(np.meshgrid(shifts, shifts, indexing="ij"), -1).reshape(-1, 2)
    places = (np.array(path)[:, None] + offsets).reshape(-1, 2)
    lowest, highest = np.array([room.rows, room.columns]).T
    inside = np.unique(places[((lowest <= places) & (places <= highest)).all(1)], axis=0)
    return np.column_stack([np.full(len(inside), COPPER), inside])


def _extent(design: BoardDesign, cells: Cells) -> tuple[float, float, float, float]:
    grid = design.board.grid
    low, high = grid.centres(cells).min(0) - grid.side / 2, grid.centres(cells).max(0) + grid.side / 2
    return float(low[0]), float(high[0]), float(low[1]), float(high[1])
