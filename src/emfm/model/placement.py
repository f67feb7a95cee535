"""Put a scan where it is on the target plane's grid, by coordinates."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from emfm.core.grid import Geometry


class ScanPlacement(nn.Module):
    """Source-plane channels on the target grid: ``(n, c, ny, nx)`` of the source -> of the target plane.

    Bilinear in the coordinates inside the scan, zero outside. Where the grids share their points, as at the
    default geometry, each scan value lands unchanged on its own point.
    """

    def __init__(self, geometry: Geometry) -> None:
        super().__init__()
        source, target = geometry.source, geometry.target
        self.rows: Tensor
        self.columns: Tensor
        self.register_buffer("rows", _hat_weights(source.y, target.y), persistent=False)
        self.register_buffer("columns", _hat_weights(source.x, target.x).T.contiguous(), persistent=False)

    def forward(self, scan: Tensor) -> Tensor:
        """The scan on the target grid."""
        return self.rows @ scan @ self.columns

    def inside(self) -> Tensor:
        """1 at target points inside the scan, 0 outside: ``(1, 1, ny, nx)``."""
        return (self.rows.sum(1)[:, None] * self.columns.sum(0)[None, :])[None, None]


def _hat_weights(known: NDArray[np.float64], wanted: NDArray[np.float64]) -> Tensor:
    """Weights of linear interpolation on a regular axis: ``(len(wanted), len(known))``, zero outside it."""
    pitch = known[1] - known[0]
    distance = np.abs(wanted[:, None] - known[None, :]) / pitch
    weights = np.clip(1 - distance, 0, None)
    weights[weights < 1e-9] = 0
    between = (wanted > known[0] - 1e-6 * pitch) & (wanted < known[-1] + 1e-6 * pitch)
    return torch.from_numpy((weights * between[:, None]).round(9)).float()
