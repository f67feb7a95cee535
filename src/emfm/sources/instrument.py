"""Errors of an instrument that elements can explain away, so that what is left of a scan does not show them."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor

from emfm.core.measurement import MeasurementParams
from emfm.sources.scan_of_elements import apart, made_by, together
from emfm.sources.slide import Region

_MM: Final = 1e-3
_NEPER_PER_DB: Final = np.log(10) / 20
_SHIFT: Final = 0.05
"""Of central differences with the place, in units of length."""


@dataclass(frozen=True)
class Instrument:
    """Standard deviations; see `MeasurementParams` for what each is. The default is an instrument without errors."""

    gain: float = 0.0
    """Of each component, relative."""
    phase: float = 0.0
    """The same, rad."""
    height: float = 0.0
    """Of the scan, m."""
    window: float = 0.0
    """Largest side of the probe's window, m."""

    @classmethod
    def of(cls, params: MeasurementParams | None) -> "Instrument":
        """The instrument of some parameters; None has no errors."""
        if params is None:
            return cls()
        return cls(
            gain=params.gain_db * _NEPER_PER_DB,
            phase=float(np.deg2rad(params.phase_deg)),
            height=params.height_mm * _MM,
            window=params.probe_mm[1] * _MM,
        )

    def errors(self, region: Region, progress: Tensor, positions: Tensor, magnetic: Tensor, moments: Tensor) -> Tensor:
        """What an error of one standard deviation changes in scans of elements ``(scans, n, ...)``.

        ``progress`` ``(P,)``, of each point, is the share of the scan's way at which it was measured, less a half:
        gain and phase drift on it. The changes are ``(scans, errors, 2 N)``; of an instrument without errors none.
        """
        if self == Instrument():
            return positions.new_zeros(len(positions), 0, 2 * region.observed.count)
        elements, columns = region.columns(positions, magnetic)
        scan = together(made_by(moments.flatten(1)[:, None], columns)[:, 0])
        observed = region.observed
        places, of_numbers = observed.component_places, observed.of_points(progress)
        changed = []
        for component in range(len(observed.components)):
            for course in (torch.ones_like(of_numbers), of_numbers):
                factor = torch.where(places == component, scan * course, 0)
                changed += [apart(self.gain * factor), apart(1j * self.phase * factor)]
        upwards = elements.slopes(moments.flatten(0, 1))[:, 2].view(*magnetic.shape, -1)
        changed.append(-self.height * upwards.sum(1))
        changed.append(self._averaged(region, positions, magnetic, moments, apart(scan)))
        return torch.stack(changed, 1)

    def _averaged(self, region: Region, positions: Tensor, magnetic: Tensor, moments: Tensor, scan: Tensor) -> Tensor:
        """The average over a square of side s adds s^2 / 24 of the second derivatives along x and y."""
        shift = _SHIFT * region.unit
        around = torch.zeros_like(scan)
        for axis in range(2):
            for sign in (-1, 1):
                moved = positions.clone()
                moved[..., axis] += sign * shift
                around += made_by(moments.flatten(1)[:, None], region.columns(moved, magnetic)[1])[:, 0]
        return self.window**2 / 24 * (around - 4 * scan) / shift**2
