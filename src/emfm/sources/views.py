"""How a scan was taken, as far as a search for its sources has to know: on a grid, or at any points."""

from dataclasses import dataclass
from math import pi
from typing import Self

import numpy as np
import torch
from torch import Tensor

from emfm.core.constants import SPEED_OF_LIGHT
from emfm.core.grid import Grid
from emfm.sources.scan_of_elements import Observed


@dataclass(frozen=True)
class ScanView:
    """Lengths in m."""

    observed: Observed
    x: tuple[float, float]
    """First and last of the points."""
    y: tuple[float, float]
    lowest: float
    """Height of the lowest point."""
    pitch: float
    """Between neighbouring points; where it differs along x and y, the larger one."""
    frequency: float
    """Hz."""
    progress: Tensor
    """``(P,)``: the share of the scan's way at which each point was measured, less a half."""

    @classmethod
    def of_grid(cls, grid: Grid, frequency: float, device: torch.device) -> Self:
        """Of Hx and Hy on all points of a grid, measured row by row."""
        lines = torch.linspace(-0.5, 0.5, grid.ny, dtype=torch.float64, device=device)
        return cls(
            observed=Observed(torch.from_numpy(np.ascontiguousarray(grid.points())).to(device)),
            x=(grid.x[0], grid.x[-1]),
            y=(grid.y[0], grid.y[-1]),
            lowest=grid.z,
            pitch=max(grid.pitch_x, grid.pitch_y),
            frequency=frequency,
            progress=lines.repeat_interleave(grid.nx),
        )

    @property
    def device(self) -> torch.device:
        """Where the search computes."""
        return self.observed.points.device

    @property
    def wavenumber(self) -> float:
        """k = 2 pi f / c, 1/m."""
        return 2 * pi * self.frequency / SPEED_OF_LIGHT
