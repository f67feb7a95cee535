"""An optimizer step over several batches, ``train.accumulate``."""

import numpy as np
import pytest
import torch

from ttt.engine.batches import Feed
from ttt.engine.checkpoint import load_checkpoint
from ttt.engine.journal import read_records
from ttt.engine.ranks import Ranks
from ttt.engine.task import Batch

COURSE = {"scheduler.name": "onecycle", "train.grad_clip": 0.5, "train.log_every": 1, "model.dropout": 0.0}


class Numbers:
    """Sample i is the number i."""

    fingerprint = "numbers"

    def __init__(self, count):
        self.count = count

    def __len__(self):
        return self.count

    def __getitems__(self, indices):
        values = torch.tensor(indices, dtype=torch.float32)[:, None]
        return Batch(values, values)


@pytest.mark.parametrize("start", [0, 1, 2])
def test_a_step_joins_batches_and_an_epoch_s_last_step_what_is_left(start):
    feed = Feed(Numbers(27), 5, 0, 0, torch.device("cpu"), Ranks(), accumulate=2)
    facts = [(share.of, share.of_step, share.ends_step) for share in feed.epoch(1, start)]
    whole = [(5, 10, False), (5, 10, True), (5, 10, False), (5, 10, True), (5, 7, False), (2, 7, True)]
    assert facts == whole[2 * start :]


@pytest.mark.parametrize(("batch_size", "accumulate"), [(32, 2), (16, 4)])
def test_batches_joined_in_a_step_train_as_one_batch_of_their_samples(tmp_path, train, batch_size, accumulate):
    """90 samples in steps of 64: the second step has 26, in one batch of 26 or in two of 16 and 10."""
    train(tmp_path / "one", COURSE | {"train.batch_size": 64})
    train(tmp_path / "joined", COURSE | {"train.batch_size": batch_size, "train.accumulate": accumulate})
    one, joined = (read_records(tmp_path / name / "metrics.jsonl") for name in ("one", "joined"))
    assert [record.keys() for record in one] == [record.keys() for record in joined]
    for first, second in zip(one, joined, strict=True):
        for key in first.keys() - {"kind"}:
            np.testing.assert_allclose(first[key], second[key], rtol=1e-5, err_msg=key)
    weights = [load_checkpoint(tmp_path / name / "last.pth").model for name in ("one", "joined")]
    for name, value in weights[0].items():
        torch.testing.assert_close(weights[1][name], value, rtol=1e-4, atol=1e-6)
