"""Baselines: what they must find, keep and refuse."""

from pathlib import Path

import numpy as np
import pytest

from baseline_samples import FREQUENCY, SMALL, oblique_elements, plane, random_samples, relative_errors, samples
from emfm.core.errors import DataError
from emfm.core.field_operator import field_rows, fitted_operator, scan_rows
from emfm.core.grid import Geometry
from emfm.evaluate.baselines import LinearOperator, MeanField, PhysicsOperator, make_baselines
from emfm.evaluate.params import SearchParams
from emfm.evaluate.plane_waves import plane_wave_operator
from emfm.model.search.equivalent_dipoles import DipoleSetting
from emfm.results.definitions import BASELINES
from ttt.memo import Memo

NEC_CASES = Path(__file__).parents[3] / "data" / "reference" / "nec_cases.npz"
SEARCH = SearchParams(depth_mm=[1.0, 2.0], margin_mm=0.0, cell_mm=2.0, layers=1, rank=30, iterations=3, modes=20)


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
