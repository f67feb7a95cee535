"""Plane-wave spectrum: the scan's tangential H split into plane waves, each carried to the target plane."""

import numpy as np
from numpy.typing import NDArray

from emfm.core.channels import Complex
from emfm.core.constants import ETA_0
from emfm.core.field_operator import FieldOperator
from emfm.core.grid import Geometry

_DB_PER_NEPER = 20 * np.log10(np.e)
_GRAZING = 0.1
"""Smallest |kz| / k in Hz and E: a wave that grazes the plane would make them infinite."""


def plane_wave_operator(geometry: Geometry, padding: float = 4.0, limit_db: float = 60.0) -> FieldOperator:
    """The map from a scan to the field of its plane waves, where H is taken as zero outside the scan.

    A wave exp(j(kx x + ky y - kz z)) has kz = sqrt(k^2 - kx^2 - ky^2), -j times a real number if evanescent;
    div H = 0 gives its Hz, and Ampere's law its E (the dual of C. A. Balanis, Antenna Theory, 4th ed., sec.
    12.9). The discrete transform of the zero-padded scan is summed at the points' own coordinates, so that
    the planes need no points in common, once for each scan point, so that any scan is a matrix product.

    Args:
        geometry: frequency and planes.
        padding: period of the padded scan, in extents of both planes together; rounded up to a power of two
            points.
        limit_db: evanescent waves that decay by more than this between the planes are left out, dB.

    Raises:
        ValueError: padding is below 2, so that the scan's repetition comes near, or limit_db is not above 0.
    """
    if not (padding >= 2 and limit_db > 0):
        raise ValueError(f"padding must be 2 or more and limit_db above 0 dB, found {padding} and {limit_db}")
    source, target = geometry.source, geometry.target
    decay = limit_db / _DB_PER_NEPER / (target.z - source.z)
    cutoff = float(np.hypot(geometry.wavenumber, decay))
    kx, x_spectra, x_waves = _axis_waves(source.x, target.x, source.pitch_x, padding, cutoff)
    ky, y_spectra, y_waves = _axis_waves(source.y, target.y, source.pitch_y, padding, cutoff)
    transfer = _transfer(kx[None, :], ky[:, None], geometry, cutoff)
    matrix = np.empty((2, source.ny, source.nx, 6 * target.ny * target.nx), np.complex128)
    for row, column in np.ndindex(source.shape):
        spectrum = np.outer(y_spectra[row], x_spectra[column])
        fields = y_waves @ (transfer * spectrum) @ x_waves.T
        matrix[:, row, column] = fields.reshape(2, -1)
    return FieldOperator(geometry, matrix.reshape(-1, matrix.shape[-1]))


def _axis_waves(
    known: NDArray[np.float64], wanted: NDArray[np.float64], pitch: float, padding: float, cutoff: float
) -> tuple[NDArray[np.float64], Complex, Complex]:
    """Wavenumbers ``(k,)`` along one axis, spectra of unit samples ``(known, k)``, waves ``(wanted, k)``."""
    both = np.concatenate([known, wanted])
    count = 2 ** int(np.ceil(np.log2(padding * (np.ptp(both) / pitch + 1))))
    wavenumbers = 2 * np.pi * np.fft.fftfreq(count, pitch)
    wavenumbers = wavenumbers[np.abs(wavenumbers) <= cutoff]
    spectra = np.exp(-1j * np.outer(known, wavenumbers)) / count
    return wavenumbers, spectra, np.exp(1j * np.outer(wanted, wavenumbers))


def _transfer(kx: NDArray[np.float64], ky: NDArray[np.float64], geometry: Geometry, cutoff: float) -> Complex:
    """Field on the target plane per Hx and per Hy of a wave on the source plane: ``(2, 6, ky, kx)``."""
    k = geometry.wavenumber
    transverse = np.hypot(kx, ky)
    kz = np.sqrt(k**2 - transverse**2 + 0j).conj()
    carried = np.exp(-1j * kz * (geometry.target.z - geometry.source.z)) * (transverse <= cutoff)
    safe_kz = np.where(np.abs(kz) < _GRAZING * k, _GRAZING * k, kz)
    one, none = np.ones_like(kz), np.zeros_like(kz)
    waves = []
    for hx, hy in ((one, none), (none, one)):
        hz = (kx * hx + ky * hy) / safe_kz
        ex, ey, ez = ky * hz + kz * hy, -kz * hx - kx * hz, kx * hy - ky * hx
        waves.append([ETA_0 / k * ex, ETA_0 / k * ey, ETA_0 / k * ez, hx, hy, hz])
    return np.asarray(carried * np.array(waves), np.complex128)
