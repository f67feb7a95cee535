"""Modes of the field on the target plane."""

import numpy as np
import pytest
import torch

from emfm.core.channels import to_components
from emfm.core.maxwell import in_plane_residual
from emfm.model.complex_rows import complex_rows
from emfm.model.search.modes import FieldModes
from emfm.model.search.snapshots import physical_snapshots
from small_fields import region, relative_errors, small_geometry, small_samples

GEOMETRY = small_geometry()


def modes_of(snapshots, count=30, geometry=GEOMETRY):
    modes = FieldModes(count, geometry)
    modes.find(snapshots)
    return modes


def rows_of(samples):
    return complex_rows(samples.y.double()).numpy()


@pytest.fixture(scope="module")
def samples():
    return small_samples("elements", 100)


@pytest.fixture(scope="module")
def modes(samples):
    return modes_of([physical_snapshots(GEOMETRY, region(), 120), rows_of(samples)])


def coefficients(count, modes, seed=0):
    return torch.randn(count, modes.count, dtype=torch.complex64, generator=torch.Generator().manual_seed(seed))


def test_modes_are_orthonormal(modes):
    torch.testing.assert_close(modes.modes @ modes.modes.mH, torch.eye(30, dtype=torch.complex64), rtol=0, atol=2e-6)


def test_projecting_what_was_expanded_gives_the_coefficients_back(modes):
    given = coefficients(5, modes)
    torch.testing.assert_close(modes.project(modes.expand(given)), given, rtol=0, atol=2e-5)


def test_a_field_among_the_modes_is_reproduced():
    few = small_samples("elements", 12)
    modes = modes_of([rows_of(few)], count=12)
    assert relative_errors(modes.expand(modes.project(few.y)), few.y).max() < 1e-4


def test_more_modes_leave_less_of_a_field_that_they_were_not_found_from(samples):
    unseen = small_samples("elements", 20, seed=1)
    errors = []
    for count in (5, 16, 40):
        modes = modes_of([physical_snapshots(GEOMETRY, region(), 120), rows_of(samples)], count)
        errors.append(float(relative_errors(modes.expand(modes.project(unseen.y)), unseen.y).median()))
    assert errors[0] > 2 * errors[1] > 4 * errors[2]
    assert errors[2] < 0.08


def test_fields_of_fewer_kinds_than_modes_leave_the_rest_at_zero():
    few = small_samples("elements", 4)
    modes = modes_of([rows_of(few)], count=9)
    assert not modes.modes[4:].any()
    assert not modes.project(few.y)[:, 4:].any()
    assert relative_errors(modes.expand(modes.project(few.y)), few.y).max() < 1e-4


def test_channel_forms_are_the_mean_squares_of_expanded_channels(modes):
    given = coefficients(6, modes)
    rows = torch.view_as_real(given).flatten(1)
    found = torch.stack([((rows @ form) * rows).sum(1) for form in modes.channel_forms()], 1)
    torch.testing.assert_close(found, modes.expand(given).square().mean((2, 3)), rtol=1e-4, atol=0)


def test_e_and_h_count_alike(samples):
    modes = modes_of([rows_of(samples)], count=10)
    weighed = rows_of(samples) * modes.weights.repeat_interleave(63).numpy()
    electric, magnetic = np.split(weighed, 2, axis=1)
    assert np.linalg.norm(electric) == pytest.approx(np.linalg.norm(magnetic), rel=1e-5)


def test_the_unit_of_a_quantity_changes_no_coefficient(samples):
    in_mv = samples.y.clone()
    in_mv[:, :6] *= 1e3
    plain, scaled = modes_of([rows_of(samples)], 5), modes_of([complex_rows(in_mv.double()).numpy()], 5)
    sizes = [modes.project(y).abs() for modes, y in ((plain, samples.y), (scaled, in_mv))]
    torch.testing.assert_close(sizes[0], sizes[1], rtol=1e-3, atol=1e-3 * float(sizes[0].max()))


def test_sets_of_snapshots_count_alike_whatever_their_size_and_unit(samples):
    one, other = rows_of(samples)[:50], rows_of(samples)[50:]
    plain, scaled = modes_of([one, other], 8), modes_of([1e6 * one, other], 8)
    shared = (plain.modes @ scaled.modes.mH).abs().square().sum()
    assert float(shared) == pytest.approx(8, abs=1e-3)


@pytest.mark.parametrize("part", [slice(0, 6), slice(6, 12)])
def test_samples_without_e_or_h_are_refused(samples, part):
    silent = samples.y.double()
    silent[:, part] = 0
    with pytest.raises(ValueError, match="E or H is zero in all samples"):
        modes_of([complex_rows(silent).numpy()])


def test_whatever_is_made_of_modes_satisfies_maxwells_equations_in_the_plane():
    geometry = small_geometry(target_plane={"z_mm": 5.0, "x_mm": [-8, 8], "y_mm": [-6, 6], "pitch_mm": 1.0})
    modes = modes_of([physical_snapshots(geometry, region(), 60)], 15, geometry)

    def residual(field):
        return in_plane_residual(to_components(field.double().numpy()), geometry.target, geometry.frequency)

    anything = modes.expand(coefficients(10, modes))
    assert residual(anything).max() < 0.02
    assert residual(anything + anything.std() * torch.randn_like(anything)).min() > 0.3


def test_physical_snapshots_are_the_same_each_time_and_of_size_one():
    one, again = (physical_snapshots(GEOMETRY, region(), 7) for _ in range(2))
    np.testing.assert_array_equal(one, again)
    np.testing.assert_allclose(np.linalg.norm(one, axis=1), 1)
    assert np.linalg.matrix_rank(one) == 7
