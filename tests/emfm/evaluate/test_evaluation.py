"""Judging a predictor: the same for any batch size, with groups and noise."""

import numpy as np
import pytest

from emfm.core.measurement import Measurement
from emfm.core.sample_lists import whole_store
from emfm.evaluate.evaluation import SetEvaluation, set_metrics, shown_batches
from emfm.model.search.equivalent_dipoles import DipoleSetting, dipole_operator
from measurements import measurement_params, only
from small_store import GEOMETRY, SingleElements, packed


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    heights = tuple((height,) for height in np.linspace(-1e-3, 0, 9))
    source = SingleElements(list("aabbbcdef"), ("element1_z",), heights)
    return whole_store(packed(source, tmp_path_factory.mktemp("judge") / "store"))


@pytest.fixture(scope="module")
def dipoles():
    return dipole_operator(GEOMETRY, DipoleSetting(margin=0.0)).apply


class SelfJudging:
    """Dipoles that expect of themselves what ``factor`` makes of the true errors, and do not know the last scans.

    They say that the errors are at most ``bound`` times what they expect.
    """

    geometry = GEOMETRY

    def __init__(self, apply, samples, factor, unlike=0, bound=3.0):
        errors = set_metrics(apply, samples, 4, "dipoles").per_sample()
        scans = np.concatenate([source for source, _ in samples.batches(1)])
        expected = np.stack([errors.rel_l2_e, errors.rel_l2_h], 1) * factor
        distances = 0.5 + (np.arange(len(samples)) >= len(samples) - unlike)
        expected[distances > 1] = np.nan
        said = zip(expected, bound * expected, distances, strict=True)
        self._known = dict(zip((scan.tobytes() for scan in scans), said, strict=True))
        self._apply = apply

    def __call__(self, source_h):
        return self._apply(source_h)

    def predict_with_trust(self, source_h):
        said = [self._known.get(scan.tobytes(), (np.full(2, np.nan), np.full(2, np.nan), 2.0)) for scan in source_h]
        return self(source_h), *(np.stack(part) for part in zip(*said, strict=True))


def numbers(tree):
    """All numbers of nested results, in order; NaN for None."""
    if isinstance(tree, dict):
        tree = list(tree.values())
    return (
        [number for branch in tree for number in numbers(branch)]
        if isinstance(tree, list)
        else [np.nan if tree is None else tree]
    )


def test_a_result_does_not_depend_on_the_batch_size(samples, dipoles):
    whole, parts = (
        SetEvaluation(samples, size, [20.0]).evaluate(dipoles, "dipoles")[0].model_dump(by_alias=True)
        for size in (9, 2)
    )
    np.testing.assert_allclose(numbers(whole), numbers(parts), rtol=1e-9)


def test_samples_that_are_read_show_how_far_it_is_and_those_that_are_not_show_nothing(samples, capsys):
    batches = shown_batches(samples, 4, "mean_field, fit")
    assert capsys.readouterr().err == ""
    for (source_h, target), (known_h, known) in zip(batches, samples.batches(4), strict=True):
        np.testing.assert_array_equal(source_h, known_h)
        np.testing.assert_array_equal(target, known)
    assert "mean_field, fit: 100%" in (shown := capsys.readouterr().err)
    assert f"{len(samples)}/{len(samples)}" in shown


def test_figures_are_of_scans_as_measured_and_ratios_of_noise_of_those_that_are_stored(samples, dipoles):
    stored, measured = (
        SetEvaluation(samples, 4, [20.0], measurement).evaluate(dipoles, "dipoles")[0]
        for measurement in (None, Measurement(only(gain_db=3.0), GEOMETRY))
    )
    assert measured.metrics.rel_l2_h > stored.metrics.rel_l2_h + 0.1
    assert measured.noise == stored.noise


def test_a_model_is_trusted_by_the_scans_that_it_is_evaluated_on(samples, dipoles, tmp_path):
    (tmp_path / "best.pth").write_bytes(b"weights")
    evaluation = SetEvaluation(samples, 4, [], Measurement(measurement_params(), GEOMETRY))
    model = SelfJudging(dipoles, evaluation.measured, factor=0.5)
    trust = evaluation.evaluate_model(model, tmp_path / "best.pth", 7, "model")[0].trust
    assert trust.true_over_expected_h == pytest.approx(2)


def test_little_noise_changes_little_and_as_much_as_the_field_a_lot(samples, dipoles):
    result = SetEvaluation(samples, 4, [60.0, 0.0]).evaluate(dipoles, "dipoles")[0]
    assert [noise.snr_db for noise in result.noise] == [60.0, 0.0]
    at_60, at_0 = (noise.rel_l2_h for noise in result.noise)
    assert at_60 == pytest.approx(result.metrics.rel_l2_h, rel=0.05)
    assert at_0 > 1.5 * at_60


