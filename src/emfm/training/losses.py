"""Losses of fields, with electric and magnetic channels in balance."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from emfm.core.channels import E_CHANNELS, H_CHANNELS, TARGET_CHANNELS
from emfm.core.errors import DataError
from emfm.model.field_model import FieldModel, relative_squares
from emfm.training.params import FieldLossParams, HuberParams, RelativeParams
from ttt.engine.square_root import square_root
from ttt.engine.task import Batch, BatchDataset

_FLOOR = 1e-5
"""Of a squared relative error: below 0.3 % it is as good as none."""


class FieldLoss(nn.Module, ABC):
    """A loss of fields: a function of each sample's squared errors of E and of H, as the model measures them.

    The parts are E's and H's mean squared error over the batch (weighed, too, with ``auto_channel_weight``). A further
    loss says what it makes of the squared errors (`of_squares`), or which ones (`squares`), and registers itself.
    """

    def __init__(self, params: FieldLossParams, model: FieldModel, train: BatchDataset, batch_size: int) -> None:
        super().__init__()
        self.model = model
        self._params = params
        self.channel_weights = (
            automatic_weights(params, train, batch_size)
            if params.auto_channel_weight
            else torch.ones(len(TARGET_CHANNELS))
        )
        self._squared_errors = model.squared_errors(self.channel_weights, params.normalize_y)

    @abstractmethod
    def of_squares(self, squares: Tensor) -> Tensor:
        """What counts in place of the squared errors ``(n,)`` of E, or of H: a single number."""

    def squares(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Each sample's squared errors of E and of H, ``(n,)`` each."""
        return self._squared_errors(batch)

    def forward(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss of a batch, and ``mse_e`` and ``mse_h``.

        Balanced: (e_weight * E + h_weight * H) / (e_weight + h_weight). Else the mean of both, that is, of all
        channels, whose weights are 1 unless ``auto_channel_weight`` is on.
        """
        return self._weighed(*self.squares(batch))

    def _weighed(self, of_e: Tensor, of_h: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        parts = {"mse_e": of_e.detach().mean(), "mse_h": of_h.detach().mean()}
        balanced = self._params.balance_eh_loss
        e_weight, h_weight = (self._params.e_weight, self._params.h_weight) if balanced else (1.0, 1.0)
        return (e_weight * self.of_squares(of_e) + h_weight * self.of_squares(of_h)) / (e_weight + h_weight), parts


class WeightedMse(FieldLoss):
    """`weighted_mse`: the mean squared error."""

    def of_squares(self, squares: Tensor) -> Tensor:
        """Their mean."""
        return squares.mean()


class WeightedHuber(FieldLoss):
    """`weighted_huber`: squared for samples with small errors, linear for those with large ones.

    With r the root of a sample's mean squared error: r^2 below delta, 2 delta r - delta^2 above (twice the loss of
    P. J. Huber, Ann. Math. Statist. 35 (1964), so that small errors count as they do in `weighted_mse`).
    """

    def __init__(self, params: HuberParams, model: FieldModel, train: BatchDataset, batch_size: int) -> None:
        super().__init__(params, model, train, batch_size)
        self._delta = params.delta

    def of_squares(self, squares: Tensor) -> Tensor:
        """The mean over samples of the function above."""
        size = square_root(squares.clamp_min(self._delta**2))
        linear = 2 * self._delta * size - self._delta**2
        return torch.where(squares <= self._delta**2, squares, linear).mean()


class RelativeL2(FieldLoss):
    """`relative_l2`: the mean power of the relative errors of which `rel_l2_e` and `rel_l2_h` are the medians.

    Each sample counts by the share of its own field that is wrong, whatever its size: a few samples whose field is far
    larger than their scan do not decide the training. The smaller the power, the more a sample counts whose error is
    small already. A floor keeps the slope finite where there is no error at all (P. Charbonnier et al., "Two
    deterministic half-quadratic regularization algorithms for computed imaging", ICIP 1994).
    """

    def __init__(self, params: RelativeParams, model: FieldModel, train: BatchDataset, batch_size: int) -> None:
        """Raises DataError with ``auto_channel_weight``, whose weights it has no use for."""
        if params.auto_channel_weight:
            raise DataError(
                "loss.auto_channel_weight is of no use to relative_l2, which divides the error of E and of H by the "
                "true field; switch it off, or take loss.name: weighted_mse"
            )
        super().__init__(params, model, train, batch_size)
        self._power = params.power

    def squares(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Squared errors of E and of H relative to the squared norm of the true ones, ``(n,)`` each."""
        of_e, of_h = self.model.relative_squares(batch).unbind(1)
        return of_e, of_h

    def of_prediction(self, prediction: Tensor, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss of a batch of fields, with the model's ``prediction`` of it."""
        return self._weighed(*relative_squares(prediction, batch.y).unbind(1))

    def of_squares(self, squares: Tensor) -> Tensor:
        """The mean over samples of their roots to the power."""
        return square_root(squares + _FLOOR).pow(self._power).mean().float()


def automatic_weights(params: FieldLossParams, train: BatchDataset, batch_size: int) -> Tensor:
    """Channel weights ``(12,)``: 1 / mean square over the first batches, times the multiplier of E or H.

    A channel's root mean square is at least ``norm_eps`` times the largest of its quantity (E, H), as its std is in
    the channel statistics, so that a channel that is zero by symmetry is not blown up. Raises DataError for a quantity
    that is zero everywhere, or so small that float32 holds no weight for it.
    """
    most = len(train) if params.auto_weight_max_batches is None else params.auto_weight_max_batches * batch_size
    total = torch.zeros(len(TARGET_CHANNELS), dtype=torch.float64)
    count = min(most, len(train))
    for start in range(0, count, batch_size):
        target = train.__getitems__(list(range(start, min(start + batch_size, count)))).y.double()
        total += target.square().mean((2, 3)).sum(0)
    weights = torch.ones_like(total)
    for quantity, channels, multiplier in (
        ("E", E_CHANNELS, params.e_weight_multiplier),
        ("H", H_CHANNELS, params.h_weight_multiplier),
    ):
        largest = total[channels].max()
        weights[channels] = count / total[channels].clamp(min=params.norm_eps**2 * largest) * multiplier
        if not weights[channels].float().isfinite().all():
            raise DataError(
                f"target {quantity} has channels of at most {(largest / count).sqrt():.3g} (root mean square) in the "
                "training samples, too little to weigh them by it; check the unit, or set "
                "loss.auto_channel_weight: false"
            )
    return weights.float()
