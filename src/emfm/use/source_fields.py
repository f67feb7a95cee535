"""Where a scan comes from, and the field of what was found: elsewhere, and far away; all in free space, or over a board
whose ground plane is known."""

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emfm.core.channels import Complex
from emfm.core.errors import DataError
from emfm.core.grid import Geometry
from emfm.plates.plate_search import PlateField
from emfm.sources.far_field import far_field, radiated_power
from emfm.sources.field_above import Fields, field_along, field_at, field_on_plane
from emfm.sources.found import CurrentElements, PointSources
from emfm.use.scans import GivenAxes, checked_scans

Scan = ArrayLike | PointSources | PlateField
"""One scan as `ForwardModel.predict` takes it, on the points of the source plane; or what was found below it before,
which saves a search: its sources, or the currents on a board whose ground plane is known."""


class SourceFields(ABC):
    """What can be asked of a scan by way of the sources below it.

    Fields are those of the elements and of the background in free space, or of the currents on a board and in its
    ground plane, in double precision. They have no expected error of their own: on the target plane, compare them with
    a prediction.
    """

    @property
    @abstractmethod
    def geometry(self) -> Geometry:
        """Frequency, source plane and target plane."""

    @abstractmethod
    def _search(self, scans: NDArray[np.float32]) -> list[PointSources]:
        """What is found below scans ``(n, 4, ny, nx)`` on the source plane, A/m."""

    def sources(
        self, source_H: ArrayLike, axes: GivenAxes | None = None, tolerance: float | None = None
    ) -> PointSources | list[PointSources]:
        """The sources below one scan, or a list of those below each of a batch; see `ForwardModel.predict`."""
        geometry = self.geometry
        scans, single = checked_scans(source_H, axes, geometry.source, geometry.frequency, tolerance)
        found = self._search(scans)
        return found[0] if single else found

    def field(self, scan: Scan, points: ArrayLike) -> Fields:
        """E and H at ``points`` ``(..., 3)``, m, that are all above the topmost source; see `field_at`.

        Of the currents on a board they should be 2 mm above it or more: nearer, its cells are seen one by one.
        """
        return field_at(self._elements(scan), points)

    def plane(self, scan: Scan, z: float, x: ArrayLike, y: ArrayLike) -> Fields:
        """E and H at height ``z``, m, over all pairs of ``x`` and ``y``, m: ``(3, ny, nx)`` each."""
        return field_on_plane(self._elements(scan), z, x, y)

    def line(self, scan: Scan, start: ArrayLike, stop: ArrayLike, count: int) -> Fields:
        """E and H at ``count`` even steps from ``start`` to ``stop`` ``(3,)``, m: ``(3, count)`` each."""
        return field_along(self._elements(scan), start, stop, count)

    def far_field(self, scan: Scan, theta: ArrayLike, phi: ArrayLike) -> tuple[Complex, Complex]:
        """r E exp(jkr) far away, E_theta and E_phi in V, at angles in rad; see `emfm.sources.far_field`."""
        return far_field(self._elements(scan), theta, phi)

    def radiated_power(self, scan: Scan) -> float:
        """The power that the sources radiate in free space, W."""
        return radiated_power(self._elements(scan))

    def _elements(self, scan: Scan) -> CurrentElements:
        if isinstance(scan, PlateField):
            return scan.elements
        found = scan if isinstance(scan, PointSources) else self.sources(scan)
        if isinstance(found, list):
            raise DataError(
                f"source_H: found a batch of {len(found)} scans; give one, or what `sources` found below one of them"
            )
        return found.all_elements
