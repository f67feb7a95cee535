"""Baselines: what they must find, keep and refuse."""

from pathlib import Path

import numpy as np
import pytest

from emfm.core.channels import to_channels
from emfm.core.constants import ETA_0
from emfm.core.elements import element_fields
from emfm.core.errors import DataError
from emfm.core.field_errors import FieldErrors
from emfm.core.field_operator import field_rows, fitted_operator, scan_rows
from emfm.core.grid import Geometry, Grid
from emfm.evaluate.baselines import LinearOperator, MeanField, PhysicsOperator, make_baselines
from emfm.evaluate.equivalent_dipoles import DipoleSetting, dipole_operator, setting_errors
from emfm.evaluate.params import SearchParams
from emfm.evaluate.plane_waves import plane_wave_operator
from emfm.results.definitions import BASELINES
from ttt.memo import Memo

NEC_CASES = Path(__file__).parents[3] / "data" / "reference" / "nec_cases.npz"
MM = 1e-3
FREQUENCY = 5e9


def plane(half_x, half_y, z, pitch=1.0, shift=0.0):
    nx, ny = round(2 * half_x / pitch) + 1, round(2 * half_y / pitch) + 1
    return Grid((shift - half_x) * MM, (shift - half_y) * MM, pitch * MM, pitch * MM, nx, ny, z * MM)


SEARCH = SearchParams(depth_mm=[1.0, 2.0], margin_mm=0.0, cell_mm=2.0, layers=1, rank=30, iterations=3, modes=20)
SMALL = Geometry(FREQUENCY, plane(3, 2, 1), plane(5, 4, 5, pitch=2.0))


def samples(geometry, positions, electric, magnetic):
    """One sample with all the elements: source H ``(1, 4, ...)`` and target ``(1, 12, ...)``."""
    scan = geometry.source.nx * geometry.source.ny
    points = np.concatenate([geometry.source.points(), geometry.target.points()])
    e_field, h_field = element_fields(points, positions, electric, magnetic, geometry.frequency)
    source = h_field[:scan, :2].T.reshape(2, *geometry.source.shape)
    target = np.concatenate([e_field[scan:].T, h_field[scan:].T]).reshape(6, *geometry.target.shape)
    return to_channels(source)[None], to_channels(target)[None]


def oblique_elements():
    """An electric and a magnetic element that share no symmetry with the grids."""
    positions = np.array([[0.7, -0.4, -0.6], [-1.1, 0.6, -0.3]]) * MM
    electric = np.array([[1e-3, 0.4e-3j, -0.7e-3], [0, 0, 0]])
    magnetic = ETA_0 * np.array([[0, 0, 0], [0.2e-3, -0.3e-3j, 0.4e-3]])
    return positions, electric, magnetic


def random_samples(geometry, count, seed=0):
    """Samples of a random linear map, strong and weak ones."""
    rng = np.random.default_rng(seed)
    matrix = rng.standard_normal((2, 2 * geometry.source.nx * geometry.source.ny, 6 * np.prod(geometry.target.shape)))
    source = rng.standard_normal((count, 4, *geometry.source.shape)) * rng.lognormal(0, 2, (count, 1, 1, 1))
    field = scan_rows(source, geometry) @ (matrix[0] + 1j * matrix[1])
    return source, to_channels(field.reshape(count, 6, *geometry.target.shape))


def relative_errors(prediction, truth):
    errors = FieldErrors()
    errors.update(prediction, truth)
    figures = errors.compute()
    return figures["rel_l2_e"], figures["rel_l2_h"]


def test_mean_field_is_exact_for_samples_that_differ_in_strength_only():
    source, target = random_samples(SMALL, 1)
    strengths = np.array([0.1, 1.0, 50.0])[:, None, None, None]
    baseline = MeanField()
    baseline.fit([(source * strengths[:2], target * strengths[:2]), (source * strengths[2:], target * strengths[2:])])
    np.testing.assert_allclose(baseline.predict(source * 7), target * 7, rtol=1e-12)


def test_linear_operator_finds_the_map_that_made_its_samples():
    source, target = random_samples(SMALL, 200)
    baseline = LinearOperator(SMALL, ridge=1e-12)
    baseline.fit([(source, target)])
    unseen, truth = random_samples(SMALL, 5)
    assert max(relative_errors(baseline.predict(unseen), truth)) < 1e-9


