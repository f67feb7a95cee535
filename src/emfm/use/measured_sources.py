"""Sources, or currents on a known board, from a scan as it comes: no model, no grid.

``emfm.find_sources(emfm.read_measured("scan.csv", 1e9))``.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from emfm.acquire.phase import measured_without_phase
from emfm.acquire.readers.named_tables import TableFormat, read_named_points
from emfm.core.channels import Complex, to_channels
from emfm.core.errors import DataError
from emfm.core.grid import Grid
from emfm.core.measured import MeasuredField
from emfm.core.sample import STRONGEST, WEAKEST
from emfm.plates.ground_plane import Board
from emfm.plates.plate_search import PlateField, PlateSearch
from emfm.sources.far_field import far_field, radiated_power
from emfm.sources.field_above import Fields, field_along, field_at, field_on_plane
from emfm.sources.found import CurrentElements, PointSources
from emfm.sources.instrument import Instrument
from emfm.sources.measured_search import plane_above, row_of, searched, sources_below, unseen, view_of


class FieldOfElements(ABC):
    """The field of what was found below a scan, wherever it is wanted above."""

    @property
    @abstractmethod
    def elements(self) -> CurrentElements:
        """All that radiates."""

    def field(self, points: ArrayLike) -> Fields:
        """E and H at ``points`` ``(..., 3)``, m; see `field_at`."""
        return field_at(self.elements, points)

    def plane(self, z: float, x: ArrayLike, y: ArrayLike) -> Fields:
        """E and H at height ``z``, m, over all pairs of ``x`` and ``y``, m: ``(3, ny, nx)`` each."""
        return field_on_plane(self.elements, z, x, y)

    def channels(self, plane: Grid) -> NDArray[np.float32]:
        """E and H on a plane as files hold them: ``(12, ny, nx)``, V/m and A/m."""
        return to_channels(np.concatenate(self.plane(plane.z, plane.x, plane.y))).astype(np.float32)

    def line(self, start: ArrayLike, stop: ArrayLike, count: int) -> Fields:
        """E and H at ``count`` even steps from ``start`` to ``stop`` ``(3,)``, m: ``(3, count)`` each."""
        return field_along(self.elements, start, stop, count)

    def far_field(self, theta: ArrayLike, phi: ArrayLike) -> tuple[Complex, Complex]:
        """r E exp(jkr) far away, E_theta and E_phi in V, at angles in rad; see `emfm.sources.far_field`."""
        return far_field(self.elements, theta, phi)

    def radiated_power(self) -> float:
        """The power that is radiated in free space, W."""
        return radiated_power(self.elements)


@dataclass(frozen=True, eq=False)
class MeasuredSources(FieldOfElements):
    """What was found below a scan, and the field of it in free space, above the topmost source."""

    sources: PointSources
    unseen: str | None
    """Currents that the measured components do not show at all, in words; None where they show all."""

    @property
    def elements(self) -> CurrentElements:
        """Sources and background."""
        return self.sources.all_elements


@dataclass(frozen=True, eq=False)
class MeasuredCurrents(FieldOfElements):
    """The currents on a board whose ground plane is known, and their field, 2 mm or more above the copper."""

    found: PlateField

    @property
    def elements(self) -> CurrentElements:
        """Those of the copper and of the plate."""
        return self.found.elements


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


def find_currents(measured: MeasuredField, board: Board, plane: Grid | None = None) -> MeasuredCurrents:
    """The currents on a board whose ground plane is known, and what follows from them (docs/plates.md).

    Args:
        measured: what is known of the field above it.
        board: the ground plane and the copper above it.
        plane: where errors of the field are told; None: `plane_above`.

    Raises:
        DataError: too few values, or too many; points on a line; a scan without phase, or whose values are beyond all
            that is measured; a board that does not lie below the scan.
    """
    _refuse(measured, "")
    used = searched(measured)
    view = view_of(used, torch.device("cpu"))
    (row,) = row_of(used, view)
    return MeasuredCurrents(PlateSearch(board, view, plane or plane_above(used)).find_in(row))


def _refuse(measured: MeasuredField, place: str) -> None:
    if problem := measured_without_phase(measured):
        raise DataError(f"{place}{problem}")
    size = float(np.abs(measured.values[measured.known]).max())
    if not WEAKEST <= size <= STRONGEST:
        raise DataError(f"{place}the largest value is {size:.3g}, beyond {WEAKEST:g} to {STRONGEST:g}; check its unit")
