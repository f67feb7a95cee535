"""Nets as planar circuits, against line theory."""

import numpy as np
import pytest

from emfm.acquire.conductors.mesh import CellGrid
from emfm.acquire.conductors.planar_circuit import LineConstants, Load, copper, via_impedance
from emfm.core.constants import SPEED_OF_LIGHT

FREQUENCY, SIDE, HEIGHT = 5e9, 0.25e-3, 0.8e-3
GRID = CellGrid(0, 0, SIDE, (-HEIGHT, 0.0), 5, 200)


def straight(count):
    return np.column_stack([np.ones(count, int), np.full(count, 2), np.arange(count)])


def wave(load, count=160, permittivity=4.3, width=SIDE):
    """Currents along a straight trace, at the edges between its cells, and the currents of its vias."""
    line = LineConstants.of(width, HEIGHT, permittivity)
    loads = () if load is None else (Load(count - 1, line.impedance if load == "matched" else load),)
    currents = copper(straight(count), line, SIDE, width, 0, loads).currents(GRID, FREQUENCY)
    return line, currents.along[1, 0, 2, : count - 1], currents


@pytest.mark.parametrize(
    ("ratio", "permittivity", "impedance", "slowness"),
    [(3.081, 2.2, 50.0, 1.87), (1.0, 9.8, 48.0, 6.55), (2.0, 4.3, 48.9, 3.27)],
)
def test_a_microstrip_line_has_the_impedance_and_wave_of_the_textbook(ratio, permittivity, impedance, slowness):
    """The first is example 3.7 of Pozar; the others are his formulas worked out by hand."""
    line = LineConstants.of(ratio * 1e-3, 1e-3, permittivity)
    assert line.impedance == pytest.approx(impedance, rel=0.03)
    assert line.slowness == pytest.approx(slowness, rel=0.03)


def test_a_matched_line_carries_a_wave_of_constant_strength_and_the_lines_speed():
    line, along, _ = wave("matched")
    assert np.ptp(np.abs(along)) < 0.1 * np.abs(along).mean()  # the dielectric's loss, and the cells
    delay = -np.unwrap(np.angle(along))
    per_metre = (delay[-1] - delay[0]) / (SIDE * (len(along) - 1))
    assert per_metre == pytest.approx(2 * np.pi * FREQUENCY * line.slowness**0.5 / SPEED_OF_LIGHT, rel=0.02)


def test_an_open_line_has_no_current_at_its_end_and_a_quarter_wave_before_it_the_most():
    line, along, _ = wave(None)
    quarter = SPEED_OF_LIGHT / FREQUENCY / line.slowness**0.5 / 4
    assert abs(along[-1]) < 0.06 * np.abs(along).max()
    last_quarters = np.abs(along[-round(1.5 * quarter / SIDE) :])
    from_end = (len(last_quarters) - int(np.argmax(last_quarters))) * SIDE
    assert from_end == pytest.approx(quarter, rel=0.05)


def test_a_shorted_line_has_the_most_current_at_its_end():
    _, along, _ = wave(via_impedance(1e-6, FREQUENCY, 1e-3))
    assert np.abs(along[-1]) > 0.95 * np.abs(along).max()


@pytest.mark.parametrize("load", ["matched", None, 20 - 30j])
def test_what_charges_the_copper_is_the_capacitances_share_in_air(load):
    """All that the vias feed either flows back through vias and the dielectric, or is a charge."""
    _, _, currents = wave(load, count=40)
    assert abs(currents.outflow.sum()) < 1e-12
    air_line, _, in_air = wave(load, count=40, permittivity=1.0)
    assert air_line.slowness == pytest.approx(1)
    assert np.count_nonzero(np.abs(in_air.up) > 1e-9) == (1 if load is None else 2)
    assert np.count_nonzero(np.abs(currents.up) > 1e-9) == 40


def test_a_load_without_via_passes_its_current_on():
    line = LineConstants.of(SIDE, HEIGHT, 2.2)
    through, down = (
        copper(straight(20), line, SIDE, SIDE, 0, (Load(19, 200.0, via),)).currents(GRID, FREQUENCY)
        for via in (False, True)
    )
    np.testing.assert_allclose(through.along, down.along)
    assert abs(down.outflow[1, 2, 19]) < 0.2 * abs(through.outflow[1, 2, 19])


def test_a_wide_strip_of_cells_carries_the_wave_of_a_line_of_its_width():
    cells = np.array([[1, row, column] for column in range(160) for row in (1, 2, 3)])
    line = LineConstants.of(3 * SIDE, HEIGHT, 4.3)
    net = copper(cells, line, SIDE, 3 * SIDE, 1, (Load(len(cells) - 2, line.impedance),))
    along = net.currents(GRID, FREQUENCY).along[1, 0, 1:4].sum(0)[5:150]
    assert np.ptp(np.abs(along)) < 0.1 * np.abs(along).mean()
    delay = -np.unwrap(np.angle(along))
    per_metre = (delay[-1] - delay[0]) / (SIDE * (len(along) - 1))
    assert per_metre == pytest.approx(2 * np.pi * FREQUENCY * line.slowness**0.5 / SPEED_OF_LIGHT, rel=0.03)
