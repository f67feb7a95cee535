"""A plug-in: a data set of vectors that are drawn anew in each epoch."""

import numpy as np
import torch
from pydantic import Field

from ttt.builtin import VectorSpec
from ttt.config import PartParams
from ttt.engine.task import Batch, Data
from ttt.parts import DATASETS

INPUTS = 4


class Drawn:
    """Sample i of epoch e is i + noise of (e, i), and its target i; the fixed draw is that of epoch 0."""

    def __init__(self, count, epoch=0):
        self.count, self.epoch = count, epoch
        self.fingerprint = f"{count} drawn"

    def __len__(self):
        return self.count

    def of_epoch(self, epoch):
        return Drawn(self.count, epoch)

    def __getitems__(self, indices):
        noise = [np.random.default_rng((self.epoch, index)).normal(size=INPUTS) for index in indices]
        places = torch.tensor(indices, dtype=torch.float32)[:, None] / self.count
        return Batch(places + 0.1 * torch.tensor(np.array(noise), dtype=torch.float32), places)


class DrawnParams(PartParams):
    count: int = Field(ge=1, description="samples")


@DATASETS.register("drawn", spec=VectorSpec)
def drawn(params: DrawnParams) -> Data:
    """As many validation samples, in one draw."""
    return Data(Drawn(params.count), Drawn(params.count, 99), VectorSpec(inputs=INPUTS, outputs=1))
