"""`forward_unet_lite`: a small U-Net whose full-resolution work is one transposed convolution.

The field a few millimetres above its sources is smooth at the grid's pitch, so features live at half the
target grid's resolution and below. Tensor suffixes: N samples, C channels, y and x on the named grid.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from emfm.core.channels import SOURCE_CHANNELS, TARGET_CHANNELS
from emfm.core.grid import Geometry
from emfm.model.placement import ScanPlacement
from emfm.models.forward_unet_lite.params import UNetParams


class ForwardUNetLite(nn.Module):
    """Normalised source H ``(N, 4, y, x)`` -> normalised field ``(N, 12, y, x)`` on the target plane."""

    def __init__(self, params: UNetParams, geometry: Geometry) -> None:
        super().__init__()
        widths = [params.width * 2**level for level in range(params.levels)]
        self._shape = geometry.target.shape
        self.placement = ScanPlacement(geometry)
        self.stem = nn.Conv2d(len(SOURCE_CHANNELS) + 1, widths[0], 5, stride=2, padding=2)
        self.down = nn.ModuleList(nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in pairwise(widths))
        self.encoders = nn.ModuleList(ResidualBlock(width) for width in widths)
        self.reducers = nn.ModuleList(nn.Conv2d(b, a, 1) for a, b in pairwise(widths))
        self.decoders = nn.ModuleList(ResidualBlock(width) for width in widths[:-1])
        self.head = nn.ConvTranspose2d(widths[0], len(TARGET_CHANNELS), 4, stride=2, padding=1)

    def forward(self, source_h: Tensor) -> Tensor:
        """See the class."""
        placed = self.placement(source_h)
        inside = self.placement.inside().expand(len(placed), 1, *self._shape)
        x = self.stem(torch.cat([placed, inside], dim=1))
        skips = []
        for level, encoder in enumerate(self.encoders):
            x = encoder(x if level == 0 else self.down[level - 1](functional.gelu(x)))
            skips.append(x)
        x = skips.pop()
        for skip, reducer, decoder in zip(
            reversed(skips), reversed(self.reducers), reversed(self.decoders), strict=True
        ):
            coarse = reducer(x)
            x = decoder(skip + functional.interpolate(coarse, skip.shape[-2:], mode="bilinear"))
        ny, nx = self._shape
        painted: Tensor = self.head(functional.gelu(x))
        return painted[..., :ny, :nx]


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions around a skip; keeps shape."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """``x`` plus what the block adds."""
        return x + self.second(functional.gelu(self.first(functional.gelu(x))))  # type: ignore[no-any-return]
