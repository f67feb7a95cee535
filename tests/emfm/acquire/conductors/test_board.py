"""Boards rebuilt from cells and lines, against the fields that an independent FDTD program found for them.

What was told of the boards are their sizes, heights and kinds; ends and widths of the copper are read off the fine
scans, to a cell of 0.5 mm. So this is the error of a guess, too.
"""

import json
from pathlib import Path

import numpy as np
import pytest

from emfm.acquire.conductors.board import Board
from emfm.acquire.conductors.coupling import Coupling
from emfm.acquire.conductors.mesh import CellGrid, GridCurrents, edges_of
from emfm.acquire.conductors.planar_circuit import LineConstants, Load, Net, copper, via_impedance
from emfm.acquire.scenes import Planes, Scene
from emfm.core.channels import to_components
from emfm.core.grid import Grid

FREQUENCY, SIDE, FR4 = 5e9, 0.5e-3, 4.3
REFERENCE = Path(__file__).parents[4] / "data" / "reference" / "board_cases.npz"
SCAN = Grid(-5e-3, -5e-3, 1e-3, 1e-3, 11, 11, 1e-3)
TARGET = Grid(-25e-3, -25e-3, 1e-3, 1e-3, 51, 51, 5e-3)
PLANES = Planes((SCAN, TARGET), FREQUENCY)
NOTHING = Scene(np.zeros((0, 3)), np.zeros(0, bool), np.zeros((0, 3), complex))


@pytest.fixture(scope="module")
def solved_by_fdtd():
    with np.load(REFERENCE) as file:
        names = file["names"].tolist()
        heights = [json.loads(text)["t_mm"] * 1e-3 for text in file["properties"]]
        fields = zip(file["source_H"].astype(float), file["target"].astype(float), heights, strict=True)
        return {
            name: (to_components(scan), to_components(target), height)
            for name, (scan, target, height) in zip(names, fields, strict=True)
        }


def plate(cells, height, shift=0.0):
    """A square plate of ``cells``, whose middle is ``shift`` below that of the scan along x and y."""
    corner = -cells * SIDE / 2 - shift
    grid = CellGrid(corner, corner, SIDE, (-height, 0.0), cells, cells)
    conductor = np.zeros(grid.shape, bool)
    conductor[0] = True
    return Board(grid, FREQUENCY, (0, 0), (cells, cells), conductor)


def errors(board: Board, net: Net, known):
    """Relative errors of the scan, of E and of H after one common complex factor, which fits the scan."""
    scan, target, _ = known
    fields = board.fields([net.currents(board.grid, FREQUENCY)], NOTHING, PLANES)[0]
    points = SCAN.nx * SCAN.ny
    found = fields[1, :2, :points].ravel()
    factor = np.vdot(found, scan) / np.vdot(found, found)
    parts = (found, scan), (fields[0, :, points:], target[:3]), (fields[1, :, points:], target[3:])
    return [np.linalg.norm(factor * one.ravel() - two.ravel()) / np.linalg.norm(two) for one, two in parts]


def strip(board, half, width):
    """Cells of a strip along x in the middle of a board, the place of either end, ``half`` cells from the middle."""
    middle, row = board.grid.rows // 2, board.grid.rows // 2 - width // 2
    places = [(r, c) for r in range(row, row + width) for c in range(middle - half, middle + half + 1)]
    cells = np.array([(1, *place) for place in places])
    return cells, places.index((middle, middle - half)), places.index((middle, middle + half))


@pytest.mark.parametrize(
    ("name", "cells", "half", "width", "bounds"),
    [
        ("ms_match_g10", 20, 6, 3, (0.15, 0.15, 0.15)),
        ("ms_open_g10", 20, 6, 3, (0.15, 0.15, 0.15)),
        ("ms_match_g20", 40, 8, 3, (0.15, 0.20, 0.17)),
        ("loop_short_g20", 40, 4, 3, (0.05, 0.20, 0.17)),
    ],
)
def test_a_trace_over_a_plate_is_that_of_the_fdtd_program(solved_by_fdtd, name, cells, half, width, bounds):
    known = solved_by_fdtd[name]
    height = known[2]
    board = plate(cells, height, SIDE / 2)
    copper_cells, start, end = strip(board, half, width)
    line = LineConstants.of(width * SIDE, height, FR4)
    ends = {"match": line.impedance, "short": 0.1}
    loads = tuple(
        Load(end, via_impedance(height, FREQUENCY, impedance)) for kind, impedance in ends.items() if kind in name
    )
    found = errors(board, copper(copper_cells, line, SIDE, width * SIDE, start, loads), known)
    assert all(error < bound for error, bound in zip(found, bounds, strict=True)), found


def test_a_patch_fed_by_a_via_is_that_of_the_fdtd_program_to_a_third(solved_by_fdtd):
    """Cells of equal inductance know no crowding of the current at the rim and round the feed."""
    known = solved_by_fdtd["patch5_g20"]
    board = plate(40, known[2])
    places = [(row, column) for row in range(15, 25) for column in range(15, 25)]
    line = LineConstants.of(10 * SIDE, known[2], FR4)
    net = copper(np.array([(1, *place) for place in places]), line, SIDE, 10 * SIDE, places.index((20, 17)), ())
    assert max(errors(board, net, known)) < 0.33


def test_a_loop_in_air_fed_by_a_gap_is_that_of_the_fdtd_program(solved_by_fdtd):
    """Solved whole, as a conductor with a delta gap; without a plate."""
    scan, target, _ = solved_by_fdtd["loop_air"]
    grid = CellGrid(-5.5e-3, -5.5e-3, 1e-3, (0.0, 1e-3), 11, 11)
    mask = np.zeros(grid.shape, bool)
    mask[0, 3:8, 3:8] = True
    mask[0, 4:7, 4:7] = False
    edges = edges_of(mask)
    gap = ((edges.cells == [0, 7, 5]).all(1) & (edges.direction == 0)).astype(complex)
    currents = np.linalg.solve(Coupling(grid, FREQUENCY).matrix(edges, edges), gap)
    board = Board(grid, FREQUENCY, (0, 0), (0, 0), np.zeros(grid.shape, bool))
    fields = board.fields([GridCurrents.none(grid).with_rooftops(edges, currents)], NOTHING, PLANES)[0]
    found = fields[1, :2, : SCAN.nx * SCAN.ny].ravel()
    factor = np.vdot(found, scan) / np.vdot(found, found)
    assert np.linalg.norm(factor * found - scan.ravel()) < 0.16 * np.linalg.norm(scan)
    for part, truth, bound in ((fields[0], target[:3], 0.22), (fields[1], target[3:], 0.12)):
        rest = factor * part[:, SCAN.nx * SCAN.ny :].ravel() - truth.ravel()
        assert np.linalg.norm(rest) < bound * np.linalg.norm(truth)
