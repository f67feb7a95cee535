"""The built-in optimizers ``adamw``, ``adam`` and ``sgd``: torch's own, by their names."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from ttt.config import MAY_CHANGE, PartParams
from ttt.parts import OPTIMIZERS

if TYPE_CHECKING:
    from torch import nn
    from torch.optim import Optimizer

Decay = Annotated[float, Field(ge=0, lt=1)]


class OptimizerParams(PartParams):
    """What every optimizer reads."""

    lr: float = Field(gt=0, description="learning rate", json_schema_extra=MAY_CHANGE)
    weight_decay: float = Field(0.0, ge=0, description="adamw: decoupled decay; adam, sgd: L2 penalty")


class AdamParams(OptimizerParams):
    """Adam, with weight decay beside the gradient (adamw) or in it (adam)."""

    betas: list[Decay] = Field(
        [0.9, 0.999], min_length=2, max_length=2, description="decay of the means of the gradient and of its square"
    )
    eps: float = Field(1e-8, gt=0, description="added to the denominator")


class SgdParams(OptimizerParams):
    """Stochastic gradient descent."""

    momentum: float = Field(0.9, ge=0, lt=1, description="decay of the mean of the gradient")


@OPTIMIZERS.register("adamw")
@OPTIMIZERS.register("adam")
def adam(params: AdamParams, parameters: "Iterable[nn.Parameter]") -> "Optimizer":
    """torch's AdamW or Adam."""
    from torch.optim import Adam, AdamW

    kind = AdamW if params.name == "adamw" else Adam
    betas = (params.betas[0], params.betas[1])
    return kind(parameters, lr=params.lr, betas=betas, eps=params.eps, weight_decay=params.weight_decay)


@OPTIMIZERS.register("sgd")
def sgd(params: SgdParams, parameters: "Iterable[nn.Parameter]") -> "Optimizer":
    """torch's SGD."""
    from torch.optim import SGD

    return SGD(parameters, lr=params.lr, momentum=params.momentum, weight_decay=params.weight_decay)
