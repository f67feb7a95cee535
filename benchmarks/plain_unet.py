"""`plain_unet`: the textbook U-Net on the target plane, what the cost of training is compared with.

Two 3 x 3 convolutions with batch normalisation at each of four resolutions, from the target plane's own on, 32 channels
there and twice as many at each coarser one (O. Ronneberger, P. Fischer, T. Brox, "U-Net", MICCAI 2015, with half the
channels and one resolution less). The project's own `forward_unet_lite` works at half the resolution instead.
"""

from itertools import pairwise

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from emfm.core.channels import SOURCE_CHANNELS, TARGET_CHANNELS
from emfm.core.grid import Geometry
from emfm.model.field_model import NetworkFieldModel
from emfm.model.placement import ScanPlacement
from emfm.model.spec import FieldSpec
from ttt.config import PartParams
from ttt.parts import MODELS


class PlainUNetParams(PartParams):
    """`plain_unet`."""

    width: int = Field(ge=1, description="channels at the target plane's resolution; doubled at each coarser one")
    levels: int = Field(ge=2, description="resolutions, each half of the one before")


class PlainUNet(nn.Module):
    """Normalised source H ``(N, 4, y, x)`` -> normalised field ``(N, 12, y, x)`` on the target plane."""

    def __init__(self, params: PlainUNetParams, geometry: Geometry) -> None:
        super().__init__()
        widths = [params.width * 2**level for level in range(params.levels)]
        self.placement = ScanPlacement(geometry)
        self.down = nn.ModuleList(twice_convolved(a, b) for a, b in pairwise([len(SOURCE_CHANNELS), *widths]))
        self.widen = nn.ModuleList(nn.ConvTranspose2d(b, a, 2, stride=2) for a, b in pairwise(widths))
        self.up = nn.ModuleList(twice_convolved(2 * a, a) for a in widths[:-1])
        self.head = nn.Conv2d(widths[0], len(TARGET_CHANNELS), 1)

    def forward(self, source_h: Tensor) -> Tensor:
        """See the class."""
        x = self.placement(source_h)
        skips: list[Tensor] = []
        for block in self.down:
            x = block(functional.max_pool2d(x, 2, ceil_mode=True) if skips else x)
            skips.append(x)
        for skip, widen, block in zip(reversed(skips[:-1]), reversed(self.widen), reversed(self.up), strict=True):
            ny, nx = skip.shape[-2:]
            x = block(torch.cat([skip, widen(x)[..., :ny, :nx]], 1))
        painted: Tensor = self.head(x)
        return painted


def twice_convolved(inputs: int, outputs: int) -> nn.Module:
    """Two 3 x 3 convolutions, each with batch normalisation and ReLU; keeps ny and nx."""
    layers: list[nn.Module] = []
    for count in (inputs, outputs):
        layers += [nn.Conv2d(count, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
    return nn.Sequential(*layers)


@MODELS.register("plain_unet")
def build_plain_unet(params: PlainUNetParams, *, spec: FieldSpec) -> nn.Module:
    """`PlainUNet` for the planes and the normalisation of ``spec``."""
    return NetworkFieldModel(PlainUNet(params, spec.geometry()), spec.norm)
