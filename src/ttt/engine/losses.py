"""A loss of a model's predictions, as the engine calls losses."""

from torch import Tensor, nn
from torch.nn import functional

from ttt.engine.task import Batch


class PredictionLoss(nn.Module):
    """The mean squared error of what ``model`` predicts."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss of a batch; it has no parts."""
        return functional.mse_loss(self.model(batch.x).float(), batch.y), {}
