"""`fourier_neural_operator`: the FNO of the package neuraloperator, as a baseline to compare with.

Z. Li et al., "Fourier neural operator for parametric partial differential equations", ICLR 2021.
"""

import importlib
from typing import Any

import torch
from torch import Tensor, nn

from emfm.core.channels import SOURCE_CHANNELS, TARGET_CHANNELS
from emfm.core.grid import Geometry
from emfm.model.placement import ScanPlacement
from emfm.models.fourier_neural_operator.params import FourierOperatorParams
from ttt.config import ConfigError

_COORDINATES = 2


class FourierOperator(nn.Module):
    """Normalised source H ``(n, 4, ny, nx)`` -> normalised field ``(n, 12, ny, nx)`` on the target plane.

    The scan stands where it is on the target's grid, with a mask of where it is and the coordinates beside it.
    """

    def __init__(self, params: FourierOperatorParams, geometry: Geometry) -> None:
        """Raises ConfigError where the package is not installed."""
        super().__init__()
        ny, nx = geometry.target.shape
        self.placement = ScanPlacement(geometry)
        self.coordinates: Tensor
        axes = torch.meshgrid(torch.linspace(-1, 1, ny), torch.linspace(-1, 1, nx), indexing="ij")
        self.register_buffer("coordinates", torch.stack(axes)[None], persistent=False)
        self.operator: nn.Module = _package().FNO(
            n_modes=(min(params.modes, ny), min(params.modes, nx)),
            in_channels=len(SOURCE_CHANNELS) + 1 + _COORDINATES,
            out_channels=len(TARGET_CHANNELS),
            hidden_channels=params.width,
            n_layers=params.layers,
            positional_embedding=None,
        )
        self.register_state_dict_post_hook(_keep_tensors)  # type: ignore[no-untyped-call]

    def forward(self, source_h: Tensor) -> Tensor:
        """See the class."""
        placed = self.placement(source_h)
        inside = self.placement.inside().expand(len(placed), 1, *placed.shape[2:])
        coordinates = self.coordinates.expand(len(placed), *self.coordinates.shape[1:])
        field: Tensor = self.operator(torch.cat([placed, inside, coordinates], 1))
        return field


def _keep_tensors(_: nn.Module, state: dict[str, Any], __: str, ___: Any) -> None:
    """Drop what the package adds to the weights: a checkpoint holds tensors and plain values alone."""
    for key in [key for key, value in state.items() if not isinstance(value, Tensor)]:
        del state[key]


def _package() -> Any:
    try:
        return importlib.import_module("neuralop.models")
    except ImportError as error:
        raise ConfigError(
            "model.name",
            [
                f"'fourier_neural_operator' needs the package neuraloperator ({error}); install it with "
                "pip install -c constraints.txt -e '.[neuraloperator]'"
            ],
        ) from error
