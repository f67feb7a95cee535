"""`weighted_mse`: the squared error of the field, with electric and magnetic channels in balance."""

from typing import Literal

import pydantic
import torch
from pydantic import Field
from torch import Tensor, nn

from emfm.data.sample import DataError
from emfm.models.field_model import FieldModel
from emfm.physics.channels import E_CHANNELS, H_CHANNELS, TARGET_CHANNELS
from ttt.config import Section
from ttt.engine.task import Batch, BatchDataset
from ttt.parts import LOSSES


class WeightedMseParams(Section):
    """`weighted_mse`."""

    name: Literal["weighted_mse"]
    normalize_y: bool = Field(description="measure the error of the normalised field, not of V/m and A/m")
    norm_max_batches: int | None = Field(
        ge=1, description="batches of train.batch_size that channel mean and std are computed from; null: all"
    )
    norm_eps: float = Field(
        gt=0, lt=1, description="floor of a channel's std, relative to the largest std of its quantity"
    )
    balance_eh_loss: bool = Field(
        description="average E and H channels apart, then weigh them by e_weight and h_weight"
    )
    e_weight: float = Field(ge=0, description="weight of the E channels' error")
    h_weight: float = Field(ge=0, description="weight of the H channels' error")
    auto_channel_weight: bool = Field(
        description="older alternative to normalize_y: weigh each channel by 1 / its mean square, floored by norm_eps"
    )
    auto_weight_max_batches: int | None = Field(
        ge=1, description="batches that the automatic channel weights are computed from; null: all"
    )
    e_weight_multiplier: float = Field(ge=0, description="factor on the automatic weights of E channels")
    h_weight_multiplier: float = Field(ge=0, description="factor on the automatic weights of H channels")

    @pydantic.model_validator(mode="after")
    def _one_way_of_weighing(self) -> "WeightedMseParams":
        if self.auto_channel_weight and (self.normalize_y or self.balance_eh_loss):
            raise ValueError(
                "auto_channel_weight is the alternative to normalize_y and balance_eh_loss; switch both off to use it"
            )
        if self.balance_eh_loss and self.e_weight + self.h_weight == 0:
            raise ValueError("e_weight and h_weight are both 0; one must be above")
        return self


@LOSSES.register("weighted_mse", params=WeightedMseParams)
class WeightedMse(nn.Module):
    """Mean over samples of the weighted squared error; the parts are E's and H's own mean squared error.

    Balanced: (e_weight * mse_E + h_weight * mse_H) / (e_weight + h_weight). Else the mean over channels of
    weight * mse, where all weights are 1 unless ``auto_channel_weight`` is on (the parts are weighed, too, then).
    """

    def __init__(
        self,
        params: WeightedMseParams,
        *,
        model: FieldModel,
        spec: Section,  # noqa: ARG002 - every loss is built with the same arguments
        train: BatchDataset,
        batch_size: int,
    ) -> None:
        super().__init__()
        self.model = model
        self._params = params
        self.channel_weights = (
            automatic_weights(params, train, batch_size)
            if params.auto_channel_weight
            else torch.ones(len(TARGET_CHANNELS))
        )
        self._squared_errors = model.squared_errors(self.channel_weights, params.normalize_y)

    def forward(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss of a batch, and ``mse_e`` and ``mse_h``."""
        mse_e, mse_h = self._squared_errors(batch)
        parts = {"mse_e": mse_e.detach(), "mse_h": mse_h.detach()}
        e_weight, h_weight = (
            (self._params.e_weight, self._params.h_weight) if self._params.balance_eh_loss else (1.0, 1.0)
        )
        return (e_weight * mse_e + h_weight * mse_h) / (e_weight + h_weight), parts


def automatic_weights(params: WeightedMseParams, train: BatchDataset, batch_size: int) -> Tensor:
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
