"""What a scan alone shows of its sources: how well those near below it, and those far around, could have made it.

All elements of a region, each as likely as any other, make scans of a covariance C (D. J. C. MacKay, "Bayesian
interpolation", Neural Computation 4 (1992)). Regularised by lambda they make h up to lambda (C + lambda)^-1 h, with
moments of the size h^H (C + lambda)^-1 C (C + lambda)^-1 h. A scan that sources in the region made needs few of its
weak patterns; one with its components exchanged, or made by what is far away, needs many, or few where others need
many. No symmetry of the square, and no complex factor, changes these numbers.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from emfm.core.channels import E_COMPONENTS, SOURCE_COMPONENTS
from emfm.core.constants import ETA_0
from emfm.core.elements import unit_element_fields
from emfm.core.grid import Geometry, Grid
from emfm.model.search.mirrors import in_parities, in_proportion, parity_bases, parity_sizes
from emfm.model.trust import SCAN_DESCRIPTORS, scan_descriptors
from ttt.engine.square_root import square_root

PATTERNS: Final = 242
"""Of a scan's, the strongest; 11 x 11 points have no more."""
RIDGES: Final = (0.1, 0.01, 0.001)
"""Values of lambda, relative to the mean of the diagonal of C."""
_LEAST: Final = 1e-8
_LEAST_BALANCE: Final = 1e-6
_TINY: Final = 1e-30
_AT_ONCE: Final = 32


@dataclass(frozen=True)
class _Region:
    """Where elements are, in half-widths of the scan."""

    reach: float
    """To both sides of the middle, in x and in y."""
    depths: tuple[float, ...]
    """Below the scan."""
    pitch: float

    def places(self, plane: Grid) -> NDArray[np.float64]:
        """``(n, 3)``, m."""
        half = np.array([plane.x[-1] - plane.x[0], plane.y[-1] - plane.y[0]]) / 2
        count = int(np.ceil(2 * self.reach / self.pitch))
        steps = self.reach * (2 * np.arange(count) + 1 - count) / count
        z, y, x = np.meshgrid(
            plane.z - half.mean() * np.array(self.depths),
            plane.y[0] + half[1] * (1 + steps),
            plane.x[0] + half[0] * (1 + steps),
            indexing="ij",
        )
        return np.stack([x.ravel(), y.ravel(), z.ravel()], 1)


_REGIONS: Final = {
    "near": _Region(1.08, (0.22, 0.3, 0.4, 0.5), 0.18),
    "far": _Region(5.0, (0.3, 0.5, 1.0), 0.5),
}
SIGNS: Final = (
    *SCAN_DESCRIPTORS,
    "balance of Hx and Hy",
    *(f"{what}, {name}, {ridge:g}" for name in _REGIONS for ridge in RIDGES for what in ("left", "moments")),
)
"""What `ScanSigns` says of a scan."""


def element_scans(geometry: Geometry, places: NDArray[np.float64]) -> NDArray[np.complex128]:
    """Hx and Hy, A/m, of unit elements at ``places``, electric and magnetic ones alike: ``(n, 6, 2, points)``."""
    alike = np.array([1.0, 1.0, 1.0, ETA_0, ETA_0, ETA_0])[:, None, None]
    first = len(E_COMPONENTS)
    fields = unit_element_fields(geometry.source.points(), places, geometry.frequency)
    tangential = fields[..., first : first + len(SOURCE_COMPONENTS)].swapaxes(2, 3)
    return np.asarray(tangential * alike, np.complex128)


class ScanSigns(nn.Module):
    """Scans ``(n, 4, ny, nx)`` -> `SIGNS`, ``(n, signs)``: logarithms, but for the turn of H."""

    def __init__(self, geometry: Geometry) -> None:
        super().__init__()
        self._geometry = geometry
        inputs = len(SOURCE_COMPONENTS) * geometry.source.nx * geometry.source.ny
        self._count = min(PATTERNS, inputs)
        self.patterns: Tensor
        self.strengths: Tensor
        # Real and imaginary parts apart, since a graph of real numbers can be exported anywhere.
        self.register_buffer("patterns", torch.zeros(len(_REGIONS), 2, inputs, self._count))
        self.register_buffer("strengths", torch.zeros(len(_REGIONS), self._count, dtype=torch.float64))

    def find(self) -> None:
        """Compute the patterns of each region, the eigenvectors of C, and their strengths, its eigenvalues."""
        for place, region in enumerate(_REGIONS.values()):
            patterns, strengths = self._leading(region)
            self.patterns[place] = torch.stack([patterns.real, patterns.imag])
            self.strengths[place] = strengths

    def forward(self, source_h: Tensor) -> Tensor:
        """See the class."""
        scans = source_h.double()
        scans = scans / square_root(scans.square().mean((1, 2, 3), keepdim=True)).clamp_min(_TINY)
        real, imaginary = scans[:, 0::2].flatten(1), scans[:, 1::2].flatten(1)
        total = (real.square() + imaginary.square()).sum(1, keepdim=True).clamp_min(_TINY)
        said = [scan_descriptors(scans), _balance(scans)]
        for (of_real, of_imaginary), strengths in zip(self.patterns.double(), self.strengths, strict=True):
            shares = (real @ of_real + imaginary @ of_imaginary).square()
            shares = (shares + (imaginary @ of_real - real @ of_imaginary).square()) / total
            for ridge in RIDGES:
                kept = strengths / (strengths + ridge)
                left = 1 - (shares * (1 - (1 - kept).square())).sum(1, keepdim=True)
                moments = (shares * kept / (strengths + ridge)).sum(1, keepdim=True)
                said += [left.clamp_min(_LEAST).log(), moments.clamp_min(_LEAST).log()]
        return torch.cat(said, 1).float()

    def _leading(self, region: _Region) -> tuple[Tensor, Tensor]:
        """Patterns, complex128 ``(inputs, count)``, and strengths relative to the mean diagonal ``(count,)``.

        Parity by parity: the region is as symmetric as the scan, so that C leaves the parities apart.
        """
        plane = self._geometry.source
        places, sizes = region.places(plane), parity_sizes(plane)
        powers = [torch.zeros(size, size, dtype=torch.complex128) for size in sizes]
        for start in range(0, len(places), _AT_ONCE):
            rows = (
                torch.from_numpy(element_scans(self._geometry, places[start : start + _AT_ONCE]))
                .flatten(0, 1)
                .flatten(1)
            )
            for power, coordinates in zip(powers, in_parities(rows, plane), strict=True):
                power += coordinates.mT @ coordinates.conj()
        mean = sum(float(power.trace().real) for power in powers) / sum(sizes)
        patterns, strengths = [], []
        for power, basis, count in zip(powers, parity_bases(plane), in_proportion(self._count, sizes), strict=True):
            values, vectors = torch.linalg.eigh(power / mean)
            patterns.append(basis @ vectors[:, len(values) - count :])
            strengths.append(values[len(values) - count :].clamp_min(0))
        return torch.cat(patterns, 1), torch.cat(strengths)


def _balance(scans: Tensor) -> Tensor:
    """Four times the product of the shares of Hx and of Hy in |H|^2, natural logarithm ``(n, 1)``; 0 where alike."""
    of_hx, of_hy = (part.square().sum((1, 2, 3)) for part in scans.chunk(2, 1))
    product = 4 * of_hx * of_hy / (of_hx + of_hy).square().clamp_min(_TINY)
    return product.clamp_min(_LEAST_BALANCE).log()[:, None]