def test_linear_operator_does_not_depend_on_batches_or_on_the_strength_of_a_sample():
    source, target = random_samples(SMALL, 30)
    strengths = np.random.default_rng(1).lognormal(0, 3, (30, 1, 1, 1))
    whole, parts = LinearOperator(SMALL, ridge=0.1), LinearOperator(SMALL, ridge=0.1)
    whole.fit([(source, target)])
    parts.fit(
        (source[i : i + 7] * strengths[i : i + 7], target[i : i + 7] * strengths[i : i + 7]) for i in range(0, 30, 7)
    )
    np.testing.assert_allclose(parts.predict(source), whole.predict(source), rtol=1e-9, atol=1e-9)


def test_the_ridge_is_relative_to_the_size_of_the_examples():
    source, target = random_samples(SMALL, 10)
    matrices = []
    for scale in (1.0, 1e-4):
        examples = scan_rows(source * scale, SMALL), field_rows(target * scale, SMALL)
        matrices.append(fitted_operator([examples], SMALL, 0.01).matrix)
    np.testing.assert_allclose(matrices[1], matrices[0], rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("ridge", [0.0, -1e-3])
def test_a_ridge_that_is_not_above_zero_is_refused(ridge):
    with pytest.raises(ValueError, match=f"a ridge must be above 0, found {ridge}"):
        LinearOperator(SMALL, ridge).fit([random_samples(SMALL, 2)])


def test_a_tiny_ridge_reproduces_fewer_samples_than_inputs():
    source, target = random_samples(SMALL, 20)
    baseline = LinearOperator(SMALL, ridge=1e-12)
    baseline.fit([(source, target)])
    assert max(relative_errors(baseline.predict(source), target)) < 1e-6


def test_equivalent_dipoles_reproduce_the_dipoles_of_their_own_array():
    geometry = Geometry(FREQUENCY, plane(4, 4, 1), SMALL.target)
    positions = np.array([[2.0, -2.0, -0.5], [-2.0, 0.0, -0.5]]) * MM
    _, electric, magnetic = oblique_elements()
    source, target = samples(geometry, positions, electric, magnetic)
    operator = dipole_operator(geometry, DipoleSetting(depth=1.5, pitch=2.0, margin=0.0, tikhonov=1e-12))
    assert max(relative_errors(operator.apply(source), target)) < 1e-4


def test_equivalent_dipoles_keep_to_the_scan_of_any_shape_and_place():
    geometry = Geometry(FREQUENCY, plane(4, 3, 2, shift=20.0), plane(4, 3, 5, shift=20.0))
    positions, electric, magnetic = oblique_elements()
    positions = positions + np.array([20.0, 20.0, 1.0]) * MM
    source, target = samples(geometry, positions, electric, magnetic)
    assert max(relative_errors(dipole_operator(geometry, DipoleSetting()).apply(source), target)) < 0.25


@pytest.mark.slow
def test_equivalent_dipoles_hold_their_level_on_the_reference_cases():
    with np.load(NEC_CASES, allow_pickle=False) as cases:
        geometry = Geometry(float(cases["frequency"]), plane(5, 5, 1), plane(25, 25, 5))
        prediction = dipole_operator(geometry, DipoleSetting()).apply(cases["source_H"])
        rel_l2_e, rel_l2_h = relative_errors(prediction, cases["target"])
    assert rel_l2_e < 0.2
    assert rel_l2_h < 0.15


@pytest.mark.parametrize("change", [{"depth": 0.0}, {"pitch": -1.0}, {"tikhonov": 0.0}])
def test_impossible_dipole_arrays_are_refused(change):
    with pytest.raises(ValueError, match="depth, pitch and tikhonov of the dipoles must be above 0"):
        dipole_operator(SMALL, DipoleSetting(**change))


def test_a_margin_that_leaves_no_room_for_dipoles_is_refused():
    with pytest.raises(ValueError, match=r"a margin of 2 .* leave no room for dipoles below 5 points; lower"):
        dipole_operator(SMALL, DipoleSetting(margin=2))


def test_settings_without_room_are_left_out_and_none_is_refused():
    batches = [random_samples(SMALL, 3)]
    fits, too_wide = DipoleSetting(), DipoleSetting(margin=2)
    assert list(setting_errors(SMALL, [too_wide, fits], batches)) == [fits]
    with pytest.raises(ValueError, match="no room for any setting of the dipoles: a margin of 2"):
        setting_errors(SMALL, [too_wide], batches)


def test_plane_waves_approach_the_true_field_as_the_scan_grows():
    target = plane(6, 4, 5, pitch=2.0)
    errors = []
    for half in (3, 6, 12):
        geometry = Geometry(FREQUENCY, plane(half, half, 2, pitch=1.0), target)
        source, truth = samples(geometry, *oblique_elements())
        errors.append(relative_errors(plane_wave_operator(geometry).apply(source), truth))
    errors = np.array(errors)
    assert np.all(errors[1:] < 0.75 * errors[:-1])
    assert errors[-1].max() < 0.06


def test_plane_waves_need_no_points_that_both_planes_share():
    source = plane(12, 12, 2)
    aligned, shifted = plane(6, 4, 5, pitch=2.0), plane(6, 4, 5, pitch=1.7, shift=0.3)
    errors = []
    for target in (aligned, shifted):
        geometry = Geometry(FREQUENCY, source, target)
        scan, truth = samples(geometry, *oblique_elements())
        errors.append(relative_errors(plane_wave_operator(geometry).apply(scan), truth))
    assert errors[1] == pytest.approx(errors[0], rel=0.2)


@pytest.mark.parametrize("change", [{"padding": 1.0}, {"limit_db": 0.0}])
def test_impossible_plane_wave_settings_are_refused(change):
    with pytest.raises(ValueError, match="padding must be 2 or more and limit_db above 0"):
        plane_wave_operator(SMALL, **change)


def test_every_baseline_gives_a_finite_field_that_grows_with_its_scan():
    source, target = random_samples(SMALL, 40)
    baselines = make_baselines(SMALL, 0.01, DipoleSetting(), SEARCH)
    assert list(baselines) == list(BASELINES)
    for baseline in baselines.values():
        baseline.fit([(source, target)])
        field = baseline.predict(source[:3].astype(np.float32))
        assert field.shape == (3, 12, *SMALL.target.shape)
        assert field.dtype == np.float64
        assert np.isfinite(field).all()
        np.testing.assert_allclose(baseline.predict(source[:3] * 4), baseline.predict(source[:3]) * 4, rtol=1e-9)


def test_physics_reads_no_training_samples():
    def unreadable():
        raise AssertionError("a baseline that needs no training read the samples")
        yield

    PhysicsOperator(plane_wave_operator(SMALL)).fit(unreadable())


@pytest.mark.parametrize("baseline", [MeanField(), LinearOperator(SMALL, 0.01)], ids=["mean", "linear"])
def test_learned_baselines_say_what_they_need(baseline):
    source, target = random_samples(SMALL, 5)
    with pytest.raises(ValueError, match="call fit first"):
        baseline.predict(source)
    with pytest.raises(ValueError, match=r"no training samples|there are no samples"):
        baseline.fit([])
    source[4] = 0
    with pytest.raises(DataError, match=r"sample 5 .*source H is zero"):
        baseline.fit([(source[:3], target[:3]), (source[3:], target[3:])])


@pytest.mark.parametrize("make", [MeanField, lambda: LinearOperator(SMALL, 0.01)], ids=["mean", "linear"])
def test_what_was_learned_is_remembered_to_the_last_bit_and_no_sample_is_read_again(tmp_path, make):
    source, target = random_samples(SMALL, 20)

    def remember(learn, dtype):
        return Memo(tmp_path).array("these samples", learn, dtype)

    def unread():
        raise AssertionError("a sample was read")
        yield

    anew, first, again = make(), make(), make()
    anew.fit([(source, target)])
    first.fit([(source, target)], remember)
    again.fit(unread(), remember)
    expected = anew.predict(source).tobytes()
    assert first.predict(source).tobytes() == expected
    assert again.predict(source).tobytes() == expected


def test_a_scan_of_another_shape_is_refused():
    operator = plane_wave_operator(SMALL)
    with pytest.raises(ValueError, match=r"source H must have the shape \(n, 4, 5, 7\), found \(2, 4, 7, 5\)"):
        operator.apply(np.ones((2, 4, 7, 5)))
