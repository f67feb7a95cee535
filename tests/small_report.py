"""The reports of small scans whose sources, or whose currents on a board, are known."""

import numpy as np

from emfm.core.channels import to_channels
from emfm.core.grid import Geometry, Grid
from emfm.plates.copper import CopperCurrents
from emfm.plates.ground_plane import Board
from emfm.plates.plate_search import PlateField
from emfm.plot.origins.board_currents import BoardCurrents
from emfm.plot.origins.free_sources import FreeSources
from emfm.plot.scan_report import ScanReport
from emfm.sources.found import CurrentElements
from point_sources import random_elements, scan_of, two_sources

GEOMETRY = Geometry(5e9, Grid(-4e-3, -3e-3, 1e-3, 1e-3, 9, 7, 1e-3), Grid(-6e-3, -4e-3, 2e-3, 2e-3, 7, 5, 5e-3))


TRUST = "expected relative error: E 0.12, H 0.1; 90 % bound: E 0.3, H 0.25; distance from the training samples: 0.8"


def field_of(elements, grid=GEOMETRY.target):
    """Their field on a plane, ``(12, ny, nx)`` float32."""
    components = np.concatenate(elements.fields(grid.points()), axis=1).T.reshape(6, *grid.shape)
    return to_channels(components).astype(np.float32)


def small_report(name="board.csv", factor=1.0, warnings=(), sources=None):
    """Of two sources and a background; the prediction is ``factor`` times their field."""
    found = two_sources(spread=0.1, background=random_elements(1, count=1)) if sources is None else sources
    scan, field = scan_of(found.all_elements, GEOMETRY.source), np.float32(factor) * field_of(found.all_elements)
    origin = FreeSources(found, field, GEOMETRY)
    return ScanReport.of(name, GEOMETRY, scan, field, origin, TRUST, tuple(warnings))


def board_field(misfit=0.04):
    """A line of three cells along x over a plate of 10 mm, that ends in a current up from it."""
    places = np.array([[0.0, 0.5e-3, 0.0], [1e-3, 0.5e-3, 0.0], [-1e-3, 0.5e-3, 0.0], [4e-3, 4e-3, 0.0]])
    currents = np.array([[2e-3, 0, 0], [1e-3j, 0, 0], [0, 0, 0.5e-3], [1e-5, 0, 0]], complex)
    copper = CopperCurrents(places, currents, side=1e-3)
    elements = CurrentElements(places, 1e-3 * currents, np.zeros_like(currents), GEOMETRY.frequency)
    board = Board((-5.0, 5.0), (-5.0, 5.0), -0.8)
    return PlateField(board, copper, elements, GEOMETRY.target, (0.1, 0.05), (0.3, 0.2), misfit)


def report_over_board(name="known.csv"):
    """Of the currents of `board_field`."""
    found = board_field()
    scan = scan_of(found.elements, GEOMETRY.source)
    origin = BoardCurrents(found, GEOMETRY.source.pitch_x)
    return ScanReport.of(name, GEOMETRY, scan, found.channels, origin, TRUST, ())
