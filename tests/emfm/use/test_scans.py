"""Source H as users give it: what is taken, how it is put in order, and what is refused."""

import numpy as np
import pytest
import torch

from emfm.core.channels import to_components
from emfm.core.errors import DataError
from emfm.core.grid import Grid
from emfm.use.scans import checked_scans
from small_store import GEOMETRY

GRID = GEOMETRY.source
NY, NX = GRID.shape
PITCH = GRID.pitch_x


def checked(source_h, axes, grid, tolerance=None):
    return checked_scans(source_h, axes, grid, GEOMETRY.frequency, tolerance)


def scans_of(rows, columns, count=2):
    return np.random.default_rng(0).normal(size=(count, 4, rows, columns))


def scans(count=2):
    return scans_of(NY, NX, count)


def test_real_and_complex_single_and_batched_scans_become_the_same_channels():
    channels = scans()
    expected = channels.astype(np.float32)
    for given in (channels, expected, to_components(channels), channels.tolist(), torch.from_numpy(channels)):
        found, single = checked(given, None, GRID)
        assert found.dtype == np.float32
        assert not single
        np.testing.assert_array_equal(found, expected)
        found, single = checked(given[0], None, GRID)
        assert single
        np.testing.assert_array_equal(found, expected[:1])


def test_what_was_given_is_neither_changed_nor_kept():
    given = scans().astype(np.float32)
    given.flags.writeable = False
    found, _ = checked(given, (GRID.x, GRID.y), GRID)
    assert not np.shares_memory(found, given)
    assert found.flags.writeable


def test_descending_and_shuffled_axes_are_put_in_order_with_the_scan():
    channels, rng = scans(), np.random.default_rng(1)
    expected, _ = checked(channels, None, GRID)
    columns, rows = rng.permutation(NX), np.arange(NY)[::-1]
    mixed = channels[:, :, rows][..., columns]
    found, _ = checked(mixed, (GRID.x[columns], GRID.y[rows]), GRID)
    np.testing.assert_array_equal(found, expected)


def test_axes_that_differ_by_rounding_are_the_models():
    expected, _ = checked(scans(), None, GRID)
    found, _ = checked(scans(), (GRID.x + 1e-7, GRID.y.astype(np.float32)), GRID)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("axes", "sentence"),
    [
        ((GRID.x * 1e3, GRID.y * 1e3, 1.0), "in another unit, mm where m are read. .* multiply them by 0.001"),
        ((GRID.x * 1e3, GRID.y * 1e3), "in another unit, mm where m are read"),
        ((GRID.x * 1e6, GRID.y * 1e6), "in another unit, um where m are read"),
        ((GRID.x / 25.4e-3, GRID.y / 25.4e-3), "in another unit, inches where m are read"),
        ((GRID.x, GRID.y, GRID.z + 0.5e-3), "it lies at z = 1.5 mm, 0.5 mm above z = 1 mm"),
        ((GRID.x, GRID.y, 0.0), "it lies at z = 0 mm, 1 mm below z = 1 mm"),
        ((GRID.x + 0.3e-3, GRID.y), "x is shifted by 0.3 mm. Found x -1.7 to 2.3 mm by 1 mm, y -1 to 1 mm by 1 mm"),
        ((GRID.x - 1e-3, GRID.y + 2e-3), "x is shifted by -1 mm, and y is shifted by 2 mm"),
        ((GRID.x * 2, GRID.y), "x is coarser, by 2 instead of 1 mm without a point at -1 mm. Found x -4 to 4 mm by 2"),
        ((np.arange(-2e-3, 2.1e-3, 0.4e-3), GRID.y), "x is finer, by 0.4 instead of 1 mm without a point at -1 mm"),
        ((np.arange(-6, 6) * 1e-3 + 0.5e-3, GRID.y), "x is larger, and x is shifted by -?0.5 mm"),
        ((GRID.x[1:-1], GRID.y), "x reaches only from -1 to 1 mm.* scan or export the whole plane"),
        ((GRID.y, GRID.x), "x and y are exchanged, or the plane is rotated by 90 degrees"),
        ((np.repeat(GRID.x[:1], NX), GRID.y), "x is -2 mm alone"),
        ((np.append(GRID.x, GRID.x[-1]), GRID.y), "gives points twice"),
        ((GRID.x**3 * 1e6, GRID.y), "x has uneven steps of 1 to 7 mm"),
        ((np.full(NX, np.nan), GRID.y), "axes: x must be a list of finite coordinates"),
        ((GRID.x[None], GRID.y), r"axes: x must be a list of finite coordinates in m, found the shape \(1, 5\)"),
        ((GRID.x[:0], GRID.y), "axes: x must be a list of finite coordinates"),
        ((GRID.x, GRID.y, np.inf), "the height z must be a finite number"),
        ((GRID.x, GRID.y, GRID.x), r"axes: give \(x, y\), two lists of coordinates in m, or \(x, y, z\)"),
        ((GRID.x, GRID.y, 1e-3, 1e-3), r"axes: give \(x, y\)"),
    ],
)
def test_other_axes_are_refused_with_what_is_wrong(axes, sentence):
    with pytest.raises(DataError, match=sentence):
        checked(scans_of(np.shape(axes[1])[-1], np.shape(axes[0])[-1]), axes, GRID)


