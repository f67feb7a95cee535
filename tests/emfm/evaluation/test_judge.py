"""Judging a predictor: the same for any batch size, with groups and noise."""

import numpy as np
import pytest

from emfm.data.sample_lists import whole_store
from emfm.evaluation.equivalent_dipoles import dipole_operator
from emfm.evaluation.judge import Judge, judge
from small_store import GEOMETRY, SingleElements, packed


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    heights = tuple((height,) for height in np.linspace(-1e-3, 0, 9))
    source = SingleElements(list("aabbbcdef"), ("element1_z",), heights)
    return whole_store(packed(source, tmp_path_factory.mktemp("judge") / "store"))


@pytest.fixture(scope="module")
def dipoles():
    return dipole_operator(GEOMETRY, margin=0.0).apply


def numbers(tree):
    """All numbers of nested results, in order."""
    if isinstance(tree, dict):
        tree = list(tree.values())
    return [number for branch in tree for number in numbers(branch)] if isinstance(tree, list) else [tree]


def test_a_result_does_not_depend_on_the_batch_size(samples, dipoles):
    whole, parts = (Judge(samples, size, [20.0]).judge(dipoles, "dipoles").model_dump() for size in (9, 2))
    np.testing.assert_allclose(numbers(whole), numbers(parts), rtol=1e-9)


def test_little_noise_changes_little_and_as_much_as_the_field_a_lot(samples, dipoles):
    result = Judge(samples, 4, [60.0, 0.0]).judge(dipoles, "dipoles")
    assert [noise.snr_db for noise in result.noise] == [60.0, 0.0]
    at_60, at_0 = (noise.rel_l2_h for noise in result.noise)
    assert at_60 == pytest.approx(result.figures.rel_l2_h, rel=0.05)
    assert at_0 > 1.5 * at_60


def test_without_ratios_there_is_no_noise(samples, dipoles):
    assert Judge(samples, 4, []).judge(dipoles, "dipoles").noise == []


def test_groups_have_the_medians_of_their_own_samples(samples, dipoles):
    result = Judge(samples, 4, []).judge(dipoles, "dipoles")
    alone = judge(dipoles, samples, 4, "dipoles").per_sample()
    first, *_ = result.groups["depth"]
    assert first.low == pytest.approx(1e-3)
    highest = np.flatnonzero(np.linspace(-1e-3, 0, 9) >= GEOMETRY.source.z - first.high - 1e-9)
    assert first.samples == len(highest)
    assert first.rel_l2_e == np.median(alone.rel_l2_e[highest])
    for groups in result.groups.values():
        assert sum(group.samples for group in groups) == len(samples)


def test_the_truth_as_prediction_has_no_error(samples):
    targets = {source.tobytes(): target for source, target in ((s, t) for s, t in samples.batches(1))}
    found = judge(lambda source: np.concatenate([targets[s[None].tobytes()] for s in source]), samples, 4, "truth")
    figures = found.compute()
    assert figures["maxwell_residual"] == figures["maxwell_residual_truth"] < 0.2
    assert {value for name, value in figures.items() if not name.startswith("maxwell")} == {0.0}
