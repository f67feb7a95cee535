"""Parities of scans, and the sums over a source's mirror images."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from emfm.core.grid import Grid
from emfm.model.search.mirrors import (
    IMAGES,
    exchange,
    image_signs,
    in_parities,
    in_proportion,
    parity_bases,
    parity_sizes,
)

GRIDS = [Grid(-2e-3, 1e-3, 1e-3, 2e-3, nx, ny, 1e-3) for nx, ny in ((5, 4), (4, 3), (3, 3), (2, 2))]


@pytest.mark.parametrize("grid", GRIDS, ids=lambda grid: f"{grid.nx} x {grid.ny}")
def test_the_bases_of_all_parities_are_one_orthonormal_basis_of_scans(grid):
    whole = torch.cat(parity_bases(grid), 1)
    torch.testing.assert_close(whole.mH @ whole, torch.eye(2 * grid.ny * grid.nx).to(whole))


@pytest.mark.parametrize("grid", GRIDS, ids=lambda grid: f"{grid.nx} x {grid.ny}")
def test_coordinates_in_the_parities_are_those_in_their_bases(grid):
    rows = torch.randn(3, 2 * grid.ny * grid.nx, dtype=torch.complex128)
    bases = parity_bases(grid)
    assert parity_sizes(grid) == [basis.shape[1] for basis in bases]
    for found, basis in zip(in_parities(rows, grid), bases, strict=True):
        torch.testing.assert_close(found, rows @ basis.conj())


@pytest.mark.parametrize("grid", GRIDS, ids=lambda grid: f"{grid.nx} x {grid.ny}")
@pytest.mark.parametrize(("axis", "components"), [(2, [1, -1]), (1, [-1, 1])], ids=["x", "y"])
def test_a_pattern_is_even_or_odd_as_an_axial_vector_is_in_a_mirror(grid, axis, components):
    for (x, y, _), basis in zip(image_signs(), parity_bases(grid), strict=True):
        patterns = basis.unflatten(0, (2, grid.ny, grid.nx))
        mirrored = patterns.flip(axis) * torch.tensor(components)[:, None, None, None]
        torch.testing.assert_close(mirrored, (x if axis == 2 else y) * patterns)


def test_the_sum_over_images_has_a_minus_for_an_image_in_a_direction_in_which_the_parity_is_odd():
    values = torch.randn(3, IMAGES, 5, dtype=torch.float64)
    signs = image_signs()[:, :2]
    minus = (signs[:, None] < 0) & (signs[None] < 0)
    table = torch.from_numpy(np.where(minus, -1.0, 1.0).prod(axis=2))
    torch.testing.assert_close(exchange(values.flatten(1)), (table @ values).flatten(1))


def test_to_exchange_twice_gives_four_times_what_was():
    values = torch.randn(2, IMAGES * 3, dtype=torch.float64)
    torch.testing.assert_close(exchange(exchange(values)), IMAGES * values)


@given(st.lists(st.integers(0, 200), min_size=1, max_size=6).filter(any), st.data())
def test_a_total_in_proportion_is_shared_out_whole_and_no_part_is_above_its_size(sizes, data):
    total = data.draw(st.integers(0, sum(sizes)))
    parts = in_proportion(total, sizes)
    assert sum(parts) == total
    assert all(0 <= part <= size for part, size in zip(parts, sizes, strict=True))
    assert all(abs(part - total * size / sum(sizes)) <= 1 for part, size in zip(parts, sizes, strict=True))