@pytest.mark.parametrize(
    ("axes", "sentence"),
    [
        ((GRID.x[:-1], GRID.y), "axes: x has 4 coordinates, but source_H has 5 points along x"),
        ((GRID.y, GRID.x), "axes: x has 3 coordinates, but source_H has 5 points along x"),
        ((GRID.x, "rows"), r"axes: give \(x, y\)"),
        ((GRID.x,), r"axes: give \(x, y\)"),
        (7, r"axes: give \(x, y\)"),
    ],
)
def test_axes_that_do_not_go_with_the_scan_are_refused(axes, sentence):
    with pytest.raises(DataError, match=sentence):
        checked(scans(), axes, GRID)


def test_axes_the_wrong_way_round_are_told_on_a_plane_with_as_many_rows_as_columns():
    grid = Grid(-2e-3, -1e-3, 1e-3, 1e-3, 3, 3, 1e-3)
    with pytest.raises(DataError, match="x and y are exchanged"):
        checked(np.ones((4, 3, 3)), (grid.y, grid.x), grid)


def test_a_larger_and_finer_plane_is_cut_down_to_the_points_of_the_model(caplog):
    x, y = np.arange(-9, 11) * PITCH / 2, np.arange(5, -7, -1) * PITCH / 2
    given = scans_of(len(y), len(x))
    found, single = checked(given, (x, y), GRID)
    assert not single
    rows, columns = (
        [int(np.flatnonzero(np.isclose(y, value))[0]) for value in GRID.y],
        np.searchsorted(x, GRID.x - 1e-9),
    )
    np.testing.assert_array_equal(found, given[:, :, rows][..., columns].astype(np.float32))
    assert "source_H: 15 of its 240 points are the model's plane, the others are not used" in caplog.text
    complex_found, _ = checked(to_components(given[0]), (x, y, GRID.z), GRID)
    np.testing.assert_array_equal(complex_found[0], found[0])


def test_the_tolerance_of_positions_can_be_given_below_half_a_pitch():
    jitter = np.random.default_rng(2).uniform(-1, 1, NX)
    expected, _ = checked(scans(), None, GRID)
    for size, tolerance in ((0.019e-3, None), (0.1e-3, 0.1e-3), (0.4e-3, 0.45e-3)):
        found, _ = checked(scans(), (GRID.x + size * jitter, GRID.y, GRID.z + size), GRID, tolerance)
        np.testing.assert_array_equal(found, expected)
        with pytest.raises(DataError, match=r"the model's source plane, x .*: it lies at .* Found x"):
            checked(scans(), (GRID.x, GRID.y, GRID.z + 1.1 * size), GRID, size)
    for tolerance in (0.0, -1.0, 0.5e-3, np.nan):
        with pytest.raises(DataError, match="position_tolerance_mm: .* below half the pitch of 1 mm"):
            checked(scans(), (GRID.x, GRID.y), GRID, tolerance)


def test_a_scan_without_phase_is_refused_by_name():
    given = scans(3)
    given[1, 1::2] = 0
    with pytest.raises(DataError, match=r"source_H\[1\]: .*every imaginary part of Hx and Hy is zero"):
        checked(given, None, GRID)
    with pytest.raises(DataError, match="source_H: .*magnitudes without phase"):
        checked(np.abs(given[1]), None, GRID)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (np.ones((4, NX, NY)), r"found real numbers of the shape \(4, 5, 3\); give \(4, 3, 5\) real"),
        (np.ones((NY, NX, 4)), r"shape \(3, 5, 4\)"),
        (np.ones((2, NY, NX)), r"found real numbers of the shape \(2, 3, 5\).*\(2, 3, 5\) complex"),
        (np.ones((4, NY, NX), complex), r"found complex numbers of the shape \(4, 3, 5\)"),
        (np.ones((1, 1, 4, NY, NX)), "or a batch of them with the samples first"),
        (np.ones((4, NY, NX), bool), "found an array of bool"),
        (np.full((4, NY, NX), "1"), "found an array of <U1"),
        (np.full((4, NY, NX), None), "found an array of object"),
        ([[1.0], [2.0, 3.0]], "cannot be read as an array"),
        (np.ma.masked_equal(np.eye(3), 1), "some points are masked"),
        (np.zeros((4, NY, NX)), "source_H: is zero everywhere"),
        (np.full((4, NY, NX), 1e30), r"largest value is 1e\+30 A/m, beyond single precision"),
        (np.full((4, NY, NX), 1e200), "beyond single precision"),
        (np.full((4, NY, NX), 1e-30), "largest value is 1e-30 A/m"),
    ],
)
def test_what_cannot_be_predicted_from_is_refused(given, sentence):
    with pytest.raises(DataError, match=sentence):
        checked(given, None, GRID)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_not_finite_is_named_by_sample_channel_and_point(bad):
    given = scans(3)
    given[2, 1, 0, 4] = bad
    with pytest.raises(DataError, match=r"source_H\[2\]: Hx_im is not finite in row 0, column 4 \(1 such values"):
        checked(given, None, GRID)
    with pytest.raises(DataError, match="source_H: Hx_im is not finite"):
        checked(given[2], None, GRID)


def test_a_silent_scan_of_a_batch_is_named():
    given = scans(3)
    given[1] = 0
    with pytest.raises(DataError, match=r"source_H\[1\]: is zero everywhere"):
        checked(given, None, GRID)
