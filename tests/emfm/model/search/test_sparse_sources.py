"""The search for the few sources that explain a scan."""

import numpy as np
import pytest
import torch

from emfm.model.complex_rows import complex_rows
from emfm.model.search.equivalent_dipoles import DipoleSetting, dipole_operator
from emfm.model.search.modes import FieldModes
from emfm.model.search.snapshots import physical_snapshots
from emfm.model.search.source_cells import source_cells
from emfm.model.search.sparse_sources import DESCRIPTORS, SparseSources
from small_fields import all_cell_fields, one_sample, region, relative_errors, small_geometry, small_samples, times

SQUARE = small_geometry(target_plane={"z_mm": 5.0, "x_mm": [-8, 8], "y_mm": [-8, 8], "pitch_mm": 2.0})
NOTHING = np.zeros((1, 3))
ELECTRIC = np.array([[1e-3, 0.4e-3j, -0.7e-3]])


class Predictor:
    """From scans to fields, as a model does it."""

    def __init__(self, geometry, **changes):
        self.modes = FieldModes(80, geometry)
        self.modes.find([physical_snapshots(geometry, region(), 240)])
        self.sources = SparseSources(region(**changes), geometry, 80)
        self.sources.find(self.modes)

    def __call__(self, scan):
        return self.modes.expand(self.coefficients(scan)[0])

    def coefficients(self, scan):
        return self.sources(complex_rows(scan))

    def described(self, scan):
        return dict(zip(DESCRIPTORS, self.coefficients(scan)[1].T, strict=True))


@pytest.fixture(scope="module")
def predictor():
    return Predictor(SQUARE)


@pytest.fixture(scope="module")
def fine():
    return Predictor(SQUARE, cell_mm=1.15, layers=3, rank=50, iterations=12)


def unit(scan):
    return scan / scan.square().sum(1, keepdim=True).mean((2, 3), keepdim=True).sqrt()


def scans(count=6):
    return unit(small_samples("elements", 100).x[:count])


def noisy(scan, share, seed=0):
    noise = torch.randn(scan.shape, generator=torch.Generator().manual_seed(seed))
    return scan + share * scan.square().mean((1, 2, 3), keepdim=True).sqrt() * noise


@pytest.mark.parametrize(
    ("electric", "magnetic"), [(ELECTRIC, NOTHING), (NOTHING, ELECTRIC)], ids=["electric", "magnetic"]
)
@pytest.mark.parametrize("place_mm", [[0.7, -0.4, -0.6], [-2.2, 1.1, -0.3]])
def test_one_element_is_found_where_dipoles_everywhere_are_not(fine, place_mm, electric, magnetic):
    scan, target = one_sample(SQUARE, [place_mm], electric, magnetic)
    scan, target = scan / 1e-3, target / 1e-3
    errors = relative_errors(fine(scan), target)
    dipoles = torch.from_numpy(dipole_operator(SQUARE, DipoleSetting()).apply(scan.numpy()))
    assert errors.max() < 0.05
    assert (errors < 0.2 * relative_errors(dipoles, target)).all()


def test_the_descriptors_say_where_the_sources_are_and_of_which_kind(fine):
    middle, rim, deep = [0.3, -0.4, -0.3], [4.0, -0.2, -0.3], [0.3, -0.4, -1.3]
    said = {
        name: fine.described(unit(one_sample(SQUARE, [place], *moments)[0]))
        for name, place, moments in (
            ("middle", middle, (ELECTRIC, NOTHING)),
            ("rim", rim, (ELECTRIC, NOTHING)),
            ("deep", deep, (ELECTRIC, NOTHING)),
            ("magnetic", middle, (NOTHING, ELECTRIC)),
        )
    }
    for name, descriptor in (("rim", "outermost"), ("deep", "deepest"), ("magnetic", "magnetic")):
        (key,) = [known for known in DESCRIPTORS if known.startswith(descriptor)]
        assert float(said[name][key]) > np.log(0.5) > float(said["middle"][key])


@pytest.mark.parametrize("factor", [2.5j, -1 + 0j, complex(np.exp(1j)) * 0.3])
def test_a_complex_factor_on_the_scan_is_one_on_the_field(predictor, factor):
    field = predictor(scans())
    found = predictor(times(factor, scans()))
    assert relative_errors(found, times(factor, field)).max() < 1e-4


def symmetries():
    """The symmetries of the square: a matrix, and how it moves the last two axes of an array [..., y, x]."""
    quarter, mirror = np.array([[0, -1], [1, 0]]), np.diag([-1, 1])
    for turns in range(4):
        for mirrored in (False, True):
            matrix = np.linalg.matrix_power(quarter, turns) @ (mirror if mirrored else np.eye(2, dtype=int))
            yield pytest.param(turns, mirrored, matrix, id=f"{turns} turns{' of the mirror image' * mirrored}")


def moved(field, components, turns, mirrored, matrix, axial):
    """Vector fields ``(n, 2 * components, ny, nx)`` after a symmetry; an axial one gets a further sign by a mirror."""
    values = field.unflatten(1, (components, 2))
    values = values.flip(-1) if mirrored else values
    values = torch.rot90(values, -turns, (-2, -1))  # y is the first axis and ascends
    whole = np.eye(3)
    whole[:2, :2] = matrix
    whole *= np.linalg.det(matrix) if axial else 1
    turned = torch.from_numpy(whole[:components, :components]).to(field)
    return torch.einsum("ij,njpyx->nipyx", turned, values).flatten(1, 2)


def moved_target(target, *symmetry):
    return torch.cat([moved(target[:, :6], 3, *symmetry, False), moved(target[:, 6:], 3, *symmetry, True)], 1)


