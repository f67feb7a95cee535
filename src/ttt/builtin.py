"""Parts that come with the template: an MLP, a small regression set, mean squared error, common optimizers."""

from itertools import pairwise
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import SGD, Adam, AdamW, Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR, LRScheduler, OneCycleLR, StepLR

from ttt.config import Section
from ttt.engine.task import Batch, BatchDataset, Data
from ttt.parts import DATASETS, LOSSES, METRICS, MODELS, OPTIMIZERS, SCHEDULERS, register_spec


class MlpParams(Section):
    """A multi-layer perceptron."""

    name: Literal["mlp"]
    hidden: list[int] = Field([64, 64], description="widths of the hidden layers")


class VectorSpec(Section):
    """Sizes of one sample's input and output vector."""

    inputs: int
    outputs: int


@MODELS.register("mlp", params=MlpParams)
def build_mlp(params: MlpParams, *, spec: VectorSpec) -> nn.Module:
    """Linear layers with GELU between them."""
    widths = [spec.inputs, *params.hidden, spec.outputs]
    layers: list[nn.Module] = []
    for a, b in pairwise(widths):
        layers += [nn.Linear(a, b), nn.GELU()]
    return nn.Sequential(*layers[:-1])


class SyntheticRegressionParams(Section):
    """Samples of a fixed smooth function with noise."""

    name: Literal["synthetic_regression"]
    inputs: int = Field(8, ge=1, description="length of x")
    outputs: int = Field(2, ge=1, description="length of y")
    num_train: int = Field(512, ge=1, description="training samples")
    num_val: int = Field(128, ge=1, description="validation samples")
    noise: float = Field(0.01, ge=0, description="sigma of the noise on y")
    seed: int = Field(0, ge=0, description="seed of the function and the samples")


class TensorSamples:
    """Samples held in two tensors: a `ttt.engine.task.BatchDataset`."""

    def __init__(self, x: Tensor, y: Tensor, fingerprint: str) -> None:
        self._batch = Batch(x, y)
        self.fingerprint = fingerprint

    def __len__(self) -> int:
        return len(self._batch.x)

    def __getitems__(self, indices: list[int]) -> Batch:
        return Batch(self._batch.x[indices], self._batch.y[indices])


@DATASETS.register("synthetic_regression", params=SyntheticRegressionParams)
def build_synthetic_regression(params: SyntheticRegressionParams, *, config: object) -> Data:  # noqa: ARG001
    """y = sin(W x) + noise, with W drawn once."""
    generator = torch.Generator().manual_seed(params.seed)
    weights = torch.randn(params.inputs, params.outputs, generator=generator) / params.inputs**0.5

    def draw(count: int, part: str) -> TensorSamples:
        x = torch.randn(count, params.inputs, generator=generator)
        noise = params.noise * torch.randn(count, params.outputs, generator=generator)
        return TensorSamples(x, torch.sin(x @ weights) + noise, f"{part} {params.model_dump_json()}")

    train, val = draw(params.num_train, "train"), draw(params.num_val, "val")
    return Data(train, val, VectorSpec(inputs=params.inputs, outputs=params.outputs))


register_spec("synthetic_regression", VectorSpec)


class MseParams(Section):
    """Mean squared error."""

    name: Literal["mse"]


