"""Sections ``data``, ``stages`` and ``loss`` of field models, and how what they name is made."""

from itertools import pairwise
from typing import TYPE_CHECKING, Final, Literal

import pydantic
from pydantic import Field
from pydantic.config import JsonDict

from emfm.core.constants import SPEED_OF_LIGHT
from emfm.core.grid import Geometry
from emfm.core.measurement import MeasurementParams
from emfm.core.planes import PlaneParams
from emfm.model.spec import FieldSpec
from ttt.config import PartParams, Section
from ttt.parts import DATASETS, LOSSES, METRICS, register_section

if TYPE_CHECKING:
    from emfm.model.field_model import FieldModel
    from emfm.training.losses import FieldLoss
    from emfm.training.metric import FieldMetric
    from ttt.engine.task import BatchDataset, Data
    from ttt.settings import TrainingConfig

_MM = 1e-3
_BY_HAND = "of a training by hand: the stages set it themselves"

BY_HAND: Final[JsonDict] = {"by_hand": True}
"""For ``Field(json_schema_extra=...)``: only a training by hand takes the value from the file; stages set it."""


class DataParams(PartParams):
    """The planes, and the files that a training reads."""

    frequency_hz: float = Field(ge=1e3, le=1e12, description="frequency of every sample, Hz: 5 GHz is 5000000000.0")
    source_plane: PlaneParams
    target_plane: PlaneParams
    data_root: str = Field(
        description=f"a packed store, or a folder of cases, which is then packed first; {_BY_HAND}",
        json_schema_extra=BY_HAND,
    )
    train_ids: str = Field(
        description=f"file with the IDs of training samples, one a line; {_BY_HAND}", json_schema_extra=BY_HAND
    )
    num_train: int | None = Field(
        ge=1,
        description=f"train on the first so many of train_ids; null: on all; {_BY_HAND}",
        json_schema_extra=BY_HAND,
    )
    val_ids: str = Field(
        description=f"file with the IDs of validation samples, one a line; {_BY_HAND}", json_schema_extra=BY_HAND
    )
    norm_stats: str | None = Field(
        description=f"y_norm_stats.json to normalise with; null: computed from the training samples; {_BY_HAND}",
        json_schema_extra=BY_HAND,
    )
    scale_by_source: bool = Field(
        description="divide each sample by the size of its own source H, and multiply the prediction by it"
    )
    measurement: MeasurementParams | None = Field(
        description="the errors with which the stored scans are read, to train, to fit baselines and to evaluate (the "
        "reference cases and channel statistics aside); null: as stored"
    )

    @pydantic.model_validator(mode="after")
    def _planes_in_order(self) -> "DataParams":
        wavelength_mm = SPEED_OF_LIGHT / self.frequency_hz / _MM
        for name in ("source_plane", "target_plane"):
            pitch_mm = max(getattr(self, name).pitches_mm)
            if pitch_mm > wavelength_mm:
                raise ValueError(
                    f"{name}.pitch_mm is {pitch_mm:g}, more than the wavelength of {wavelength_mm:.3g} mm at "
                    f"frequency_hz {self.frequency_hz:g}; allowed: a pitch of up to a wavelength"
                )
        self.geometry()
        return self

    @pydantic.model_validator(mode="after")
    def _errors_below_the_pitch(self) -> "DataParams":
        if self.measurement is not None:
            self.measurement.refuse_beyond(min(self.source_plane.pitches_mm))
        return self

    def geometry(self) -> Geometry:
        """Frequency and planes, in SI units."""
        return Geometry(self.frequency_hz, self.source_plane.to_grid(), self.target_plane.to_grid())


@register_section("stages")
class StagesParams(Section):
    """The ladder of training stages: stage k trains on the first sizes[k-1] samples of train_pool."""

    sizes: list[int] = Field(min_length=1, description="training samples of stage 1, 2, ..., growing")
    init: Literal["previous", "scratch"] = Field(
        description="a stage starts from the best model of the stage before, or from fresh weights"
    )

    @pydantic.field_validator("sizes")
    @classmethod
    def _sizes_grow(cls, sizes: list[int]) -> list[int]:
        if min(sizes) < 1 or any(b < a for a, b in pairwise(sizes)):
            raise ValueError("numbers of samples from 1 on that never fall")
        return sizes


class FieldLossParams(PartParams):
    """What every loss of fields reads: how E and H, and their channels, are weighed."""

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
    def _one_way_of_weighing(self) -> "FieldLossParams":
        if self.auto_channel_weight and (self.normalize_y or self.balance_eh_loss):
            raise ValueError(
                "auto_channel_weight is the alternative to normalize_y and balance_eh_loss; switch both off to use it"
            )
        if self.balance_eh_loss and self.e_weight + self.h_weight == 0:
            raise ValueError("e_weight and h_weight are both 0; one must be above")
        return self


class HuberParams(FieldLossParams):
    """`weighted_huber`."""

    delta: float = Field(
        1.0, gt=0, description="root mean square error of a sample from which on it counts linearly, not squared"
    )


class RelativeParams(FieldLossParams):
    """`relative_l2`."""

    power: float = Field(
        1.0,
        gt=0,
        le=1,
        description="of each sample's relative error: 1 counts errors as they are, less counts small ones for more",
    )


@DATASETS.register("em_forward", spec=FieldSpec)
def em_forward(params: DataParams, config: "TrainingConfig") -> "Data":
    """See `emfm.training.dataset.open_em_forward`."""
    from emfm.training.dataset import open_em_forward

    return open_em_forward(params, config)


@LOSSES.register("weighted_mse")
def weighted_mse(params: FieldLossParams, model: "FieldModel", train: "BatchDataset", batch_size: int) -> "FieldLoss":
    """See `emfm.training.losses.WeightedMse`."""
    from emfm.training.losses import WeightedMse

    return WeightedMse(params, model, train, batch_size)


@LOSSES.register("weighted_huber")
def weighted_huber(params: HuberParams, model: "FieldModel", train: "BatchDataset", batch_size: int) -> "FieldLoss":
    """See `emfm.training.losses.WeightedHuber`."""
    from emfm.training.losses import WeightedHuber

    return WeightedHuber(params, model, train, batch_size)


@LOSSES.register("relative_l2")
def relative_l2(params: RelativeParams, model: "FieldModel", train: "BatchDataset", batch_size: int) -> "FieldLoss":
    """See `emfm.training.losses.RelativeL2`."""
    from emfm.training.losses import RelativeL2

    return RelativeL2(params, model, train, batch_size)


@METRICS.register("field_errors")
def field_errors() -> "FieldMetric":
    """See `emfm.training.metric.FieldMetric`."""
    from emfm.training.metric import FieldMetric

    return FieldMetric()
