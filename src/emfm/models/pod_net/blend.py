"""Estimates of one field, weighed by what each of them is worth for this scan.

The search is right where few elements radiate, equivalent dipoles where currents are spread. A small network says from
what is known of a scan, and from how far the estimates are apart, how much each of them counts, and how much of a
correction is added (R. A. Jacobs, M. I. Jordan, S. J. Nowlan and G. E. Hinton, "Adaptive mixtures of local experts",
Neural Computation 3 (1991)). Before it has learned anything an estimate counts by the number of training samples of
which it is the best.

Neither a mirror nor a complex factor changes what the network sees, so that the blend of an image is the image of the
blend.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn

from emfm.core.channels import Complex
from emfm.core.grid import Geometry
from emfm.model.complex_rows import row_length
from emfm.model.search.equivalent_dipoles import dipole_settings, fits_by_array, with_room
from emfm.model.search.modes import FieldModes
from emfm.model.search.params import DipoleGridParams
from ttt.engine.square_root import square_root

_UNITS: Final = 64
_LIMIT: Final = 5.0
_LEAST_SPREAD: Final = 1e-3
_LEAST_APART: Final = 1e-6
_LEAST_COUNT: Final = 0.01
"""Of training samples of which an estimate is the best, so that it can still be learned where it counts."""
_TINY: Final = 1e-30


@dataclass(frozen=True)
class Blended:
    """Estimates of the modal coefficients of some scans' fields, and what they are together."""

    estimates: list[Tensor]
    """Each ``(n, modes)``."""
    weights: Tensor
    """``(n, estimates)``."""
    mean: Tensor
    """``(n, modes)``, weighed."""
    share: Tensor
    """Of a correction that is added to the mean ``(n, 1)``, 0 to 2."""

    def spread(self) -> Tensor:
        """How far the estimates are from their mean, relative to it ``(n,)``."""
        squares = [(one - self.mean).abs().square().sum(1) for one in self.estimates]
        size = self.mean.norm(dim=1) + _TINY
        spread: Tensor = square_root((self.weights * torch.stack(squares, 1)).sum(1)) / size
        return spread


class Blend(nn.Module):
    """Scans and a first estimate of modal coefficients -> a weighed mean of it and of equivalent dipoles' fields."""

    def __init__(self, dipoles: DipoleGridParams, geometry: Geometry, modes: int, facts: int) -> None:
        """``facts``: numbers that are known of a scan."""
        super().__init__()
        self._geometry = geometry
        self._settings = with_room(geometry, dipole_settings(dipoles))
        count, inputs = len(self._settings), row_length(*geometry.source.shape)
        self.maps: Tensor
        self.apart_mean: Tensor
        self.apart_std: Tensor
        self.odds: Tensor
        self.register_buffer("maps", torch.zeros(inputs, count * modes, dtype=torch.complex64))
        self.register_buffer("apart_mean", torch.zeros(count))
        self.register_buffer("apart_std", torch.ones(count))
        self.register_buffer("odds", torch.zeros(1 + count))
        last = nn.Linear(_UNITS, 2 + count)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.network = nn.Sequential(
            nn.Linear(facts + count, _UNITS), nn.GELU(), nn.Linear(_UNITS, _UNITS), nn.GELU(), last
        )

    def find(self, modes: FieldModes) -> None:
        """Compute the maps from a scan to the dipoles' field, in modes."""

        def in_modes(fields: Complex) -> Complex:
            rows = torch.from_numpy(fields).to(modes.modes)
            return np.asarray(modes.project_rows(rows).cpu().numpy(), np.complex128)

        maps = [
            fit.solve(setting.tikhonov)
            for fit, sharing in fits_by_array(self._geometry, self._settings, in_modes)
            for setting in sharing
        ]
        if maps:
            self.maps.copy_(torch.from_numpy(np.concatenate(maps, 1)))

    def compared(self, scan: Tensor, first: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
        """What `fit` takes of some samples: how far the estimates are from the first one, and from the truth."""
        estimates, size = self.estimates(scan, first), truth.norm(dim=1) + _TINY
        return _apart(estimates), torch.stack([(one - truth).norm(dim=1) / size for one in estimates], 1)

    def fit(self, apart: Tensor, errors: Tensor) -> None:
        """Learn from all training samples, ``(n, estimates - 1)`` and ``(n, estimates)``, what is usual."""
        mean = apart.mean(0)
        self.apart_mean.copy_(mean)
        self.apart_std.copy_(square_root((apart - mean).square().mean(0)).clamp_min(_LEAST_SPREAD))
        best = errors.argmin(1, keepdim=True) == torch.arange(errors.shape[1], device=errors.device)
        self.odds.copy_(best.double().sum(0).clamp_min(_LEAST_COUNT).log())

    def estimates(self, scan: Tensor, first: Tensor) -> list[Tensor]:
        """The ``first`` one ``(n, modes)``, and those of the dipoles that fit the ``scan (n, 2 * ny * nx)``."""
        return [first, *(scan @ self.maps).view(len(scan), len(self._settings), first.shape[1]).unbind(1)]

    def forward(self, scan: Tensor, first: Tensor, facts: Tensor) -> Blended:
        """``facts``: ``(n, facts)``, of size one."""
        estimates = self.estimates(scan, first)
        apart = ((_apart(estimates) - self.apart_mean) / self.apart_std).clamp(-_LIMIT, _LIMIT)
        said = self.network(torch.cat([facts, apart], 1))
        weights = torch.softmax(said[:, 1:] + self.odds, 1)
        mean = torch.zeros_like(first)
        for weight, estimate in zip(torch.split(weights, 1, 1), estimates, strict=True):
            mean = mean + weight * estimate
        return Blended(estimates, weights, mean, 2 * torch.sigmoid(said[:, :1]))


def _apart(estimates: list[Tensor]) -> Tensor:
    """How far all but the first are from the first, relative to it, natural logarithms ``(n, estimates - 1)``."""
    first = estimates[0]
    size = first.norm(dim=1) + _TINY
    apart = [first.new_zeros(len(first), 0, dtype=size.dtype)]
    apart += [((other - first).norm(dim=1) / size).clamp_min(_LEAST_APART).log()[:, None] for other in estimates[1:]]
    return torch.cat(apart, 1)
