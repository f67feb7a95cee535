"""Scans as the linear parts of a model see them: complex rows."""

import torch
from torch import Tensor

from emfm.core.channels import SOURCE_COMPONENTS


def complex_rows(channels: Tensor) -> Tensor:
    """Channels ``(n, 2c, ny, nx)`` -> complex ``(n, c * ny * nx)``, component by component."""
    return torch.complex(channels[:, 0::2], channels[:, 1::2]).flatten(1)


def row_length(ny: int, nx: int) -> int:
    """Length of the rows of scans on ``ny * nx`` points."""
    return len(SOURCE_COMPONENTS) * ny * nx
