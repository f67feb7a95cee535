"""A current on the copper, with the current that it induces: what image theory and another mesh say of it."""

from functools import cache

import numpy as np
import pytest
import torch

from emfm.acquire.conductors.board import Board as Solved
from emfm.acquire.conductors.mesh import CellGrid
from emfm.acquire.scenes import Planes, Scene
from emfm.core.grid import Grid
from emfm.plates.dressed_cells import DressedCells
from emfm.plates.ground_plane import Board
from emfm.sources.views import ScanView

FREQUENCY = 5e9
SCAN = Grid(-5e-3, -5e-3, 1e-3, 1e-3, 11, 11, 1e-3)
TARGET = Grid(-10e-3, -10e-3, 2e-3, 2e-3, 11, 11, 5e-3)
VIEW = ScanView.of_grid(SCAN, FREQUENCY, torch.device("cpu"))
HEIGHT = 0.8e-3


@cache
def cells_over(side_mm):
    half = side_mm / 2
    return DressedCells(Board((-half, half), (-half, half), -1e3 * HEIGHT), VIEW, TARGET)


def candidate(cells, kind, place=(0.4e-3, -0.3e-3)):
    """1 A through the candidate nearest to ``place``: along x, along y, or up."""
    count = cells.grid.rows * cells.grid.columns
    along = cells.grid.rows * (cells.grid.columns - 1)
    first, last = {"x": (0, along), "y": (along, len(cells.middles) - count), "up": (-count, None)}[kind]
    numbers = np.arange(len(cells.middles))[first:last]
    currents = np.zeros(len(cells.middles), complex)
    currents[numbers[np.argmin(np.linalg.norm(cells.middles[numbers] - place, axis=1))]] = 1
    return currents


def alone(cells, kind):
    """The elements of the same current without those of the plate: they lie above it."""
    elements = cells.elements(candidate(cells, kind))
    upper = elements.positions[:, 2] > cells.grid.heights[0] + 1e-9
    return Scene(elements.positions[upper], np.zeros(upper.sum(), bool), elements.electric[upper])


def relative(found, expected):
    return np.linalg.norm(found - expected) / np.linalg.norm(expected)


def complex_fields(parts):
    return parts[..., 0, :] + 1j * parts[..., 1, :]


@pytest.mark.parametrize("kind", ["x", "y"])
def test_the_plates_currents_are_those_of_a_finer_mesh_that_is_driven_by_elements(kind):
    cells = cells_over(10)
    fine = CellGrid(-5e-3, -5e-3, 0.25e-3, (-HEIGHT, 0.0), 40, 40)
    conductor = np.zeros(fine.shape, bool)
    conductor[0] = True
    scene, planes = alone(cells, kind), Planes((SCAN, TARGET), FREQUENCY)
    each = Solved(fine, FREQUENCY, (0, 0), (40, 40), conductor).fields([], scene, planes).sum(0)
    scan = (candidate(cells, kind) @ cells.scans).reshape(2, -1)
    assert relative(scan, each[1, :2, : SCAN.nx * SCAN.ny]) < 0.03
    e_field, h_field = cells.elements(candidate(cells, kind)).fields(TARGET.points())
    assert relative(e_field.T, each[0, :, SCAN.nx * SCAN.ny :]) < 0.03
    assert relative(h_field.T, each[1, :, SCAN.nx * SCAN.ny :]) < 0.03


@pytest.mark.parametrize("kind", ["x", "y", "up"])
def test_over_the_middle_of_a_large_plate_the_field_is_that_of_the_image(kind):
    cells = cells_over(30)
    above = Grid(-3e-3, -3e-3, 1e-3, 1e-3, 7, 7, 3e-3)
    scene = alone(cells, kind).with_images(-HEIGHT)
    image = complex_fields(scene.fields(Planes((above,), FREQUENCY)))[1]
    dressed = cells.elements(candidate(cells, kind)).fields(above.points())[1].T
    assert relative(dressed, image) < 0.08


def test_little_of_the_field_is_left_behind_the_plate():
    cells = cells_over(30)
    behind = Grid(-3e-3, -3e-3, 1e-3, 1e-3, 7, 7, -HEIGHT - 3e-3)
    own = complex_fields(alone(cells, "x").fields(Planes((behind,), FREQUENCY)))[1]
    dressed = cells.elements(candidate(cells, "x")).fields(behind.points())[1].T
    assert np.linalg.norm(dressed) < 0.05 * np.linalg.norm(own)


def test_the_field_kept_of_a_candidate_is_that_of_its_elements():
    cells = cells_over(10)
    x = np.linspace(TARGET.x[0], TARGET.x[-1], 9)
    grid_y, grid_x = np.meshgrid(x, x, indexing="ij")
    points = np.stack([grid_x.ravel(), grid_y.ravel(), np.full(81, TARGET.z)], 1)
    for kind in ("x", "y", "up"):
        fields = np.concatenate([part.T for part in cells.elements(candidate(cells, kind)).fields(points)])
        assert relative((candidate(cells, kind) @ cells.fields).reshape(6, -1), fields) < 1e-6


def test_the_mesh_fits_the_outline():
    for x_mm, y_mm in (((-7.3, 6.1), (-3.0, 8.4)), ((-15.0, 22.0), (-4.0, 4.5))):
        grid = DressedCells(Board(x_mm, y_mm, -0.8), VIEW, TARGET).grid
        x_last, y_last = grid.x_first + grid.columns * grid.side, grid.y_first + grid.rows * grid.side
        off = np.array([grid.x_first, x_last, grid.y_first, y_last]) * 1e3 - [*x_mm, *y_mm]
        assert np.abs(off).max() < 0.2
