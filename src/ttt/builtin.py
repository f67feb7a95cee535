"""Parts that come with the template: an MLP, a small generated regression set, mean squared error."""

import hashlib
from itertools import pairwise
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from ttt.config import Section
from ttt.engine.task import Batch, BatchDataset, Data
from ttt.parts import DATASETS, LOSSES, METRICS, MODELS


class VectorSpec(Section):
    """Sizes of one sample's input and output vector."""

    inputs: int
    outputs: int


class MlpParams(Section):
    """A multi-layer perceptron."""

    name: Literal["mlp"]
    hidden: list[Annotated[int, Field(ge=1)]] = Field([64, 64], description="widths of the hidden layers")
    dropout: float = Field(0.0, ge=0, lt=1, description="share of hidden values set to zero in training")


@MODELS.register("mlp", params=MlpParams)
def build_mlp(params: MlpParams, *, spec: VectorSpec) -> nn.Module:
    """Linear layers with GELU between them: ``(n, inputs) -> (n, outputs)``."""
    widths = [spec.inputs, *params.hidden]
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layers += [nn.Linear(before, after), nn.GELU(), nn.Dropout(params.dropout)]
    return nn.Sequential(*layers, nn.Linear(widths[-1], spec.outputs))


class SyntheticRegressionParams(Section):
    """Samples of a fixed smooth function with noise."""

    name: Literal["synthetic_regression"]
    inputs: int = Field(8, ge=1, description="length of x")
    outputs: int = Field(2, ge=1, description="length of y")
    num_train: int = Field(512, ge=1, description="training samples")
    num_val: int = Field(128, ge=1, description="validation samples")
    noise: float = Field(0.01, ge=0, description="standard deviation of the noise on y")
    seed: int = Field(0, ge=0, description="of the function and of the samples")


class TensorSamples:
    """Samples held in two tensors: a `ttt.engine.task.BatchDataset`."""

    def __init__(self, x: Tensor, y: Tensor) -> None:
        self._samples = Batch(x, y)
        self.fingerprint = hashlib.sha256(x.numpy().tobytes() + y.numpy().tobytes()).hexdigest()

    def __len__(self) -> int:
        return len(self._samples.x)

    def __getitems__(self, indices: list[int]) -> Batch:
        return Batch(self._samples.x[indices], self._samples.y[indices])


@DATASETS.register("synthetic_regression", params=SyntheticRegressionParams, spec=VectorSpec)
def build_synthetic_regression(params: SyntheticRegressionParams, *, config: object) -> Data:  # noqa: ARG001 - all parts of a kind are built with the same arguments
    """y = sin(W x) + noise, with x and noise normally distributed and W drawn once."""
    generator = torch.Generator().manual_seed(params.seed)
    weights = torch.randn(params.inputs, params.outputs, generator=generator) / params.inputs**0.5

    def draw(count: int) -> TensorSamples:
        x = torch.randn(count, params.inputs, generator=generator)
        noise = params.noise * torch.randn(count, params.outputs, generator=generator)
        return TensorSamples(x, torch.sin(x @ weights) + noise)

    train, val = draw(params.num_train), draw(params.num_val)
    return Data(train, val, VectorSpec(inputs=params.inputs, outputs=params.outputs))


class MseParams(Section):
    """Mean squared error."""

    name: Literal["mse"]


@LOSSES.register("mse", params=MseParams)
class Mse(nn.Module):
    """Mean over samples and outputs of (prediction - y)^2."""

    def __init__(
        self,
        params: MseParams,  # noqa: ARG002 - all parts of a kind are built with the same arguments
        *,
        model: nn.Module,
        spec: Section,  # noqa: ARG002 - all parts of a kind are built with the same arguments
        train: BatchDataset,  # noqa: ARG002 - all parts of a kind are built with the same arguments
        batch_size: int,  # noqa: ARG002 - all parts of a kind are built with the same arguments
    ) -> None:
        super().__init__()
        self.model = model

    def forward(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss of a batch; it has no parts."""
        return functional.mse_loss(self.model(batch.x).float(), batch.y), {}


@METRICS.register("mse", params=Section)
class SquaredError:
    """``mse``, ``rmse``: over all samples and outputs of a set."""

    def __init__(self, params: Section, *, spec: Section) -> None:  # noqa: ARG002 - all parts of a kind are built with the same arguments
        self._total, self._count = 0.0, 0

    def update(self, prediction: Tensor, batch: Batch) -> None:
        """Add a batch."""
        self._total += float((prediction.double() - batch.y.double()).square().sum())
        self._count += batch.y.numel()

    def compute(self) -> dict[str, float]:
        """The figures."""
        mse = self._total / self._count
        return {"mse": mse, "rmse": mse**0.5}
