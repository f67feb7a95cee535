"""Models that can do more than predict, small, for tests of what the loop asks of them."""

import torch
from torch import nn

from ttt.engine.task import Batch


class Able(nn.Module):
    """Least squares in closed form, with steps on top of it where there is something to train."""

    def __init__(self, inputs, outputs, trained=True):
        super().__init__()
        self.prepared = self.calibrated = 0
        self.register_buffer("matrix", torch.zeros(inputs, outputs))
        self.register_buffer("expected", torch.tensor(float("nan")))
        self.offset = nn.Parameter(torch.zeros(outputs)) if trained else None

    def forward(self, x):
        return x @ self.matrix + (0 if self.offset is None else self.offset)

    def prepare(self, train, memo):
        self.prepared += 1
        batch = everything(train)

        def fitted():  # rounded, as the last bits of LAPACK's result depend on where memory happens to lie
            return torch.linalg.lstsq(batch.x, batch.y).solution.numpy().round(3)

        self.matrix.copy_(torch.from_numpy(memo.array(train.fingerprint, fitted)))

    def calibrate(self, train, val, batch_size):
        self.calibrated += 1
        batch = everything(val)
        with torch.no_grad():
            self.expected.copy_((self(batch.x) - batch.y).norm())


class Encoding(Able):
    """Doubles its inputs, once a sample."""

    def __init__(self, inputs, outputs):
        super().__init__(inputs, outputs)
        self.seen = []

    def encoded(self, samples, memo, with_targets):
        twice = memo.array(f"twice {samples.fingerprint}", lambda: 2 * everything(samples).x.numpy())
        return Twice(samples, torch.from_numpy(twice), self, with_targets)

    def forward(self, x):
        self.seen.append(float(x.square().sum()))
        return super().forward(x)


class Twice:
    def __init__(self, samples, x, model, with_targets):
        self.samples, self.x, self.fingerprint, self.with_targets = samples, x, samples.fingerprint, with_targets

    def __len__(self):
        return len(self.samples)

    def __getitems__(self, indices):
        return Batch(self.x[indices], self.samples.__getitems__(indices).y)


def everything(samples):
    return samples.__getitems__(list(range(len(samples))))
