"""A plug-in of models and a loss that show what several processes make of a training."""

import os
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

from able_models import Encoding
from ttt.parts import LOSSES, MODELS

RANK = int(os.environ.get("RANK", "0"))


@LOSSES.register("mse64")
class Mse64(nn.Module):
    """Mean squared error in float64."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, batch):
        return functional.mse_loss(self.model(batch.x).double(), batch.y.double()), {}


@MODELS.register("every_kind")
class EveryKind(nn.Module):
    """Weights of four kinds: of the first output float64, of the second float32 and complex, of the third bfloat16."""

    def __init__(self, spec):
        super().__init__()
        self.wide = nn.Parameter(torch.zeros(spec.inputs, dtype=torch.float64))
        self.plain = nn.Parameter(torch.zeros(spec.inputs))
        self.short = nn.Parameter(torch.zeros(spec.inputs, dtype=torch.bfloat16))
        self.phasor = nn.Parameter(torch.zeros(spec.inputs, dtype=torch.complex64))

    def forward(self, x):
        rotated = torch.polar(torch.ones_like(x), x)
        second, third = x @ self.plain + (rotated @ self.phasor).real, x.bfloat16() @ self.short
        return torch.stack([x.double() @ self.wide, second.double(), third.double()], 1)


@MODELS.register("dropping")
class Dropping(nn.Module):
    """A network with dropout that notes what it drops, and dies in the step DIES_IN_STEP (environment)."""

    def __init__(self, spec):
        super().__init__()
        self.first, self.last = nn.Linear(spec.inputs, 16), nn.Linear(16, spec.outputs)
        self.steps = 0

    def forward(self, x):
        kept = functional.dropout(torch.ones(len(x), 16), 0.3, self.training)
        if self.training:
            self.steps += 1
            if self.steps == int(os.environ.get("DIES_IN_STEP", "0")):
                os._exit(9)
            torch.save(kept > 0, Path(f"kept-{os.environ['NOTES']}-{self.steps}-{RANK}.pt"))
        return self.last(torch.tanh(self.first(x)) * kept)


@MODELS.register("normed")
def build_normed(spec):
    """A linear map behind BatchNorm, whose running means depend on the samples alone."""
    return nn.Sequential(nn.BatchNorm1d(spec.inputs), nn.Linear(spec.inputs, spec.outputs))


@MODELS.register("divided")
class Divided(nn.Module):
    """A weight that all processes use, one that the second alone does, and one that none does."""

    def __init__(self, spec):
        super().__init__()
        self.common = nn.Linear(spec.inputs, spec.outputs)
        self.of_second = nn.Parameter(torch.ones(spec.outputs))
        self.of_none = nn.Parameter(torch.ones(spec.outputs))

    def forward(self, x):
        return self.common(x) + (self.of_second if RANK == 1 else 0)


@MODELS.register("encoding")
def build_encoding(spec):
    """A model with a part in closed form, on encoded samples."""
    return Encoding(spec.inputs, spec.outputs)
