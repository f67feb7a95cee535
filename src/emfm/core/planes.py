"""A plane of points as `params.yaml` and checkpoints describe it."""

import pydantic
from pydantic import Field

from emfm.core.grid import Grid
from ttt.config import Section

_MM = 1e-3
_STEP_TOLERANCE = 1e-6


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