@pytest.mark.parametrize("batch_size", [9, 2])
def test_a_model_that_knows_its_errors_is_said_to(samples, dipoles, tmp_path, batch_size):
    (tmp_path / "best.pth").write_bytes(b"weights")
    model = SelfJudging(dipoles, samples, factor=0.5, unlike=3)
    trust = SetEvaluation(samples, batch_size, []).evaluate_model(model, tmp_path / "best.pth", 7, "model")[0].trust
    assert (trust.rank_correlation_e, trust.rank_correlation_h) == (pytest.approx(1), pytest.approx(1))
    assert (trust.true_over_expected_e, trust.true_over_expected_h) == (pytest.approx(2), pytest.approx(2))
    assert (trust.coverage_e, trust.coverage_h) == (1, 1)
    assert trust.unlike_training == pytest.approx(3 / 9)


def test_a_bound_below_the_true_errors_covers_none(samples, dipoles, tmp_path):
    (tmp_path / "best.pth").write_bytes(b"weights")
    model = SelfJudging(dipoles, samples, factor=0.5, bound=1.9)
    trust = SetEvaluation(samples, 4, []).evaluate_model(model, tmp_path / "best.pth", 7, "model")[0].trust
    assert (trust.coverage_e, trust.coverage_h) == (0, 0)


def test_what_a_model_says_of_scans_with_noise_is_held_against_its_errors_with_that_noise(samples, dipoles, tmp_path):
    (tmp_path / "best.pth").write_bytes(b"weights")
    model = SelfJudging(dipoles, samples, factor=1.0)
    noisy = SetEvaluation(samples, 4, [20.0]).evaluate_model(model, tmp_path / "best.pth", 7, "model")[0].noise[0]
    assert noisy.trust.unlike_training == 1  # it knows no scan with noise
    assert noisy.trust.coverage_e is None

    class Sure(SelfJudging):
        def predict_with_trust(self, source_h):
            prediction, expected, bound, distance = super().predict_with_trust(source_h)
            return prediction, np.full_like(expected, 1e-6), np.full_like(bound, 1e9), np.zeros_like(distance)

    sure = Sure(dipoles, samples, factor=1.0)
    found = SetEvaluation(samples, 4, [20.0]).evaluate_model(sure, tmp_path / "best.pth", 7, "model")[0].noise[0]
    assert found.trust.coverage_h == 1
    assert found.trust.true_over_expected_h == pytest.approx(found.rel_l2_h * 1e6)
    plain = SetEvaluation(samples, 4, [20.0]).evaluate(dipoles, "dipoles")[0].noise[0]
    assert (plain.rel_l2_h, plain.trust) == (found.rel_l2_h, None)


def test_each_headline_metric_has_an_interval_over_whole_families(samples, dipoles):
    result = SetEvaluation(samples, 4, []).evaluate(dipoles, "dipoles")[0]
    assert list(result.intervals) == list(result.metrics.headline())
    for name, value in result.metrics.headline().items():
        assert result.intervals[name].low <= value <= result.intervals[name].high
    one = samples.part([2, 3, 4])  # of the family b, all of them
    assert SetEvaluation(one, 4, []).evaluate(dipoles, "dipoles")[0].intervals == {}


def test_a_model_that_was_not_calibrated_is_not_judged_for_it(samples, dipoles, tmp_path):
    (tmp_path / "best.pth").write_bytes(b"weights")
    model = SelfJudging(dipoles, samples, factor=np.nan)
    assert SetEvaluation(samples, 4, []).evaluate_model(model, tmp_path / "best.pth", 7, "model")[0].trust is None


def test_without_ratios_there_is_no_noise(samples, dipoles):
    assert SetEvaluation(samples, 4, []).evaluate(dipoles, "dipoles")[0].noise == []


def test_groups_have_the_medians_of_their_own_samples(samples, dipoles):
    result = SetEvaluation(samples, 4, []).evaluate(dipoles, "dipoles")[0]
    alone = set_metrics(dipoles, samples, 4, "dipoles").per_sample()
    first, *_ = result.groups["depth"]
    assert first.low == pytest.approx(1e-3)
    highest = np.flatnonzero(np.linspace(-1e-3, 0, 9) >= GEOMETRY.source.z - first.high - 1e-9)
    assert first.samples == len(highest)
    assert first.rel_l2_e == np.median(alone.rel_l2_e[highest])
    for groups in result.groups.values():
        assert sum(group.samples for group in groups) == len(samples)


def test_the_truth_as_prediction_has_no_error(samples):
    targets = {source.tobytes(): target for source, target in ((s, t) for s, t in samples.batches(1))}
    found = set_metrics(
        lambda source: np.concatenate([targets[s[None].tobytes()] for s in source]), samples, 4, "truth"
    )
    figures = found.compute()
    assert figures["maxwell_residual"] == figures["maxwell_residual_truth"] < 0.2
    assert {value for name, value in figures.items() if not name.startswith("maxwell")} == {0.0}


def test_the_errors_on_each_sample_stand_with_what_tells_the_samples_apart(samples, dipoles):
    evaluation = SetEvaluation(samples, 4, [])
    result, errors = evaluation.evaluate(dipoles, "dipoles")
    assert np.median(errors.rel_l2_e) == result.metrics.rel_l2_e
    table = evaluation.error_table({"dipoles": errors})
    assert [sample.id for sample in table.samples] == list(samples.ids)
    assert "".join(sample.family for sample in table.samples) == "aabbbcdef"
    assert len({sample.content for sample in table.samples}) == len(samples)
    np.testing.assert_array_equal(table.numbered_families(), evaluation.families)
