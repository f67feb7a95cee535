"""Samples in the memory of a device."""

import pytest
import torch
from torch.utils.data import TensorDataset

from drawn_samples import Drawn
from ttt.engine.batches import Feed
from ttt.engine.on_device import DeviceSamples, held, on_device
from ttt.engine.plain_samples import PlainSamples
from ttt.engine.ranks import Ranks
from ttt.engine.stopping import StopRequested
from ttt.engine.task import Task

CPU = torch.device("cpu")
COUNT = 2500


@pytest.fixture
def samples():
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(COUNT, 3, generator=generator), torch.randn(COUNT, 2, 2, generator=generator)
    return PlainSamples(TensorDataset(x, y))


def needed(samples):
    one = samples.__getitems__([0])
    return len(samples) * (one.x.nbytes + one.y.nbytes)


def nothing(_):
    pass


def test_samples_that_fit_give_the_same_batches_in_the_same_order(samples):
    there = held(samples, CPU, needed(samples), "training", nothing)
    assert isinstance(there, DeviceSamples)
    assert (len(there), there.fingerprint) == (COUNT, samples.fingerprint)
    feeds = [Feed(source, 64, 5, 0, CPU, Ranks(1, 3)) for source in (samples, there)]
    for one, other in zip(*(feed.epoch(2, 3) for feed in feeds), strict=True):
        assert torch.equal(one.batch.x, other.batch.x)
        assert torch.equal(one.batch.y, other.batch.y)
        assert one.of == other.of


def test_samples_that_do_not_fit_by_a_byte_stay_and_it_is_said_why(samples, caplog):
    with caplog.at_level("INFO"):
        assert held(samples, CPU, needed(samples) - 1, "training", nothing) is samples
    assert "training samples stay in the host's memory: they need 0.0 GB, and cpu has 0.0 GB to spare" in caplog.text


def test_workers_that_fetch_are_left_out_where_samples_are_there_already(samples):
    there = held(samples, CPU, needed(samples), "training", nothing)
    fetched = [share.batch.x for share in Feed(there, 500, 0, 4, CPU, Ranks()).epoch(1, 0)]
    assert sum(map(len, fetched)) == COUNT


def test_samples_that_are_drawn_anew_each_epoch_are_not_held_in_one_draw(caplog):
    drawn = Drawn(10)
    with caplog.at_level("INFO"):
        assert held(drawn, CPU, 10**9, "training", nothing) is drawn
    assert "training samples stay in the host's memory: they are drawn anew in each epoch" in caplog.text


def test_copying_stops_where_someone_asks(samples):
    copied = []

    def stop_after_two(count):
        copied.append(count)
        if len(copied) == 2:
            raise StopRequested

    with pytest.raises(StopRequested):
        held(samples, CPU, needed(samples), "training", stop_after_two)
    assert sum(copied) < COUNT


def test_a_training_on_the_cpu_reads_its_samples_where_they_are(samples):
    model = torch.nn.Linear(3, 4)
    task = Task(model, model, samples, samples, list, None)
    assert on_device(task, CPU, nothing) is task


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_training_on_a_gpu_holds_its_samples_there(samples):
    model = torch.nn.Linear(3, 4)
    there = on_device(Task(model, model, samples, samples, list, None), torch.device("cuda"), nothing)
    batch = there.train.__getitems__([7, 3])
    assert batch.x.is_cuda
    assert torch.equal(batch.x.cpu(), samples.__getitems__([7, 3]).x)
