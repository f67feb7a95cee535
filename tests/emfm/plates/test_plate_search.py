"""The field above a board of known ground plane: better than without it, and with an error that is told."""

from functools import cache

import numpy as np
import pytest

from emfm.acquire.conductors.board import Board as Solved
from emfm.acquire.conductors.mesh import CellGrid, Edges, GridCurrents
from emfm.acquire.scenes import Planes, Scene
from emfm.core.channels import to_channels
from emfm.core.grid import Geometry, Grid
from emfm.model.search.equivalent_dipoles import DipoleSetting, dipole_operator
from emfm.plates.evidence import SparseCurrents
from emfm.plates.ground_plane import Board
from emfm.plates.plate_search import plate_search
from emfm.sources.search import PointSearch

SCAN = Grid(-5e-3, -5e-3, 1e-3, 1e-3, 11, 11, 1e-3)
TARGET = Grid(-16e-3, -16e-3, 4e-3, 4e-3, 9, 9, 5e-3)
FAR = Grid(-0.3, -0.3, 0.15, 0.15, 5, 5, 0.3)
"""Five wavelengths above, to 55 degrees aside."""
GEOMETRY = Geometry(5e9, SCAN, TARGET)
BOARD = Board((-6.0, 6.0), (-6.0, 6.0), -0.8)


@cache
def trace():
    """A line of 7 mm with a standing wave and a via at one end, over a plate of 12 mm: scan, field, field far away."""
    grid = CellGrid(-6e-3, -6e-3, 0.5e-3, (-0.8e-3, 0.0), 24, 24)
    conductor = np.zeros(grid.shape, bool)
    conductor[0] = True
    cells = np.array([(1, 13, column) for column in range(5, 19)])
    current = np.cos(2 * np.pi * 5e9 * 1.6 / 3e8 * 0.5e-3 * np.arange(14)) * (1 - 0.3j)
    net = GridCurrents.none(grid).with_rooftops(Edges(cells, np.zeros(14, int)), current)
    net = net.with_vias(cells[:1], current[:1])
    none = Scene(np.zeros((0, 3)), np.zeros(0, bool), np.zeros((0, 3), complex))
    planes = Planes((SCAN, TARGET, FAR), 5e9)
    fields = Solved(grid, 5e9, (0, 0), (24, 24), conductor).fields([net], none, planes)[0].reshape(6, -1)
    scan, target, far = np.split(fields, np.cumsum([SCAN.nx * SCAN.ny, TARGET.nx * TARGET.ny]), axis=1)
    scan = scan[3:5].reshape(2, *SCAN.shape)
    rng = np.random.default_rng(0)
    noise = 0.01 * np.sqrt(np.mean(np.abs(scan) ** 2) / 2)
    scan = scan + noise * (rng.standard_normal(scan.shape) + 1j * rng.standard_normal(scan.shape))
    return to_channels(scan).astype(np.float32), target.reshape(6, *TARGET.shape), far


def errors(found, true):
    return [np.linalg.norm((found - true)[of]) / np.linalg.norm(true[of]) for of in (slice(3), slice(3, 6))]


def test_with_the_plate_the_field_of_a_trace_is_nearer_than_by_dipoles_without_it():
    scan, true, _ = trace()
    found = plate_search(BOARD, GEOMETRY).find(scan)
    channels = dipole_operator(GEOMETRY, DipoleSetting()).apply(scan[None])[0]
    dipoles = errors(channels[0::2] + 1j * channels[1::2], true)
    own = errors(found.target, true)
    assert max(own) < 0.1
    assert own[0] < dipoles[0] / 2
    assert own[1] < dipoles[1] / 2
    assert found.misfit < 0.05


def test_far_away_the_field_is_that_of_the_board_and_not_of_a_trace_in_free_space():
    scan, _, far = trace()
    found = plate_search(BOARD, GEOMETRY).find(scan)
    assert max(errors(np.concatenate(found.elements.fields(FAR.points()), axis=1).T, far)) < 0.1
    (free,) = PointSearch(GEOMETRY).find(scan[None])
    assert max(errors(np.concatenate(free.all_elements.fields(FAR.points()), axis=1).T, far)) > 0.3


def test_the_error_is_below_its_bound_and_the_bound_above_what_is_expected():
    scan, true, _ = trace()
    found = plate_search(BOARD, GEOMETRY).find(scan)
    for error, expected, bound in zip(
        errors(found.target, true), found.expected_rel_l2, found.bound_rel_l2, strict=True
    ):
        assert 0 < expected < bound
        assert error < bound


def test_a_stronger_scan_is_a_stronger_field_of_the_same_errors():
    scan, *_ = trace()
    search = plate_search(BOARD, GEOMETRY)
    one, many = search.find(scan), search.find(1e3 * scan)
    assert np.allclose(many.target, 1e3 * one.target, rtol=1e-3, atol=1e-3 * np.abs(many.target).max())
    assert many.expected_rel_l2 == pytest.approx(one.expected_rel_l2, rel=1e-2)


def test_what_flows_on_the_copper_is_the_current_of_the_trace():
    scan, *_ = trace()
    copper = plate_search(BOARD, GEOMETRY).find(scan).copper.down_to(0.3)
    x, y = 1e3 * copper.places[:, :2].T
    on_trace = (np.abs(y - 0.75) < 1.1) & (x > -4.1) & (x < 4.1)  # y = 0.75 mm, x from -3.5 to 3.5, cells of 1 mm
    assert on_trace.mean() > 0.9


def test_currents_that_leave_much_of_a_scan_are_warned_of():
    scan, *_ = trace()
    assert plate_search(BOARD, GEOMETRY).find(scan).warning == ""
    noise = np.random.default_rng(1).standard_normal(scan.shape).astype(np.float32)
    spoilt = plate_search(BOARD, GEOMETRY).find(scan + np.abs(scan).max() * noise)
    assert "currents on the board given leave" in spoilt.warning
    assert f"{spoilt.misfit:.0%} of the scan" in spoilt.warning


def test_a_board_is_solved_once():
    assert plate_search(BOARD, GEOMETRY) is plate_search(Board((-6.0, 6.0), (-6.0, 6.0), -0.8), GEOMETRY)


def test_a_plate_that_is_not_there_leaves_more_of_the_scan_or_errs_more():
    scan, true, _ = trace()
    wrong = plate_search(Board((-6.0, 6.0), (-6.0, 6.0), -3.0), GEOMETRY).find(scan)
    right = plate_search(BOARD, GEOMETRY).find(scan)
    assert max(errors(wrong.target, true)) > 2 * max(errors(right.target, true))


def test_draws_of_the_currents_have_the_covariance_of_the_posterior():
    rng = np.random.default_rng(3)
    scans = rng.standard_normal((6, 8)) + 1j * rng.standard_normal((6, 8))
    posterior = SparseCurrents(scans, np.arange(6) // 2).find(scans[0] + 0.3 * rng.standard_normal(8))
    drawn = posterior.deviations(4000, rng)
    variances, rows = posterior._variances.numpy(), posterior._rows.numpy()
    inverse = np.linalg.inv((rows.T * variances) @ rows.conj() + posterior._noise * np.eye(rows.shape[1]))
    told = variances[:, None] * rows.conj() @ inverse @ rows.T * variances
    covariance = np.diag(variances) - told
    assert np.abs(drawn.T @ drawn.conj() / 4000 - covariance).max() < 0.1 * np.abs(covariance).max()
