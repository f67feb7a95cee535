"""Sources from a scan as it comes: no model, no grid. ``emfm.find_sources(emfm.read_measured("scan.csv", 1e9))``."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emfm.acquire.phase import measured_without_phase
from emfm.acquire.readers.named_tables import TableFormat, read_named_points
from emfm.core.channels import Complex, to_channels
from emfm.core.errors import DataError
from emfm.core.grid import Grid
from emfm.core.measured import MeasuredField
from emfm.core.sample import STRONGEST, WEAKEST
from emfm.sources.far_field import far_field, radiated_power
from emfm.sources.field_above import Fields, field_along, field_at, field_on_plane
from emfm.sources.found import PointSources
from emfm.sources.instrument import Instrument
from emfm.sources.measured_search import sources_below, unseen


@dataclass(frozen=True, eq=False)
class MeasuredSources:
    """What was found below a scan, and the field of it in free space, above the topmost source."""

    sources: PointSources
    unseen: str | None
    """Currents that the measured components do not show at all, in words; None where they show all."""

    def field(self, points: ArrayLike) -> Fields:
        """E and H at ``points`` ``(..., 3)``, m; see `field_at`."""
        return field_at(self.sources.all_elements, points)

    def plane(self, z: float, x: ArrayLike, y: ArrayLike) -> Fields:
        """E and H at height ``z``, m, over all pairs of ``x`` and ``y``, m: ``(3, ny, nx)`` each."""
        return field_on_plane(self.sources.all_elements, z, x, y)

    def channels(self, plane: Grid) -> NDArray[np.float32]:
        """E and H on a plane as files hold them: ``(12, ny, nx)``, V/m and A/m."""
        return to_channels(np.concatenate(self.plane(plane.z, plane.x, plane.y))).astype(np.float32)

    def line(self, start: ArrayLike, stop: ArrayLike, count: int) -> Fields:
        """E and H at ``count`` even steps from ``start`` to ``stop`` ``(3,)``, m: ``(3, count)`` each."""
        return field_along(self.sources.all_elements, start, stop, count)

    def far_field(self, theta: ArrayLike, phi: ArrayLike) -> tuple[Complex, Complex]:
        """r E exp(jkr) far away, E_theta and E_phi in V, at angles in rad; see `emfm.sources.far_field`."""
        return far_field(self.sources.all_elements, theta, phi)

    def radiated_power(self) -> float:
        """The power that the sources radiate in free space, W."""
        return radiated_power(self.sources.all_elements)


def read_measured(path: str | Path, frequency: float) -> MeasuredField:
    """A table of points, at ``frequency``, Hz: columns x, y, z in mm, and components of E in V/m and of H in A/m.

    A component is given by real and imaginary part (``Hx_re,Hx_im``) or by amplitude and phase in degrees
    (``Hx_abs,Hx_phase``), with units in brackets where they are others. What is empty or NaN was not measured.

    Raises DataError where the file cannot be used.
    """
    measured = read_named_points(Path(path), frequency, TableFormat(spell=str, has_units=False, ruled=True))
    _refuse(measured, f"{path}: ")
    return measured


def find_sources(
    measured: MeasuredField,
    plane: Grid | None = None,
    depths: tuple[float, float] | None = None,
    instrument: Instrument | None = None,
) -> MeasuredSources:
    """The few current elements below a scan, and what follows from them; arguments and errors of `sources_below`.

    Raises DataError, too, for a scan without phase, or whose values are beyond all that is measured.
    """
    _refuse(measured, "")
    return MeasuredSources(sources_below(measured, plane, depths, instrument), unseen(measured.used.components))


def _refuse(measured: MeasuredField, place: str) -> None:
    if problem := measured_without_phase(measured):
        raise DataError(f"{place}{problem}")
    size = float(np.abs(measured.values[measured.known]).max())
    if not WEAKEST <= size <= STRONGEST:
        raise DataError(f"{place}the largest value is {size:.3g}, beyond {WEAKEST:g} to {STRONGEST:g}; check its unit")