@LOSSES.register("mse", params=MseParams)
class Mse(nn.Module):
    """Mean over samples and outputs of (prediction - y)^2."""

    def __init__(
        self,
        params: MseParams,  # noqa: ARG002
        *,
        model: nn.Module,
        spec: Section,  # noqa: ARG002
        train: BatchDataset,  # noqa: ARG002
        batch_size: int,  # noqa: ARG002
    ) -> None:
        super().__init__()
        self.model = model

    def forward(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss of a batch."""
        return functional.mse_loss(self.model(batch.x).float(), batch.y), {}


class SquaredError:
    """``mse``: mean over all samples and outputs of a set."""

    def __init__(self) -> None:
        self._total, self._count = 0.0, 0

    def update(self, prediction: Tensor, batch: Batch) -> None:
        """Add a batch."""
        self._total += float((prediction.double() - batch.y.double()).square().sum())
        self._count += batch.y.numel()

    def compute(self) -> dict[str, float]:
        """The mean."""
        return {"mse": self._total / self._count}


@METRICS.register("mse", params=Section)
def build_squared_error(params: None, *, spec: Section) -> SquaredError:  # noqa: ARG001
    """`SquaredError`."""
    return SquaredError()


class OptimParams(Section):
    """The optimizer; a key that the named one has no use for is left alone."""

    name: Literal["adamw", "adam", "sgd"]
    lr: float = Field(gt=0, description="learning rate")
    weight_decay: float = Field(0.0, ge=0, description="weight decay")
    beta1: float = Field(0.9, ge=0, lt=1, description="decay of the mean of gradients (adam, adamw), momentum (sgd)")
    beta2: float = Field(0.999, ge=0, lt=1, description="decay of the mean of squared gradients (adam, adamw)")
    eps: float = Field(1e-8, gt=0, description="added to the denominator (adam, adamw)")


@OPTIMIZERS.register("adamw", params=OptimParams)
@OPTIMIZERS.register("adam", params=OptimParams)
@OPTIMIZERS.register("sgd", params=OptimParams)
def build_optimizer(params: OptimParams, *, parameters: list[nn.Parameter]) -> Optimizer:
    """torch's AdamW, Adam or SGD."""
    if params.name == "sgd":
        return SGD(parameters, params.lr, momentum=params.beta1, weight_decay=params.weight_decay)
    kind = AdamW if params.name == "adamw" else Adam
    return kind(
        parameters,
        params.lr,
        betas=(params.beta1, params.beta2),
        eps=params.eps,
        weight_decay=params.weight_decay,
    )


class SchedulerParams(Section):
    """The learning rate over time; a key that the named schedule has no use for is left alone."""

    name: Literal["none", "step", "cosine", "onecycle"]
    step_size: int = Field(10, ge=1, description="step: epochs between two falls")
    gamma: float = Field(0.5, gt=0, le=1, description="step: factor of a fall")
    t_max: int | None = Field(None, ge=1, description="cosine: epochs until eta_min; null: all epochs")
    eta_min: float = Field(0.0, ge=0, description="cosine: the last learning rate")
    pct_start: float = Field(0.3, gt=0, lt=1, description="onecycle: share of the steps that rise")
    div_factor: float = Field(25.0, gt=0, description="onecycle: first rate = lr / div_factor")
    final_div_factor: float = Field(10000.0, gt=0, description="onecycle: last rate = first rate / final_div_factor")


@SCHEDULERS.register("none", params=SchedulerParams)
@SCHEDULERS.register("step", params=SchedulerParams)
@SCHEDULERS.register("cosine", params=SchedulerParams)
@SCHEDULERS.register("onecycle", params=SchedulerParams)
def build_scheduler(
    params: SchedulerParams, *, optimizer: Optimizer, epochs: int, steps_per_epoch: int
) -> LRScheduler | None:
    """torch's StepLR and CosineAnnealingLR, stepped each epoch, or OneCycleLR, stepped each step."""
    if params.name == "step":
        return StepLR(optimizer, params.step_size, params.gamma)
    if params.name == "cosine":
        return CosineAnnealingLR(optimizer, params.t_max or epochs, params.eta_min)
    if params.name == "onecycle":
        return OneCycleLR(
            optimizer,
            max_lr=[group["lr"] for group in optimizer.param_groups],
            total_steps=epochs * steps_per_epoch,
            pct_start=params.pct_start,
            cycle_momentum=False,
            div_factor=params.div_factor,
            final_div_factor=params.final_div_factor,
        )
    return None
