"""Parts that come with the template: an MLP, a small generated regression set, mean squared error."""

from itertools import pairwise
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from ttt.config import PartParams, Section
from ttt.parts import DATASETS, LOSSES, METRICS, MODELS

if TYPE_CHECKING:
    from torch import Tensor, nn

    from ttt.engine.task import Batch, Data


class VectorSpec(Section):
    """Sizes of one sample's input and output vector."""

    inputs: int
    outputs: int


class MlpParams(PartParams):
    """A multi-layer perceptron."""

    hidden: list[Annotated[int, Field(ge=1)]] = Field([64, 64], description="widths of the hidden layers")
    dropout: float = Field(0.0, ge=0, lt=1, description="share of hidden values set to zero in training")


@MODELS.register("mlp")
def mlp(params: MlpParams, spec: VectorSpec) -> "nn.Module":
    """Linear layers with GELU between them: ``(n, inputs) -> (n, outputs)``."""
    from torch import nn

    widths = [spec.inputs, *params.hidden]
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layers += [nn.Linear(before, after), nn.GELU(), nn.Dropout(params.dropout)]
    return nn.Sequential(*layers, nn.Linear(widths[-1], spec.outputs))


class SyntheticRegressionParams(PartParams):
    """Samples of a fixed smooth function with noise."""

    inputs: int = Field(8, ge=1, description="length of x")
    outputs: int = Field(2, ge=1, description="length of y")
    num_train: int = Field(512, ge=1, description="training samples")
    num_val: int = Field(128, ge=1, description="validation samples")
    noise: float = Field(0.01, ge=0, description="standard deviation of the noise on y")
    seed: int = Field(0, ge=0, description="of the function and of the samples")


@DATASETS.register("synthetic_regression", spec=VectorSpec)
def synthetic_regression(params: SyntheticRegressionParams) -> "Data":
    """y = sin(W x) + noise, with x and noise normally distributed and W drawn once."""
    import torch
    from torch.utils.data import TensorDataset

    from ttt.engine.task import Data

    generator = torch.Generator().manual_seed(params.seed)
    weights = torch.randn(params.inputs, params.outputs, generator=generator) / params.inputs**0.5

    def draw(count: int) -> TensorDataset:
        x = torch.randn(count, params.inputs, generator=generator)
        noise = params.noise * torch.randn(count, params.outputs, generator=generator)
        return TensorDataset(x, torch.sin(x @ weights) + noise)

    train, val = draw(params.num_train), draw(params.num_val)
    return Data(train, val, VectorSpec(inputs=params.inputs, outputs=params.outputs))


@LOSSES.register("mse")
def mse(model: "nn.Module") -> "nn.Module":
    """Mean over samples and outputs of (prediction - y)^2; it has no parts."""
    from ttt.engine.losses import PredictionLoss

    return PredictionLoss(model)


@METRICS.register("mse")
class SquaredError:
    """``mse``, ``rmse``: over all samples and outputs of a set."""

    def __init__(self) -> None:
        self._total, self._count = 0.0, 0

    def update(self, prediction: "Tensor", batch: "Batch") -> None:
        """Add a batch."""
        self._total += float((prediction.double() - batch.y.double()).square().sum())
        self._count += batch.y.numel()

    def compute(self) -> dict[str, float]:
        """Both metrics."""
        mean = self._total / self._count
        return {"mse": mean, "rmse": mean**0.5}
