"""The field at an antenna some metres away, against explicit sums and what a flat conductor demands."""

import numpy as np
import pytest

from emfm.core.constants import ETA_0, SPEED_OF_LIGHT
from emfm.sources.found import CurrentElements
from emfm.sources.sites import Site, dbuv_per_m, images
from point_sources import random_elements

FREQUENCY = 300e6


def one(electric, frequency=FREQUENCY):
    return CurrentElements(np.zeros((1, 3)), np.array([electric], complex), np.zeros((1, 3), complex), frequency)


def test_a_level_is_of_the_effective_value_in_microvolts():
    assert dbuv_per_m(np.sqrt(2) * 100e-6) == pytest.approx(40.0)
    assert dbuv_per_m(0.0) == -np.inf


@pytest.mark.parametrize("seed", range(3))
def test_with_the_images_no_field_is_along_the_floor(seed):
    elements = random_elements(seed, frequency=FREQUENCY)
    above = CurrentElements(elements.positions + [0, 0, 0.8], elements.electric, elements.magnetic, FREQUENCY)
    floor = np.array([[1.0, 2.0, 0.0], [-3.0, 0.5, 0.0], [0.1, 0.0, 0.0]])
    e_field, h_field = above.and_also(images(above)).fields(floor)
    alone, _ = above.fields(floor)
    assert np.abs(e_field[:, :2]).max() < 1e-12 * np.abs(alone).max()
    assert np.abs(h_field[:, 2]).max() < 1e-12 * np.abs(h_field).max()


def test_an_upright_dipole_above_the_floor_is_two_dipoles_in_free_space():
    site = Site(3.0, floor=True, antenna_heights=(1.3, 1.3))
    signals = site.signals(one((0, 0, 1e-3)))
    two = CurrentElements(
        np.array([[0, 0, 0.8], [0, 0, -0.8]]),
        np.array([[0, 0, 1e-3]] * 2, complex),
        np.zeros((2, 3), complex),
        FREQUENCY,
    )
    expected = two.fields(np.array([[3.0, 0.0, 1.3]]))[0][0, 2]
    np.testing.assert_allclose(signals[1], expected, rtol=1e-12)  # of every azimuth
    np.testing.assert_allclose(np.abs(signals[0]), 0, atol=1e-15)


def test_the_level_of_a_dipole_in_free_space_is_that_of_the_formula():
    """|E| = eta k |Il| / (4 pi r), at the height of the board (Balanis, eq. 4-26a), 10 m being far at 300 MHz."""
    wavenumber = 2 * np.pi * FREQUENCY / SPEED_OF_LIGHT
    site = Site(10.0, floor=False, table_height=1.0, antenna_heights=(1.0, 1.0))
    found = site.strongest(one((0, 0, 1e-6)))
    assert found.dbuv_per_m == pytest.approx(dbuv_per_m(ETA_0 * wavenumber * 1e-6 / (4 * np.pi * 10.0)), abs=0.01)
    assert (found.polarisation, found.height) == ("vertical", 1.0)


def test_the_floor_adds_up_to_six_decibels_and_never_more():
    element = one((0, 1e-6, 0), frequency=200e6)
    (free, above) = (Site(10.0, floor=floor).strongest(element).dbuv_per_m for floor in (False, True))
    assert 3 < above - free < 6.03


def test_the_antenna_finds_the_side_to_which_a_level_dipole_radiates():
    found = Site(10.0, floor=True).strongest(one((0, 1e-6, 0)))
    assert found.polarisation == "horizontal"
    assert found.azimuth_deg % 180 == 0  # a dipole along y radiates along x
    assert 1 <= found.height <= 4


@pytest.mark.parametrize("up", [(1, 0, 0), (0, 1, 0), (0, 0, -2), (1, 1, 1)])
def test_a_board_that_stands_is_turned_whole(up):
    site = Site(3.0, floor=True, up=up)
    axes = site.room_axes()
    np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-15)
    assert np.linalg.det(axes) == pytest.approx(1)
    direction = np.array(up) / np.linalg.norm(up)
    np.testing.assert_allclose(axes @ direction, [0, 0, 1], atol=1e-15)
    upright = site.strongest(one(tuple(1e-6 * direction)))
    assert upright.polarisation == "vertical"
    flat = Site(3.0, floor=True).strongest(one((0, 0, 1e-6)))
    assert upright.dbuv_per_m == pytest.approx(flat.dbuv_per_m, abs=1e-9)


@pytest.mark.parametrize("wrong", [{"distance": 0.0}, {"antenna_heights": (4.0, 1.0)}, {"up": (0, 0, 0)}])
def test_a_site_that_cannot_be_is_refused(wrong):
    with pytest.raises(ValueError, match="found"):
        Site(**({"distance": 3.0, "floor": True} | wrong))
