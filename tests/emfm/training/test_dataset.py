"""Training samples as batches, with their scans as measured where that is asked for."""

import pytest
import torch

from emfm.core.measurement import Measurement
from emfm.core.sample_lists import whole_store
from emfm.training.dataset import FieldSamples, RemeasuredSamples
from measurements import measurement_params
from small_store import GEOMETRY, SingleElements, packed

ALL = list(range(6))


@pytest.fixture
def samples(tmp_path):
    return whole_store(packed(SingleElements([f"f{row}" for row in ALL]), tmp_path / "store"))


@pytest.fixture
def measured(samples):
    return FieldSamples.of(samples, Measurement(measurement_params(), GEOMETRY))


def test_measuring_leaves_the_target_alone(samples, measured):
    clean, batch = FieldSamples.of(samples).__getitems__(ALL), measured.__getitems__(ALL)
    assert torch.equal(clean.y, batch.y)
    assert not torch.isclose(clean.x, batch.x, rtol=1e-6).all(dim=(1, 2, 3)).any()


def test_a_sample_is_measured_the_same_in_any_batch(measured):
    assert torch.equal(measured.__getitems__([4, 2]).x, measured.__getitems__(ALL).x[[4, 2]])


def test_samples_that_are_measured_otherwise_are_other_samples(samples, measured):
    other = FieldSamples.of(samples, Measurement(measurement_params(gain_db=0.3), GEOMETRY))
    every = [FieldSamples.of(samples), measured, other, *(RemeasuredSamples(measured, seed) for seed in (0, 1))]
    assert len({each.fingerprint for each in every}) == len(every)
    assert len({each.identity([0]) for each in every[:3]}) == 3


def test_each_epoch_measures_anew_and_the_same_again_for_its_seed_and_number(measured):
    def scans(seed, epoch):
        return RemeasuredSamples(measured, seed).of_epoch(epoch).__getitems__(ALL).x

    assert torch.equal(scans(0, 3), scans(0, 3))
    different = [scans(0, 1), scans(0, 2), scans(1, 1), measured.__getitems__(ALL).x]
    for place, one in enumerate(different):
        for other in different[place + 1 :]:
            assert not (one == other).flatten(1).all(1).any()


def test_outside_of_epochs_the_samples_are_those_of_the_one_draw(measured):
    fresh = RemeasuredSamples(measured, 0)
    assert len(fresh) == len(measured)
    assert torch.equal(fresh.__getitems__([1, 5]).x, measured.__getitems__([1, 5]).x)
    assert fresh.identity([1, 5]) == measured.identity([1, 5])
