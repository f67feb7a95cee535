"""The boards of scene kind ``boards``: plates of random outline, with slots and cables."""

from dataclasses import dataclass, field
from math import ceil, exp, isclose, log, sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from emfm.acquire.conductors.board import Board
from emfm.acquire.conductors.mesh import CellGrid, Cells
from emfm.acquire.conductors.planar_circuit import COPPER, GROUND
from emfm.acquire.scene_kinds.lines import MM
from emfm.core.grid import Geometry
from ttt.config import ConfigError, Section

_CELLS: Final = 900
"""A plate of up to so many cells gets finer ones."""
_FEWEST: Final = 6
"""Cells along a side of a plate."""


class BoardsParams(Section):
    """Nets over a finite ground plane. Lengths in mm; top copper is at z = 0, the ground plane below it."""

    smallest_mm: float = Field(
        ge=3, description="shortest side of a board's ground plane, mm; sides are drawn evenly in log"
    )
    largest_mm: float = Field(le=100, description="longest side of a board's ground plane, mm")
    off_centre_mm: float = Field(ge=0, description="a board's middle lies in |x|, |y| up to this, mm")
    lowest_mm: float = Field(gt=0, description="least height of the copper over the ground plane, mm")
    highest_mm: float = Field(gt=0, description="largest height of the copper over the ground plane, mm")
    permittivity: list[float] = Field(
        min_length=2, max_length=2, description="relative permittivity of the dielectric, from and to"
    )
    cell_mm: float = Field(
        gt=0,
        description="smallest cell of the moment method, mm; cells are the pitch of the planes, or a whole part of it, "
        "and coarser on large boards",
    )
    samples_a_board: int = Field(
        ge=1,
        description="so many rows in a row share a board, and are one family, so that a set is split by board; more is "
        "faster, and gives a set of N samples fewer boards",
    )
    max_nets: int = Field(ge=2, le=8, description="a scene has 2 to this many nets, or loose elements")
    beyond_share: float = Field(
        ge=0, le=1, description="probability that nets go anywhere on the board, and not in half_width_mm alone"
    )
    loose_share: float = Field(
        ge=0, le=1, description="probability that a scene has loose elements over the plate in place of nets"
    )
    cable_share: float = Field(ge=0, le=1, description="probability of a cable at the plate's edge or at a trace's end")
    cable_mm: list[float] = Field(min_length=2, max_length=2, description="length of a cable, from and to, mm")
    slot_share: float = Field(ge=0, le=1, description="probability of a slot in the plate")
    no_plate_share: float = Field(ge=0, le=1, description="probability of loops and wires without any plate")

    @model_validator(mode="after")
    def _in_order(self) -> "BoardsParams":
        ranges = {
            "largest_mm": (self.smallest_mm, self.largest_mm),
            "highest_mm": (self.lowest_mm, self.highest_mm),
            "permittivity": tuple(self.permittivity),
            "cable_mm": tuple(self.cable_mm),
        }
        for name, (low, high) in ranges.items():
            if not 0 < low <= high:
                raise ValueError(f"{name}: a range from {low:g} to {high:g}; give two numbers above 0, the lower first")
        if self.permittivity[0] < 1:
            raise ValueError(f"permittivity begins at {self.permittivity[0]:g}; it is 1 or more")
        return self


@dataclass(frozen=True, eq=False)
class BoardDesign:
    """A board as drawn: what conducts, and where its nets may lie."""

    board: Board
    permittivity: float
    plated: bool
    cable: Cells
    """The cells of its cable from the board outwards, ``(n, 3)``; none where it has no cable."""
    slot: tuple[int, int, int, int] | None
    """First and last row, first and last column of the slot."""
    inside: NDArray[np.bool_] = field(repr=False)
    """The cells ``(rows, columns)`` in which the nets of a scene without currents beyond the scan lie."""

    @property
    def height(self) -> float:
        """Of the copper over the plate, m."""
        low, high = self.board.grid.heights
        return high - low

    def plate_cells(self) -> NDArray[np.bool_]:
        """The cells of the board, ``(rows, columns)``, slots included."""
        mask = np.zeros(self.board.grid.shape[1:], bool)
        (row, column), (rows, columns) = self.board.first, self.board.cells
        mask[row : row + rows, column : column + columns] = True
        return mask


def smallest_pitch(geometry: Geometry) -> float:
    """The smallest pitch of the planes, m; raises ConfigError where the others are not whole multiples of it."""
    planes = (geometry.source, geometry.target)
    pitches = [pitch for plane in planes for pitch in (plane.pitch_x, plane.pitch_y)]
    pitch = min(pitches)
    for other in pitches:
        if not isclose(other / pitch, round(other / pitch), rel_tol=1e-6):
            raise ConfigError(
                "scene kind 'boards'",
                [
                    f"the pitches {pitch / MM:g} and {other / MM:g} mm of data.source_plane and data.target_plane must "
                    "be whole multiples of the smaller one; change them, or set acquire.simulate.mix.boards: 0"
                ],
            )
    return pitch


