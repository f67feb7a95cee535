"""Weak current elements all over a region: how likely they are beside white noise, and what they are.

A background b of independent elements is normal with covariance w K, where K = B B^H is the sum over all of them; noise
is white with variance v. In the basis in which K is diagonal the likelihood of what strong elements leave of a scan is
a sum, for which v is known in closed form once w / v is; that ratio is looked for on a logarithmic scale (the evidence
of D. J. C. MacKay, "Bayesian interpolation", Neural Computation 4 (1992)). One of the ratios is 0: no background.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor

from emfm.core.constants import ETA_0
from emfm.sources.found import CurrentElements
from emfm.sources.scan_of_elements import ElementScans, apart, together
from emfm.sources.views import ScanView
from ttt.engine.square_root import square_root

_RATIOS: Final = (-4.0, 8.0, 25)
"""First and last exponent of ten, and the number, of the ratios of the background's mean power to the noise."""
_MARGIN: Final = 3.0
_LAYERS: Final = (1.4, 2.2, 3.5)
"""Around the scan and below it, in pitches."""
_MOST_PLACES: Final = 17
"""Along an axis; below larger scans they lie further apart."""
_QUIETEST: Final = 1e-14
"""Variance relative to the scan's: what rounding to single precision leaves."""


@dataclass(frozen=True)
class Evidence:
    """Of what is left of some scans."""

    without: Tensor
    """Logarithm of the likelihood with white noise alone, ``(scans,)``."""
    best: Tensor
    """The same with the likeliest background."""
    ratio: Tensor
    """Of the likeliest background."""
    noise: Tensor
    """v with no background, and with the likeliest one: ``(scans, 2)``."""


class Background:
    """See the module."""

    def __init__(self, view: ScanView) -> None:
        pitch, device = view.pitch, view.device
        x, y = (_spread(low - _MARGIN * pitch, high + _MARGIN * pitch, pitch) for low, high in (view.x, view.y))
        heights = torch.tensor([view.lowest - depth * pitch for depth in _LAYERS], dtype=torch.float64)
        self._positions = torch.cartesian_prod(x, y, heights).to(device)
        self._frequency = view.frequency
        rows = []
        for magnetic in (False, True):
            kind = torch.full((len(self._positions),), magnetic, device=device)
            scans = ElementScans(view.observed, self._positions, kind, view.wavenumber)
            rows.append(together(scans.columns()).flatten(0, 1))
        self._rows = torch.cat(rows)
        power, self._basis = torch.linalg.eigh(self._rows.mT @ self._rows.conj())
        self._mean_power = power.mean()
        self._power = power.clamp_min(0) / self._mean_power
        self._ratios = torch.logspace(*_RATIOS, dtype=torch.float64, device=device)

    def evidence(self, left: Tensor) -> Evidence:
        """Of ``left``, complex ``(scans, N)``, of scans of size one."""
        seen = (left @ self._basis.conj()).abs().square()
        with_ratio, noise = self._likelihood(seen, self._ratios)
        without, quiet = self._likelihood(seen, self._ratios.new_zeros(1))
        best, place = with_ratio.max(1)
        chosen = noise.gather(1, place[:, None])[:, 0]
        return Evidence(without[:, 0], best, self._ratios[place], torch.stack([quiet[:, 0], chosen], 1))

    def _likelihood(self, seen: Tensor, ratios: Tensor) -> tuple[Tensor, Tensor]:
        spread = 1 + ratios[:, None] * self._power
        weighed = seen @ (1 / spread).T
        noise = (weighed / seen.shape[1]).clamp_min(_QUIETEST)
        return -weighed / noise - seen.shape[1] * noise.log() - spread.log().sum(1), noise

    def whitened(self, rows: Tensor, noise: Tensor, ratio: Tensor) -> Tensor:
        """``rows`` ``(scans, r, 2 N)`` in a basis, over the standard deviation of noise and background.

        Where there is no background, any basis does, and they stay in theirs.
        """
        if not bool(ratio.any()):
            return rows / square_root(noise)[:, None, None]
        spread = noise[:, None] * (1 + ratio[:, None] * self._power)
        return apart((together(rows) @ self._basis.conj()) / square_root(spread)[:, None])

    def elements(self, left: Tensor, ratio: Tensor) -> list[CurrentElements]:
        """The mean of the background's elements, given what is ``left`` of scans, ``(scans, N)``; none at a ratio 0."""
        count = len(self._positions)
        places = self._positions.cpu().numpy()
        if not bool(ratio.any()):
            none = np.zeros((0, 3))
            return [CurrentElements(none, none.astype(complex), none.astype(complex), self._frequency)] * len(left)
        weights = ratio[:, None] / (1 + ratio[:, None] * self._power) / self._mean_power
        solved = (weights * (left @ self._basis.conj())) @ self._basis.mT
        moments = (solved @ self._rows.mH).view(len(left), 2, count, 3).cpu().numpy()
        return [CurrentElements(places, electric, ETA_0 * magnetic, self._frequency) for electric, magnetic in moments]


def _spread(first: float, last: float, pitch: float) -> Tensor:
    count = min(round((last - first) / pitch) + 1, _MOST_PLACES)
    return torch.linspace(float(first), float(last), count, dtype=torch.float64)
