"""The built-in optimizers ``adamw``, ``adam`` and ``sgd``: torch's own, by their names."""

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import Field
from torch import nn
from torch.optim import SGD, Adam, AdamW, Optimizer

from ttt.config import Section
from ttt.parts import OPTIMIZERS

Decay = Annotated[float, Field(ge=0, lt=1)]


class OptimizerParams(Section):
    """The optimizer; a key that the named one has no use for is left alone."""

    name: Literal["adamw", "adam", "sgd"]
    lr: float = Field(gt=0, description="learning rate")
    weight_decay: float = Field(0.0, ge=0, description="adamw: decoupled decay; adam, sgd: L2 penalty")
    betas: list[Decay] = Field(
        [0.9, 0.999],
        min_length=2,
        max_length=2,
        description="adamw, adam: decay of the means of the gradient and of its square",
    )
    eps: float = Field(1e-8, gt=0, description="adamw, adam: added to the denominator")
    momentum: float = Field(0.9, ge=0, lt=1, description="sgd: decay of the mean of the gradient")


@OPTIMIZERS.register("adamw", params=OptimizerParams)
@OPTIMIZERS.register("adam", params=OptimizerParams)
def build_adam(params: OptimizerParams, *, parameters: Iterable[nn.Parameter]) -> Optimizer:
    """torch's AdamW or Adam."""
    kind = AdamW if params.name == "adamw" else Adam
    betas = (params.betas[0], params.betas[1])
    return kind(parameters, lr=params.lr, betas=betas, eps=params.eps, weight_decay=params.weight_decay)


@OPTIMIZERS.register("sgd", params=OptimizerParams)
def build_sgd(params: OptimizerParams, *, parameters: Iterable[nn.Parameter]) -> Optimizer:
    """torch's SGD."""
    return SGD(parameters, lr=params.lr, momentum=params.momentum, weight_decay=params.weight_decay)
