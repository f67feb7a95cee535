"""The averaged Green's function, against the integrals that it stands for."""

import numpy as np
import pytest

from emfm.acquire.conductors.green import averaged_green, spline_rule

SIDE, WAVENUMBER = 1e-3, 104.8


def by_sampling(row, column, height, order, count=48):
    """The average over source and test functions by a plain rule, which a singular integrand must not meet."""
    offsets = []
    for cells, n in ((row, order[0]), (column, order[1])):
        nodes, weights = spline_rule(n, count)
        offsets.append((cells * SIDE + nodes * SIDE, weights))
    (y, y_weights), (x, x_weights) = offsets
    distance = np.sqrt(y[:, None] ** 2 + x**2 + height**2)
    values = np.exp(-1j * WAVENUMBER * distance) / (4 * np.pi * distance)
    return y_weights @ values @ x_weights


@pytest.mark.parametrize("order", [(2, 2), (2, 4), (4, 2)])
@pytest.mark.parametrize("height", [0.4e-3, 0.8e-3, 1.6e-3])
def test_every_entry_is_the_average_over_both_functions(order, height):
    table = averaged_green(8, 8, SIDE, height, WAVENUMBER, order)
    for row, column in np.ndindex(8, 8):
        assert table[row, column] == pytest.approx(by_sampling(row, column, height, order), rel=2e-3)


@pytest.mark.parametrize("order", [(2, 2), (2, 4)])
def test_in_one_layer_the_entries_beyond_the_neighbours_are_those_averages_too(order):
    table = averaged_green(10, 10, SIDE, 0.0, WAVENUMBER, order)
    for place in ((0, 5), (5, 0), (3, 7), (9, 9)):
        assert table[place] == pytest.approx(by_sampling(*place, 0.0, order), rel=2e-3)


def test_the_potential_of_a_charged_square_on_itself_is_the_known_one():
    """4 ln(1 + 2^0.5) - 4 (2^0.5 - 1) / 3 is the mean of d/R over two points of a unit square, twice over."""
    table = averaged_green(2, 2, SIDE, 0.0, 1e-6, (2, 2))
    mean = 4 * np.log(1 + np.sqrt(2)) - 4 * (np.sqrt(2) - 1) / 3
    assert table[0, 0].real * 4 * np.pi * SIDE == pytest.approx(mean, rel=2e-3)


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_a_spline_has_area_one_and_a_variance_of_a_twelfth_for_each_pulse(order):
    nodes, weights = spline_rule(order, 4)
    assert weights.sum() == pytest.approx(1)
    assert weights @ nodes == pytest.approx(0, abs=1e-12)
    assert weights @ nodes**2 == pytest.approx(order / 12)
