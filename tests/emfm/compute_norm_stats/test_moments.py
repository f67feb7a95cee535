"""Channel statistics."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emfm.compute_norm_stats.moments import compute_norm_stats
from emfm.core.errors import DataError
from emfm.core.norm_stats import read_norm_stats, source_scale


def samples(count, seed=0):
    """Fields of very different size, E some 377 times H, far from zero mean."""
    rng = np.random.default_rng(seed)
    size = 10.0 ** rng.uniform(-4, 2, (count, 1, 1, 1))
    source_h = size * (1 + rng.normal(size=(count, 4, 3, 3)))
    target = size * (5 + rng.normal(size=(count, 12, 4, 5)))
    target[:, :6] *= 377
    return source_h.astype(np.float32), target.astype(np.float32)


@given(st.integers(1, 40), st.integers(1, 40), st.booleans())
@settings(max_examples=30, deadline=None)
def test_the_statistics_are_those_of_all_samples_at_once_for_any_batch_size(count, batch, scale_by_source):
    source_h, target = samples(count)
    batches = [(source_h[i : i + batch], target[i : i + batch]) for i in range(0, count, batch)]
    stats = compute_norm_stats(batches, scale_by_source, 1e-9)
    scale = source_scale(source_h)[:, None, None, None] if scale_by_source else 1.0
    for values, mean, std in (
        (source_h / scale, stats.source_mean, stats.source_std),
        (target / scale, stats.target_mean, stats.target_std),
    ):
        np.testing.assert_allclose(mean, values.astype(np.float64).mean((0, 2, 3)), rtol=1e-6)
        np.testing.assert_allclose(std, values.astype(np.float64).std((0, 2, 3)), rtol=1e-6)
    whole = compute_norm_stats([(source_h, target)], scale_by_source, 1e-9)
    np.testing.assert_allclose(stats.target_std, whole.target_std, rtol=1e-12)
    assert stats.samples == count


def test_a_small_spread_around_a_large_mean_keeps_its_digits():
    rng = np.random.default_rng(0)
    source_h = rng.normal(size=(50, 4, 3, 3))
    target = 1e6 + 1e-3 * rng.normal(size=(50, 12, 4, 5))
    stats = compute_norm_stats([(source_h[:20], target[:20]), (source_h[20:], target[20:])], False, 1e-12)
    np.testing.assert_allclose(stats.target_std, target.std((0, 2, 3)), rtol=1e-6)


def test_the_scale_is_the_root_mean_square_of_the_vector():
    source_h = np.zeros((1, 4, 2, 2))
    source_h[0, :, 0, 0] = [3.0, 4.0, 0.0, 12.0]
    assert source_scale(source_h)[0] == pytest.approx(13.0 / 2)


def test_weak_fields_are_not_flattened_and_a_silent_channel_gets_the_relative_floor():
    source_h, target = samples(20)
    source_h, target = source_h * 1e-12, target * 1e-12
    target[:, 11] = 0
    stats = compute_norm_stats([(source_h, target)], False, 1e-3)
    assert stats.target_std[6] < 1e-9
    assert stats.target_std[11] == pytest.approx(1e-3 * max(stats.target_std[6:]))


def test_a_scan_that_is_zero_is_refused_with_its_place():
    source_h, target = samples(5)
    source_h[3] = 0
    with pytest.raises(DataError, match="sample 4 of the set: source H is zero everywhere"):
        compute_norm_stats([(source_h[:2], target[:2]), (source_h[2:], target[2:])], True, 1e-6)


def test_no_samples_and_no_variation_are_refused():
    with pytest.raises(DataError, match="no training samples"):
        compute_norm_stats([], True, 1e-6)
    with pytest.raises(DataError, match="target E does not vary"):
        compute_norm_stats([(samples(2)[0], np.zeros((2, 12, 4, 5)))], False, 1e-6)


def test_the_file_reads_back_to_the_same_numbers(tmp_path):
    stats = compute_norm_stats([samples(5)], True, 1e-6)
    (tmp_path / "s.json").write_text(stats.to_json())
    assert read_norm_stats(tmp_path / "s.json") == stats


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"target_mean": [0.0]}, "needs one mean and one std for each of Ex_re"),
        ({"target_std": [0.0] * 12}, "every std must be above 0"),
        ({"target_channels": ["Hz_im"] * 12}, "needs one mean and one std"),
        ({"extra": 1}, "extra: unknown"),
        ({"samples": "5"}, "samples: found '5'"),
    ],
)
def test_a_damaged_file_is_refused_with_the_remedy(tmp_path, change, sentence):
    path = tmp_path / "s.json"
    content = compute_norm_stats([samples(5)], True, 1e-6).model_dump() | change
    path.write_text(json.dumps(content))
    with pytest.raises(DataError, match=f"s.json: .*{sentence}.*dvc repro compute_norm_stats"):
        read_norm_stats(path)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"s.json: cannot be read"):
        read_norm_stats(tmp_path / "s.json")
