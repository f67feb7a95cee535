"""What a probe of finite size, at not quite the right place, makes of a scan: from the scan's own points alone.

Along x and y the scan is a sum of cosines, as if it were mirrored at its rim (half a pitch beyond the outermost
points). Fields of sources below the plane are upward waves (C. A. Balanis, Antenna Theory, 4th ed., sec. 12.9), each
of which a change of height dz multiplies by exp(-j kz dz), kz = sqrt(k^2 - kx^2 - ky^2), -j times a real number if
evanescent; the average over a square window of side w multiplies it by sinc(kx w/2) sinc(ky w/2), sinc(x) = sin(x) / x.
A displacement of single points adds its product with the derivatives along x and y, to first order.
"""

from dataclasses import dataclass, field

import numpy as np

from emfm.core.channels import Complex, Real
from emfm.core.grid import Grid
from emfm.core.maxwell import FEWEST_POINTS, central_difference


@dataclass(frozen=True)
class ScanErrors:
    """The effects on scans ``(n, c, ny, nx)``, complex, A/m, of the tangential H on ``grid``; ``wavenumber`` in 1/m.

    How well that is done, against the fields computed at the very points, heights and windows: the error of an effect
    relative to the effect (L2 over the scan, median of 24 scenes of current elements / traces / patches on the default
    planes, whose sources lie up to one pitch below the scan, where its points hardly resolve them) is 0.19 / 0.29 /
    0.12 for a height of 0.05 mm, 0.27 / 0.26 / 0.16 for a window of 1 mm, 0.41 / 0.22 / 0.12 for positions of 0.02 mm;
    two points or more off the rim half of that. In size each effect is right within a tenth. So a scan has errors of
    the size and the kind that an instrument makes, not the very ones.
    """

    grid: Grid
    wavenumber: float
    _along_x: "_Axis" = field(init=False, repr=False, compare=False)
    _along_y: "_Axis" = field(init=False, repr=False, compare=False)
    _kz: Complex = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        x, y = _Axis.of(self.grid.nx, self.grid.pitch_x), _Axis.of(self.grid.ny, self.grid.pitch_y)
        transverse = np.square(y.wavenumbers)[:, None] + np.square(x.wavenumbers)
        object.__setattr__(self, "_along_x", x)
        object.__setattr__(self, "_along_y", y)
        object.__setattr__(self, "_kz", np.sqrt(self.wavenumber**2 - transverse + 0j).conj())

    def lifted_and_averaged(self, scans: Complex, height: Real, window: Real) -> Complex:
        """The scans on a plane that is ``height`` higher, averaged over square windows of side ``window``; ``(n,)``, m.

        A matrix product a sample, so that its bits do not depend on what other samples are beside it.
        """
        x, y = self._along_x, self._along_y
        half = window[:, None] / (2 * np.pi)  # numpy's sinc(x) is sin(pi x) / (pi x)
        averaged = np.sinc(y.wavenumbers * half)[:, :, None] * np.sinc(x.wavenumbers * half)[:, None, :]
        carried = np.exp(-1j * self._kz * height[:, None, None]) * averaged
        spectra = y.spectrum @ scans @ x.spectrum.T
        return np.asarray(y.cosines @ (spectra * carried[:, None]) @ x.cosines.T)

    def displaced(self, scans: Complex, dx: Real, dy: Real) -> Complex:
        """The scans with each point read ``dx`` and ``dy`` beside its place, ``(n, ny, nx)``, m; of first order.

        Derivatives are those of `difference_matrix`.
        """
        along_x, along_y = scans @ self._along_x.difference.T, self._along_y.difference @ scans
        return np.asarray(scans + dx[:, None] * along_x + dy[:, None] * along_y)


@dataclass(frozen=True)
class _Axis:
    """An axis of n points as a sum of n cosines."""

    wavenumbers: Real
    """``(n,)``, 1/m."""
    cosines: Complex
    """``(n, n)``: from a spectrum to the points."""
    spectrum: Complex
    """``(n, n)``: the inverse."""
    difference: Complex
    """``(n, n)``: the first derivative, 1/m."""

    @classmethod
    def of(cls, count: int, pitch: float) -> "_Axis":
        """The axis of so many points."""
        orders = np.arange(count)
        cosines = np.cos(np.pi * np.outer(orders + 0.5, orders) / count)
        lengths = np.square(cosines).sum(0)  # the cosines are orthogonal
        return cls(
            np.asarray(np.pi * orders / (count * pitch)),
            cosines.astype(np.complex128),
            (cosines / lengths).T.astype(np.complex128),
            difference_matrix(count, pitch).astype(np.complex128),
        )


def difference_matrix(count: int, pitch: float) -> Real:
    """The first derivative at ``count`` points, ``(count, count)``, 1/m.

    `emfm.core.maxwell.central_difference` off the ends; at an end the one-sided difference of order 2 (of order 1
    where there are two points).
    """
    matrix = np.zeros((count, count))
    if count >= FEWEST_POINTS:
        matrix[1:-1] = central_difference(np.eye(count, dtype=np.complex128), pitch).real.T
    ends = np.array([-1.5, 2.0, -0.5] if count >= FEWEST_POINTS else [-1.0, 1.0]) / pitch
    matrix[0, : len(ends)] = ends
    matrix[-1, count - len(ends) :] = -ends[::-1]
    return matrix
