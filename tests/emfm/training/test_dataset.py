"""Training samples as batches, with noise where it is asked for."""

import numpy as np
import pytest
import torch

from emfm.core.sample_lists import whole_store
from emfm.training.dataset import FieldSamples
from small_store import SingleElements, packed


@pytest.fixture
def samples(tmp_path):
    return whole_store(packed(SingleElements([f"f{row}" for row in range(6)]), tmp_path / "store"))


def test_noise_is_as_weak_as_asked_for_and_leaves_the_target_alone(samples):
    clean, noisy = (FieldSamples.of(samples, snr).__getitems__(list(range(6))) for snr in (None, 20.0))
    assert torch.equal(clean.y, noisy.y)
    ratio = (noisy.x - clean.x).square().mean() / clean.x.square().mean()
    assert 10 * np.log10(float(ratio)) == pytest.approx(-20, abs=1.5)


def test_a_sample_has_the_same_noise_in_any_batch(samples):
    noisy = FieldSamples.of(samples, 30.0)
    assert torch.equal(noisy.__getitems__([4, 2]).x, noisy.__getitems__(list(range(6))).x[[4, 2]])


def test_samples_with_noise_are_other_samples(samples):
    names = {FieldSamples.of(samples, snr).fingerprint for snr in (None, 20.0, 40.0)}
    assert len(names) == 3
    assert FieldSamples.of(samples).identity([0]) != FieldSamples.of(samples, 20.0).identity([0])
