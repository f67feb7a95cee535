"""Source H as users give it: what is taken, how it is put in order, and what is refused."""

import numpy as np
import pytest
import torch

from emfm.data.sample import DataError
from emfm.inference.scans import checked_scans
from emfm.physics import Grid
from emfm.physics.channels import to_components
from small_store import GEOMETRY

GRID = GEOMETRY.source
NY, NX = GRID.shape


def scans(count=2):
    return np.random.default_rng(0).normal(size=(count, 4, NY, NX))


def test_real_and_complex_single_and_batched_scans_become_the_same_channels():
    channels = scans()
    expected = channels.astype(np.float32)
    for given in (channels, expected, to_components(channels), channels.tolist(), torch.from_numpy(channels)):
        found, single = checked_scans(given, None, GRID)
        assert found.dtype == np.float32
        assert not single
        np.testing.assert_array_equal(found, expected)
        found, single = checked_scans(given[0], None, GRID)
        assert single
        np.testing.assert_array_equal(found, expected[:1])


def test_what_was_given_is_neither_changed_nor_kept():
    given = scans().astype(np.float32)
    given.flags.writeable = False
    found, _ = checked_scans(given, (GRID.x, GRID.y), GRID)
    assert not np.shares_memory(found, given)
    assert found.flags.writeable


def test_descending_and_shuffled_axes_are_put_in_order_with_the_scan():
    channels, rng = scans(), np.random.default_rng(1)
    expected, _ = checked_scans(channels, None, GRID)
    columns, rows = rng.permutation(NX), np.arange(NY)[::-1]
    mixed = channels[:, :, rows][..., columns]
    found, _ = checked_scans(mixed, (GRID.x[columns], GRID.y[rows]), GRID)
    np.testing.assert_array_equal(found, expected)


def test_axes_that_differ_by_rounding_are_the_models():
    expected, _ = checked_scans(scans(), None, GRID)
    found, _ = checked_scans(scans(), (GRID.x + 1e-7, GRID.y.astype(np.float32)), GRID)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("axes", "sentence"),
    [
        ((GRID.x * 1e3, GRID.y * 1e3), "the model's in mm; give them in m: multiply them by 0.001"),
        ((GRID.x * 1e6, GRID.y * 1e6), "the model's in um"),
        ((GRID.x / 25.4e-3, GRID.y / 25.4e-3), "the model's in inches"),
        ((GRID.x + 0.3e-3, GRID.y), "found x -1.7 to 2.3 mm by 1 mm and y -1 to 1 mm by 1 mm; the model was trained"),
        ((GRID.x * 2, GRID.y), "x -4 to 4 mm by 2 mm"),
        ((np.repeat(GRID.x[:1], NX), GRID.y), "x -2 to -2 mm"),
        ((GRID.x[:-1], GRID.y), "axes: x has 4 coordinates, but source_H has 5 points along x"),
        ((GRID.y, GRID.x), "axes: x has 3 coordinates, but source_H has 5 points along x"),
        ((np.full(NX, np.nan), GRID.y), "axes: x must be a list of finite coordinates"),
        ((GRID.x[None], GRID.y), r"axes: x must be a list of finite coordinates in m, found the shape \(1, 5\)"),
        ((GRID.x, "rows"), r"axes: give \(x, y\)"),
        ((GRID.x,), r"axes: give \(x, y\)"),
        (7, r"axes: give \(x, y\)"),
    ],
)
def test_other_axes_are_refused_with_what_is_wrong(axes, sentence):
    with pytest.raises(DataError, match=sentence):
        checked_scans(scans(), axes, GRID)


def test_axes_the_wrong_way_round_are_told_on_a_plane_with_as_many_rows_as_columns():
    grid = Grid(-2e-3, -1e-3, 1e-3, 1e-3, 3, 3, 1e-3)
    with pytest.raises(DataError, match=r"these are y and x; give \(x, y\)"):
        checked_scans(np.ones((4, 3, 3)), (grid.y, grid.x), grid)


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
        checked_scans(given, None, GRID)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_not_finite_is_named_by_sample_channel_and_point(bad):
    given = scans(3)
    given[2, 1, 0, 4] = bad
    with pytest.raises(DataError, match=r"source_H\[2\]: Hx_im is not finite in row 0, column 4 \(1 such values"):
        checked_scans(given, None, GRID)
    with pytest.raises(DataError, match="source_H: Hx_im is not finite"):
        checked_scans(given[2], None, GRID)


def test_a_silent_scan_of_a_batch_is_named():
    given = scans(3)
    given[1] = 0
    with pytest.raises(DataError, match=r"source_H\[1\]: is zero everywhere"):
        checked_scans(given, None, GRID)
