"""Mistakes of a plane, told from its points alone."""

import numpy as np
import pytest

from emfm.acquire.readers.plane_faults import plane_fault, rows_on_grid
from emfm.core.grid import Grid

SQUARE = Grid(-5e-3, -5e-3, 1e-3, 1e-3, 11, 11, 1e-3)
OBLONG = Grid(-2e-3, -1e-3, 1e-3, 0.5e-3, 5, 4, 1e-3)
OFF_CENTRE = Grid(3e-3, -1e-3, 1e-3, 1e-3, 5, 3, 2e-3)
TOLERANCE = 2e-5
UNITS = {"m": 1e3, "cm": 10, "um": 1e-3, "inches": 25.4, "mil": 25.4e-3}


def turned(points, degrees):
    angle = np.radians(degrees)
    cosine, sine = np.cos(angle), np.sin(angle)
    return points @ np.array([[cosine, sine, 0], [-sine, cosine, 0], [0, 0, 1]])


def fault(points, grid=SQUARE, **more):
    return plane_fault(np.asarray(points), grid, TOLERANCE, **more)


def test_points_in_any_order_and_beyond_the_plane_give_the_row_of_each_expected_one():
    points = Grid(-4e-3, -2e-3, 0.5e-3, 0.5e-3, 17, 9, 1e-3).points()
    above = points + [0, 0, 1e-3]
    mixed = np.random.default_rng(0).permutation(np.concatenate([points, above]))
    rows = rows_on_grid(mixed, OBLONG, TOLERANCE)
    np.testing.assert_allclose(mixed[rows], OBLONG.points(), rtol=0, atol=1e-12)


def test_a_point_that_is_missing_or_given_twice_leaves_no_rows():
    points = OBLONG.points()
    assert rows_on_grid(points[1:], OBLONG, TOLERANCE) is None
    assert rows_on_grid(np.concatenate([points, points[:1] + 1e-6]), OBLONG, TOLERANCE) is None
    assert rows_on_grid(np.concatenate([points[1:], points[1:2]]), OBLONG, TOLERANCE) is None
    assert rows_on_grid(points[:0], OBLONG, TOLERANCE) is None


@pytest.mark.parametrize("grid", [SQUARE, OBLONG, OFF_CENTRE], ids=["square", "oblong", "off centre"])
@pytest.mark.parametrize("unit", UNITS)
def test_another_unit_is_named_with_the_factor(grid, unit):
    found = fault(grid.points() / UNITS[unit], grid, unit="mm")
    assert found.startswith(f"the coordinates are in another unit, {unit} where mm are read. Found")
    assert f"multiply them by {UNITS[unit]:g}, or make a model" in found
    flat = grid.points() / [UNITS[unit], UNITS[unit], 1]
    assert fault(flat, grid, unit="mm").startswith(f"the coordinates are in another unit, {unit} where mm are read. Fo")


def test_another_unit_is_named_beside_another_mistake():
    moved = (SQUARE.points() + [2e-3, 0, 0]) / 1e3
    assert fault(moved).startswith(
        "the coordinates are in another unit, m where mm are read, and x is shifted by 2 mm."
    )
    high = (SQUARE.points() + [0, 0, 1e-3]) / 1e3
    assert "m where mm are read, and it lies at z = 0.002 mm" in fault(high)


@pytest.mark.parametrize("grid", [SQUARE, OBLONG, OFF_CENTRE], ids=["square", "oblong", "off centre"])
@pytest.mark.parametrize(("by", "words"), [(0.5, "above"), (-0.25, "below"), (0.021, "above")])
def test_another_height_is_told_with_the_difference(grid, by, words):
    found = fault(grid.points() + [0, 0, by * 1e-3], grid)
    height = 1e3 * grid.z
    assert found.startswith(f"it lies at z = {height + by:g} mm, {abs(by):g} mm {words} z = {height:g} mm. Found")
    assert f"scan or export at z = {height:g} mm" in found


@pytest.mark.parametrize("degrees", [2, 10, 30, 45])
@pytest.mark.parametrize("grid", [SQUARE, OBLONG, OFF_CENTRE], ids=["square", "oblong", "off centre"])
def test_another_angle_is_told(grid, degrees):
    assert fault(turned(grid.points(), degrees), grid).startswith(f"the plane is rotated by {degrees} degrees. Found")


@pytest.mark.parametrize(
    ("points", "grid", "words"),
    [
        (OBLONG.points()[:, [1, 0, 2]], OBLONG, "x and y are exchanged, or the plane is rotated by 90 degrees. "),
        (OFF_CENTRE.points() * [-1, 1, 1], OFF_CENTRE, "the plane is mirrored or rotated: x has the other sign. "),
        (SQUARE.points() + [3e-4, 0, 0], SQUARE, "x is shifted by 0.3 mm. "),
        (
            SQUARE.points() + [1e-3, -2e-3, 1e-3],
            SQUARE,
            "x is shifted by 1 mm, and y is shifted by -2 mm, and it lies at",
        ),
        (Grid(-4e-3, -4e-3, 1e-3, 1e-3, 9, 9, 1e-3).points(), SQUARE, "x reaches only from -4 to 4 mm, and y reaches "),
        (
            Grid(-5e-3, -5e-3, 4e-4, 1e-3, 26, 11, 1e-3).points(),
            SQUARE,
            "x is finer, by 0.4 instead of 1 mm without a ",
        ),
        (Grid(-5e-3, -5e-3, 2e-3, 2e-3, 6, 6, 1e-3).points(), SQUARE, "x is coarser, by 2 instead of 1 mm without a "),
        (Grid(-7.5e-3, -5e-3, 1e-3, 1e-3, 16, 11, 1e-3).points(), SQUARE, "x is larger, and x is shifted by "),
        (Grid(-7e-3, -7e-3, 1e-3, 1e-3, 15, 15, 1e-3).points(), SQUARE, "it is larger or finer, or gives points twice"),
        (SQUARE.points()[:-1], SQUARE, "some points are missing. "),
        (SQUARE.points() + np.eye(121, 3) * [3e-4, 3e-4, 0], SQUARE, "2 of its 121 points are off it. "),
        (SQUARE.points()[:0], SQUARE, "there are no points"),
        (SQUARE.points() * 1e307, SQUARE, ""),
        (SQUARE.points() * 1e300, SQUARE, "x is coarser, by 1e+300 instead of 1 mm"),
    ],
)
def test_a_mistake_is_told(points, grid, words):
    assert fault(points, grid).startswith(words)


def test_positions_of_a_scanner_are_described_as_the_plane_that_they_are():
    jitter = 1e-5 * np.random.default_rng(0).uniform(-1, 1, (121, 3))
    found = fault(SQUARE.points() + jitter + [0, 0, 1e-3])
    assert found.startswith("it lies at z = 1.99998 mm, 0.999975 mm above z = 1 mm. Found")
    assert " in uneven steps" not in found
