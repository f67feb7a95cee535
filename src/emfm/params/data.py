"""Section ``data``: the planes and the files that a training reads."""

from typing import Final, Literal

import pydantic
from pydantic import Field

from emfm.physics.constants import SPEED_OF_LIGHT
from emfm.physics.grid import Geometry, Grid
from ttt.config import Section

_MM = 1e-3
_STEP_TOLERANCE = 1e-6
_BY_HAND = "of a training by hand: the stages set it themselves"

SET_BY_STAGES: Final = ("data_root", "train_ids", "num_train", "val_ids", "norm_stats")
"""Keys of section ``data`` that only a training by hand takes from the file."""


class PlaneParams(Section):
    """A regular grid of points at one height, lengths in mm."""

    z_mm: float = Field(description="height of the plane, mm")
    x_mm: list[float] = Field(min_length=2, max_length=2, description="first and last x, mm")
    y_mm: list[float] = Field(min_length=2, max_length=2, description="first and last y, mm")
    pitch_mm: float = Field(gt=0, description="step between points, mm")

    @pydantic.model_validator(mode="after")
    def _whole_steps(self) -> "PlaneParams":
        for name, (first, last) in (("x_mm", self.x_mm), ("y_mm", self.y_mm)):
            steps = (last - first) / self.pitch_mm
            if steps < 1 - _STEP_TOLERANCE or abs(steps - round(steps)) > _STEP_TOLERANCE:
                raise ValueError(f"{name} must span one or more whole steps of pitch_mm, found {steps:g} steps")
        return self

    def to_grid(self) -> Grid:
        """The plane in metres."""
        (x_first, x_last), (y_first, y_last) = self.x_mm, self.y_mm
        return Grid(
            x_first * _MM,
            y_first * _MM,
            self.pitch_mm * _MM,
            self.pitch_mm * _MM,
            round((x_last - x_first) / self.pitch_mm) + 1,
            round((y_last - y_first) / self.pitch_mm) + 1,
            self.z_mm * _MM,
        )


class DataParams(Section):
    """The planes, and the files that a training reads."""

    name: Literal["em_forward"]
    frequency_hz: float = Field(ge=1e3, le=1e12, description="frequency of every sample, Hz: 5 GHz is 5000000000.0")
    source_plane: PlaneParams
    target_plane: PlaneParams
    data_root: str = Field(description=f"a packed store, or a folder of cases, which is then packed first; {_BY_HAND}")
    train_ids: str = Field(description=f"file with the IDs of training samples, one a line; {_BY_HAND}")
    num_train: int | None = Field(
        ge=1, description=f"train on the first so many of train_ids; null: on all; {_BY_HAND}"
    )
    val_ids: str = Field(description=f"file with the IDs of validation samples, one a line; {_BY_HAND}")
    norm_stats: str | None = Field(
        description=f"y_norm_stats.json to normalise with; null: computed from the training samples; {_BY_HAND}"
    )
    scale_by_source: bool = Field(
        description="divide each sample by the size of its own source H, and multiply the prediction by it"
    )

    noise_snr_db: float | None = Field(
        ge=-60,
        le=200,
        description="add noise to the scans of training samples, so many dB below each one's mean power; null: none",
    )

    @pydantic.model_validator(mode="after")
    def _planes_in_order(self) -> "DataParams":
        wavelength_mm = SPEED_OF_LIGHT / self.frequency_hz / _MM
        for name in ("source_plane", "target_plane"):
            pitch_mm = getattr(self, name).pitch_mm
            if pitch_mm > wavelength_mm:
                raise ValueError(
                    f"{name}.pitch_mm is {pitch_mm:g}, more than the wavelength of {wavelength_mm:.3g} mm at "
                    f"frequency_hz {self.frequency_hz:g}; allowed: a pitch of up to a wavelength"
                )
        self.geometry()
        return self

    def geometry(self) -> Geometry:
        """Frequency and planes, in SI units."""
        return Geometry(self.frequency_hz, self.source_plane.to_grid(), self.target_plane.to_grid())
