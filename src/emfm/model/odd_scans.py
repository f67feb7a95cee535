"""How far a scan goes towards those that went wrong: see `emfm.model.counterexamples`."""

from typing import Final

from torch import Tensor, nn

from emfm.core.grid import Geometry
from emfm.model.counterexamples import Oddness, complex_scans, signs_of, wrong_scans
from emfm.model.scan_signs import ScanSigns

_ONE_GOES_WRONG_IN: Final = 4
"""Training scans, of which wrong ones are made."""


class OddScans(nn.Module):
    """Scans ``(n, 4, ny, nx)`` -> how far they go towards wrong ones ``(n,)``: above 1, too far. Before `learn` 0."""

    def __init__(self, geometry: Geometry) -> None:
        super().__init__()
        self._geometry = geometry
        self.signs = ScanSigns(geometry)
        self.oddness = Oddness()

    def forward(self, source_h: Tensor) -> Tensor:
        """See the class."""
        distance: Tensor = self.oddness(self.signs(source_h))
        return distance

    def learn(self, train: Tensor, val: Tensor) -> tuple[Tensor, Tensor]:
        """What training scans ``(n, 4, ny, nx)`` become when they go wrong, and how far they and validation scans go

        towards that as they are: returned for both.
        """
        self.signs.find()
        right, unseen = complex_scans(train), complex_scans(val)
        wrong = [signs_of(self.signs, scans) for scans in wrong_scans(right[::_ONE_GOES_WRONG_IN], self._geometry)]
        of_right, of_unseen = (signs_of(self.signs, scans) for scans in (right, unseen))
        self.oddness.calibrate(of_right, wrong, of_unseen)
        return self.oddness(of_right), self.oddness(of_unseen)

    def reach_farther(self, times: float) -> None:
        """Let right scans go so many times as far as `learn` found."""
        self.oddness.reach_farther(times)
