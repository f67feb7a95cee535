"""The field above a board whose ground plane is known, and how far to trust it."""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from emfm.core.channels import Complex, to_channels, to_components
from emfm.core.grid import Geometry, Grid
from emfm.plates.copper import CopperCurrents
from emfm.plates.dressed_cells import DressedCells, copper_below
from emfm.plates.evidence import SparseCurrents
from emfm.plates.ground_plane import Board
from emfm.sources.found import CurrentElements
from emfm.sources.views import ScanView

_MARGINS: Final = (0.0, 1.0, 2.5, np.inf)
"""In pitches."""
_DRAWS: Final = 16
_SEED: Final = 0
_EXPECTED: Final = np.array([1.5, 1.3])
_BOUND: Final = np.array([4.2, 3.9])
"""Relative error of E and of H over the doubt: the median, and what 90 % keep (benchmarks/plates.py)."""
_OWN_ERROR: Final = (0.02, 0.05)
"""What a plate's currents may be off by, whatever the scan says: in the median and at most, against other programs
(docs/boards.md)."""
_MUCH_LEFT: Final = 0.1
"""Of a scan: currents on the board do not explain it then. On boards as they were given it is 0.02 to 0.06."""
_REMEMBERED: Final = 4
"""Boards whose plate is kept solved."""


@dataclass(frozen=True, eq=False)
class PlateField:
    """The field above one board, from one scan."""

    board: Board
    copper: CopperCurrents
    """What flows on it, cell by cell."""
    elements: CurrentElements
    """The same currents, and those that they induce in the plate, as what they radiate from."""
    plane: Grid
    """Where its field is wanted, and its errors are told."""
    expected_rel_l2: tuple[float, float]
    """||error|| / ||true|| of E and of H: half of the errors on simulated boards are larger."""
    bound_rel_l2: tuple[float, float]
    """90 % of the errors on simulated boards are at most that."""
    misfit: float
    """What the currents leave of the scan, relative."""

    @cached_property
    def target(self) -> Complex:
        """Ex to Hz on the plane, ``(6, ny, nx)``, V/m and A/m."""
        return self.fields(self.plane.points()).reshape(6, *self.plane.shape)

    def fields(self, points: NDArray[np.float64]) -> Complex:
        """Ex to Hz at ``points`` ``(P, 3)``, m, above the copper by two millimetres or more: ``(6, P)``."""
        return np.concatenate(self.elements.fields(points), axis=1).T

    @property
    def warning(self) -> str:
        """Where they leave much of the scan, what that may mean; empty where they do not."""
        if self.misfit <= _MUCH_LEFT:
            return ""
        return (
            f"currents on the board given leave {self.misfit:.0%} of the scan, so that its errors may be larger than "
            "expected: check the corners and the heights, and whether the board has slots, cables or other parts"
        )

    @property
    def channels(self) -> NDArray[np.float32]:
        """The same as channels, ``(12, ny, nx)``."""
        return to_channels(self.target).astype(np.float32)


class PlateSearch:
    """The search over one board, for any number of scans.

    How far beyond the scan's rim currents are looked for decides what the scan says least of: the field of the currents
    that it hardly sees. So the search is done for several margins, and the field is the mean of theirs: where they
    differ, it is doubtful.
    """

    def __init__(self, board: Board, view: ScanView, plane: Grid) -> None:
        """For scans that are taken as ``view`` says, and their field on ``plane``.

        Raises DataError where the board does not lie below the scan: see `Board` and `DressedCells`.
        """
        self._board, self._plane = board, plane
        self._cells = DressedCells(board, view, plane)
        self._searches = [
            (chosen, SparseCurrents(self._cells.scans[chosen], self._cells.groups[chosen]))
            for chosen in _within(self._cells.middles, view)
        ]

    def find(self, scan: NDArray[np.float32]) -> PlateField:
        """From a scan ``(4, ny, nx)``, A/m, of Hx and Hy on a grid."""
        return self.find_in(np.asarray(to_components(scan), np.complex128).reshape(-1))

    def find_in(self, seen: Complex) -> PlateField:
        """From the numbers of a scan, ``(count,)``, A/m: see `emfm.sources.measured_search.row_of`."""
        cells, rng = self._cells, np.random.default_rng(_SEED)
        means = np.zeros((len(self._searches), len(cells.scans)), np.complex128)
        open_power = np.zeros(2)
        for mean, (chosen, search) in zip(means, self._searches, strict=True):
            posterior = search.find(seen)
            mean[chosen] = posterior.mean
            open_power += _powers(posterior.deviations(_DRAWS, rng) @ cells.fields[chosen]) / len(means)
        currents = means.mean(0)
        fields = means @ cells.fields
        spread = _powers(fields - fields.mean(0))
        doubt = np.sqrt((open_power + spread) / _powers(fields.mean(0)[None]))
        left = np.linalg.norm(seen - currents @ cells.scans) / np.linalg.norm(seen)
        expected, bound = (
            np.hypot(doubt * times, own) for times, own in zip((_EXPECTED, _BOUND), _OWN_ERROR, strict=True)
        )
        found = self._board, cells.copper(currents), cells.elements(currents)
        return PlateField(*found, self._plane, _pair(expected), _pair(bound), float(left))


def _within(middles: NDArray[np.float64], view: ScanView) -> list[NDArray[np.intp]]:
    """The candidates no farther beyond the scan's rim than each of the margins."""
    low, high = np.array([view.x, view.y]).T
    beyond = np.maximum(low - middles, middles - high).max(1)
    found = [np.flatnonzero(beyond <= margin * view.pitch * (1 + 1e-6)) for margin in _MARGINS]
    return [chosen for chosen in found if len(chosen)]


def _powers(fields: Complex) -> NDArray[np.float64]:
    """The mean over rows ``(n, 6 * P)`` of the squared sizes of E and of H, ``(2,)``."""
    e, h = np.split(fields, 2, axis=1)
    return np.array([np.square(np.abs(part)).sum(1).mean() for part in (e, h)])


def _pair(values: NDArray[np.float64]) -> tuple[float, float]:
    return float(values[0]), float(values[1])


def refuse_board(board: Board, geometry: Geometry) -> None:
    """Raise DataError for a board that does not lie below the scans of a geometry, before its plate is solved."""
    copper_below(board, _view(geometry))


@lru_cache(maxsize=_REMEMBERED)
def plate_search(board: Board, geometry: Geometry) -> PlateSearch:
    """The search over a board by scans of one geometry; kept, as its plate takes seconds to solve."""
    return PlateSearch(board, _view(geometry), geometry.target)


def _view(geometry: Geometry) -> ScanView:
    return ScanView.of_grid(geometry.source, geometry.frequency, torch.device("cpu"))