def cell_side(params: BoardsParams, pitch: float, area: float) -> float:
    """The side of a cell for a plate of ``area``, m^2: ``pitch``, m, or a whole part of it."""
    wanted = max(params.cell_mm * MM, sqrt(area / _CELLS))
    return pitch / max(1, int(pitch / wanted * (1 + 1e-9)))


def draw_board(params: BoardsParams, geometry: Geometry, half_width: float, rng: np.random.Generator) -> BoardDesign:
    """A random board; ``half_width``, m, is where nets lie that do not go beyond the scan."""
    height = rng.uniform(params.lowest_mm, params.highest_mm) * MM
    permittivity = rng.uniform(params.permittivity[0], params.permittivity[1])
    sides = np.exp(rng.uniform(log(params.smallest_mm), log(params.largest_mm), 2)) * MM
    if rng.random() < 0.5:
        sides[1] = sides[0]
    middle = rng.uniform(-params.off_centre_mm, params.off_centre_mm, 2) * MM
    side = cell_side(params, smallest_pitch(geometry), float(sides.prod()))
    columns, rows = (max(_FEWEST, round(float(length) / side)) for length in sides)
    plated = rng.random() >= params.no_plate_share
    cable = np.zeros((0, 3), np.int64)
    if plated and rng.random() < params.cable_share:
        length = exp(rng.uniform(log(params.cable_mm[0]), log(params.cable_mm[1]))) * MM
        cable = _draw_cable(rows, columns, ceil(length / side), rng)
    slot = _draw_slot(rows, columns, rng) if plated and rng.random() < params.slot_share else None

    low = np.minimum(cable[:, 1:].min(0, initial=0), 0)
    high = np.maximum(cable[:, 1:].max(0, initial=0), [rows - 1, columns - 1])
    cable[:, 1:] -= low
    total_rows, total_columns = (high - low + 1).tolist()
    first = (int(-low[0]), int(-low[1]))
    corner = middle - side * (np.array([columns, rows]) / 2 + [first[1], first[0]])
    grid = CellGrid(float(corner[0]), float(corner[1]), side, (-height, 0.0), total_rows, total_columns)
    conductor = np.zeros(grid.shape, bool)
    if plated:
        conductor[GROUND, first[0] : first[0] + rows, first[1] : first[1] + columns] = True
        conductor[tuple(cable.T)] = True
    if slot is not None:
        slot = (slot[0] + first[0], slot[1] + first[0], slot[2] + first[1], slot[3] + first[1])
        conductor[GROUND, slot[0] : slot[1] + 1, slot[2] : slot[3] + 1] = False
    x = grid.x_first + side * (np.arange(total_columns) + 0.5)
    y = grid.y_first + side * (np.arange(total_rows) + 0.5)
    board = Board(grid, geometry.frequency, first, (rows, columns), conductor)
    inside = (np.abs(y)[:, None] <= half_width) & (np.abs(x) <= half_width)
    return BoardDesign(board, permittivity, plated, cable, slot, inside)


def _draw_cable(rows: int, columns: int, length: int, rng: np.random.Generator) -> Cells:
    """A way of ``length`` cells from an edge of the plate outwards, straight or with one bend.

    In layer `GROUND` it hangs on the plate; in layer `COPPER` a trace ends in it, at its first cell, over the rim.
    """
    layer = GROUND if rng.random() < 0.5 else COPPER
    out = np.array([[0, 1], [0, -1], [1, 0], [-1, 0]])[rng.integers(4)]
    start = np.array([int(rng.integers(rows)), int(rng.integers(columns))])
    start = np.where(out > 0, [rows, columns], np.where(out < 0, -1, start))
    bend = int(rng.integers(1, length + 1)) if rng.random() < 0.5 else length
    aside = out[::-1] * rng.choice([-1, 1])
    steps = np.concatenate([np.tile(out, (bend - 1, 1)), np.tile(aside, (length - bend, 1))])
    places = start + np.concatenate([np.zeros((1, 2), int), np.cumsum(steps, 0)])
    return np.column_stack([np.full(length, layer), places])


def _draw_slot(rows: int, columns: int, rng: np.random.Generator) -> tuple[int, int, int, int]:
    """A slot one cell wide, of 30 to 80 % of a side, along x or y; some begin at the edge."""
    along = int(rng.integers(2))
    length_of, across = (columns, rows) if along else (rows, columns)
    length = max(2, round(rng.uniform(0.3, 0.8) * length_of))
    start = 0 if rng.random() < 0.3 else int(rng.integers(1, max(2, length_of - length)))
    place = int(rng.integers(1, across - 1))
    end = min(start + length, length_of) - 1
    return (place, place, start, end) if along else (start, end, place, place)
