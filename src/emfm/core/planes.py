"""A plane of points as `params.yaml` and checkpoints describe it."""

from math import isfinite
from typing import Annotated

import pydantic
from pydantic import Field

from emfm.core.grid import Grid
from ttt.config import Section

_MM = 1e-3
_STEP_TOLERANCE = 1e-6

Pitch = Annotated[float, Field(gt=0)]
"""mm."""


class PlaneParams(Section):
    """A regular grid of points at one height, lengths in mm."""

    z_mm: float = Field(description="height of the plane, mm")
    x_mm: list[float] = Field(min_length=2, max_length=2, description="first and last x, mm")
    y_mm: list[float] = Field(min_length=2, max_length=2, description="first and last y, mm")
    pitch_mm: Pitch | Annotated[list[Pitch], Field(min_length=2, max_length=2)] = Field(
        description="step between points, mm: one number, or that along x and that along y"
    )

    @pydantic.field_validator("pitch_mm", mode="before")
    @classmethod
    def _one_or_two(cls, pitch: object) -> object:
        """Said here in one sentence; the union would say it of each of its types."""
        steps = pitch if isinstance(pitch, list) and len(pitch) == len("xy") else [pitch]
        known = [step for step in steps if isinstance(step, int | float) and not isinstance(step, bool)]
        if len(known) < len(steps) or not all(step > 0 and isfinite(step) for step in known):
            raise ValueError("a number above 0, or a list of two of them: along x and along y")
        return pitch

    @pydantic.model_validator(mode="after")
    def _whole_steps(self) -> "PlaneParams":
        ends = (("x_mm", self.x_mm), ("y_mm", self.y_mm))
        for (name, (first, last)), pitch in zip(ends, self.pitches_mm, strict=True):
            steps = (last - first) / pitch
            if steps < 1 - _STEP_TOLERANCE or abs(steps - round(steps)) > _STEP_TOLERANCE:
                raise ValueError(f"{name} must span one or more whole steps of pitch_mm, found {steps:g} steps")
        return self

    @property
    def pitches_mm(self) -> tuple[float, float]:
        """Steps along x and along y, mm."""
        if isinstance(self.pitch_mm, list):
            return self.pitch_mm[0], self.pitch_mm[1]
        return self.pitch_mm, self.pitch_mm

    def to_grid(self) -> Grid:
        """The plane in metres."""
        (x_first, x_last), (y_first, y_last) = self.x_mm, self.y_mm
        pitch_x, pitch_y = self.pitches_mm
        return Grid(
            x_first * _MM,
            y_first * _MM,
            pitch_x * _MM,
            pitch_y * _MM,
            round((x_last - x_first) / pitch_x) + 1,
            round((y_last - y_first) / pitch_y) + 1,
            self.z_mm * _MM,
        )
