"""The built-in optimizers ``adamw``, ``adam`` and ``sgd``: torch's own, by their names."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

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
    decay_norms_and_biases: bool = Field(
        True,
        description="false: weights with fewer than two dimensions, those of norms and biases, do not decay",
    )


class AdamParams(OptimizerParams):
    """Adam, with weight decay beside the gradient (adamw) or in it (adam)."""

    betas: list[Decay] = Field(
        [0.9, 0.999], min_length=2, max_length=2, description="decay of the means of the gradient and of its square"
    )
    eps: float = Field(1e-8, gt=0, description="added to the denominator")


class SgdParams(OptimizerParams):
    """Stochastic gradient descent."""

    momentum: float = Field(0.9, ge=0, lt=1, description="decay of the mean of the gradient")


def parameter_groups(params: OptimizerParams, parameters: "Iterable[nn.Parameter]") -> list[dict[str, Any]]:
    """``parameters`` as torch's optimizers take them: those that decay, and those that do not."""
    everything = list(parameters)
    if params.decay_norms_and_biases:
        return [{"params": everything}]
    decays = [parameter for parameter in everything if parameter.ndim >= 2]
    others = [parameter for parameter in everything if parameter.ndim < 2]
    groups: list[dict[str, Any]] = [{"params": decays}, {"params": others, "weight_decay": 0.0}]
    return [group for group in groups if group["params"]]


@OPTIMIZERS.register("adamw")
@OPTIMIZERS.register("adam")
def adam(params: AdamParams, parameters: "Iterable[nn.Parameter]") -> "Optimizer":
    """torch's AdamW or Adam."""
    from torch.optim import Adam, AdamW

    kind = AdamW if params.name == "adamw" else Adam
    betas = (params.betas[0], params.betas[1])
    groups = parameter_groups(params, parameters)
    # Fused: faster, and without the square roots of Intel's vector library (ttt.engine.square_root); of reals alone.
    fused = all(parameter.is_floating_point() for group in groups for parameter in group["params"])
    return kind(groups, lr=params.lr, betas=betas, eps=params.eps, weight_decay=params.weight_decay, fused=fused)


@OPTIMIZERS.register("sgd")
def sgd(params: SgdParams, parameters: "Iterable[nn.Parameter]") -> "Optimizer":
    """torch's SGD."""
    from torch.optim import SGD

    groups = parameter_groups(params, parameters)
    return SGD(groups, lr=params.lr, momentum=params.momentum, weight_decay=params.weight_decay)
