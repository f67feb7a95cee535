"""The order of samples and the feeding of batches."""

import multiprocessing
import os
import time
from pathlib import Path

import pytest
import torch

from drawn_samples import Drawn
from ttt.engine.batches import Feed, _live_and_die_with
from ttt.engine.randomness import epoch_order
from ttt.engine.ranks import Ranks
from ttt.engine.task import Batch

CPU = torch.device("cpu")


class Numbers:
    """Sample i is the number i; counts how often it is asked."""

    fingerprint = "numbers"

    def __init__(self, count):
        self.count, self.asked = count, 0

    def __len__(self):
        return self.count

    def __getitems__(self, indices):
        self.asked += 1
        values = torch.tensor(indices, dtype=torch.float32)[:, None]
        return Batch(values, -values)


def batches(feed, epoch, start=0):
    return [batch.x[:, 0].int().tolist() for batch, *_ in feed.epoch(epoch, start)]


def test_an_epoch_has_every_sample_once_in_an_order_of_its_own():
    orders = [epoch_order(5, epoch, 100).tolist() for epoch in (1, 2)]
    assert sorted(orders[0]) == sorted(orders[1]) == list(range(100))
    assert orders[0] != orders[1]
    assert orders[0] == epoch_order(5, 1, 100).tolist()
    assert orders[0] != epoch_order(6, 1, 100).tolist()


def test_a_batch_is_fetched_whole_and_the_last_may_be_smaller():
    data = Numbers(10)
    feed = Feed(data, 4, 0, 0, CPU, Ranks())
    assert [len(batch) for batch in batches(feed, 1)] == [4, 4, 2]
    assert data.asked == 3


@pytest.mark.parametrize("num_workers", [0, 2])
def test_batches_are_the_same_whoever_fetches_them(num_workers):
    feed = Feed(Numbers(10), 4, 7, num_workers, CPU, Ranks())
    order = epoch_order(7, 2, 10).tolist()
    assert batches(feed, 2) == [order[:4], order[4:8], order[8:]]
    assert batches(feed, 2, start=2) == [order[8:]]
    assert batches(feed, 2, start=3) == []


@pytest.mark.parametrize("num_workers", [0, 2])
def test_fetching_uses_up_no_random_numbers_of_the_training(num_workers):
    torch.manual_seed(0)
    before = torch.get_rng_state()
    batches(Feed(Numbers(10), 4, 7, num_workers, CPU, Ranks()), 1)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("num_workers", [0, 2])
def test_each_epoch_sees_its_own_draw_whoever_fetches_it_and_wherever_it_begins(num_workers):
    """Workers live through several epochs."""
    data = Drawn(10)
    feed = Feed(data, 4, 7, num_workers, CPU, Ranks())
    for epoch, start in ((1, 0), (2, 0), (2, 1), (1, 2)):
        found = torch.cat([batch.x for batch, *_ in feed.epoch(epoch, start)])
        order = epoch_order(7, epoch, 10).tolist()[4 * start :]
        assert torch.equal(found, data.of_epoch(epoch).__getitems__(order).x)


def test_each_process_sees_the_draws_that_one_alone_would_see():
    shares = [Feed(Drawn(10), 4, 7, 0, CPU, Ranks(rank, 2)).epoch(3, 0) for rank in range(2)]
    alone = [share.batch.x for share in Feed(Drawn(10), 4, 7, 0, CPU, Ranks()).epoch(3, 0)]
    for whole, (first, *_), (second, *_) in zip(alone, *shares, strict=True):
        assert torch.equal(whole[0::2], first.x)
        assert torch.equal(whole[1::2], second.x)


class Sleepy(Numbers):
    def __getitems__(self, indices):
        time.sleep(0.2)
        return super().__getitems__(indices)


def trainer(pids):
    feed = Feed(Sleepy(1000), 1, 0, 2, CPU, Ranks())
    next(iter(feed.epoch(1, 0)))
    for child in multiprocessing.active_children():
        pids.put(child.pid)
    pids.put(None)
    time.sleep(60)


def test_workers_do_not_outlive_a_trainer_that_is_killed():
    context = multiprocessing.get_context("spawn")
    pids = context.Queue()
    process = context.Process(target=trainer, args=(pids,))
    process.start()
    workers = list(iter(lambda: pids.get(timeout=60), None))
    assert len(workers) == 2
    process.kill()
    process.join()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and any(is_running(pid) for pid in workers):
        time.sleep(0.05)
    assert not [pid for pid in workers if is_running(pid)]


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_worker_whose_trainer_is_gone_already_ends_at_once():
    child = os.fork()
    if child == 0:
        _live_and_die_with(1 << 30, 0)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1