@pytest.mark.parametrize(("turns", "mirrored", "matrix"), list(symmetries()))
def test_a_scene_turned_or_mirrored_has_its_field_turned_or_mirrored(predictor, turns, mirrored, matrix):
    place, moment = np.array([[0.7, -1.4, -0.6]]), np.array([[1.0, 0.4j, -0.7]])
    whole = np.eye(3)
    whole[:2, :2] = matrix
    before = one_sample(SQUARE, place, moment, NOTHING)
    after = one_sample(SQUARE, place @ whole.T, moment @ whole.T, NOTHING)
    torch.testing.assert_close(moved(before[0], 2, turns, mirrored, matrix, True), after[0], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(
        moved_target(before[1], turns, mirrored, matrix), after[1], rtol=1e-4, atol=1e-5 * float(after[1].abs().max())
    )
    scan = unit(before[0])
    expected = moved_target(predictor(scan), turns, mirrored, matrix)
    found = predictor(moved(scan, 2, turns, mirrored, matrix, True))
    assert relative_errors(found, expected).max() < 0.01


def test_a_scan_gets_the_same_field_in_any_company(predictor):
    whole = predictor(scans(12))
    for size in (1, 5):
        parts = torch.cat([predictor(part) for part in torch.split(scans(12), size)])
        assert relative_errors(parts, whole).max() < 1e-6


@pytest.mark.parametrize("place", [(0, 0), (2, 2), (4, 1)])
def test_a_scan_of_a_single_point_has_a_finite_field(predictor, place):
    scan = torch.zeros(1, 4, 5, 5)
    scan[0, 1, place[0], place[1]] = 1.0
    coefficients, described = predictor.coefficients(unit(scan))
    assert torch.isfinite(torch.view_as_real(coefficients)).all()
    assert torch.isfinite(described).all()


def test_pure_noise_has_a_finite_field(predictor):
    scan = unit(torch.randn(20, 4, 5, 5, generator=torch.Generator().manual_seed(0)))
    coefficients, described = predictor.coefficients(scan)
    assert torch.isfinite(torch.view_as_real(coefficients)).all()
    assert torch.isfinite(described).all()


def test_noise_costs_accuracy_in_proportion_and_is_noticed(predictor):
    scan, target = one_sample(SQUARE, [[0.7, -0.4, -0.6]], 1e3 * ELECTRIC, NOTHING)
    scans = [noisy(scan, share) for share in (0.0, 0.01, 0.1, 0.5)]
    errors = [float(relative_errors(predictor(part), target).max()) for part in scans]
    misfits = [float(predictor.described(part)["misfit"]) for part in scans]
    assert misfits == sorted(misfits)
    assert misfits[-1] - misfits[0] > 3
    assert errors[1] < 0.15 < errors[-1]


def test_the_search_is_the_fixed_point_of_the_evidence_as_it_is_written_down(predictor):
    """Group by group, in double precision, without symmetries."""
    sources, rows = predictor.sources, complex_rows(scans())
    patterns = sources.patterns.conj().to(torch.complex128)
    cells = source_cells(region(), SQUARE)
    atoms, fields = (part.to(torch.complex128) for part in all_cell_fields(cells, SQUARE, predictor.modes))
    atoms = (atoms @ patterns).mT
    found = torch.stack([evidence_moments(atoms, row) for row in rows.to(torch.complex128) @ patterns])
    expected = torch.einsum("ngk,gkm->nm", found, fields)
    coefficients, _ = sources(rows)
    errors = (coefficients - expected).norm(dim=1) / expected.norm(dim=1)
    assert errors.max() < 1e-5


def evidence_moments(atoms, scan):
    """The mean moments ``(groups, k)`` that explain ``scan`` (r,) by ``atoms`` (groups, r, k)."""
    groups, rank, _ = atoms.shape
    variances, noise = torch.full((groups,), 1 / groups, dtype=torch.float64), 0.0
    for step in range(region().iterations):
        covariance = torch.einsum("g,gik,gjk->ij", variances.to(atoms), atoms, atoms.conj())
        level = float(covariance.diagonal().real.mean())
        noise = max(noise, level * (1e-5 if step else 0.1))
        inverse = torch.linalg.inv(covariance + noise * torch.eye(rank))
        solved = inverse @ scan
        projected = atoms.mH @ solved
        if step == region().iterations - 1:
            return variances[:, None] * projected
        spread = torch.einsum("gik,ij,gjk->g", atoms.conj(), inverse, atoms).real
        variances = variances * projected.abs().square().sum(1) / spread
        variances = variances.clamp_min(1e-9 * float(variances.max()))
        noise *= float(solved.abs().square().sum() / inverse.diagonal().real.sum())
    raise AssertionError("no steps")


def test_one_source_needs_fewer_cells_than_many(predictor):
    def cells(count):
        rng = np.random.default_rng(1)
        places = rng.uniform([-4, -4, -1.5], [4, 4, -0.1], (count, 3))
        moments = rng.normal(size=(count, 3)) + 0j
        scan, _ = one_sample(SQUARE, places, moments, 0 * moments)
        return float(predictor.described(unit(scan))["active cells"])

    assert cells(1) + 0.5 < cells(6)


def test_the_field_is_zero_before_anything_was_computed():
    sources = SparseSources(region(), SQUARE, 8)
    coefficients, described = sources(complex_rows(scans()))
    assert not coefficients.any()
    assert torch.isfinite(described).all()


def test_loaded_fields_replace_those_that_were_there(predictor):
    other = Predictor(SQUARE, depth_mm=[2.0, 4.0])
    before = other(scans())
    other.sources.load_state_dict(predictor.sources.state_dict())
    other.modes.load_state_dict(predictor.modes.state_dict())
    assert not torch.equal(other(scans()), before)
    torch.testing.assert_close(other(scans()), predictor(scans()), rtol=0, atol=0)
