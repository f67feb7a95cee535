"""The field above a board whose ground plane is known: that of currents on it, or the model's where these say little.

The two know different things. Currents on the board satisfy Maxwell's equations with its plate, and are found in what
the scan holds; the model has learned what boards are like where the scan says little. Both say how far they may be off.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from emfm.core.channels import Channels
from emfm.plates.plate_search import PlateField, PlateSearch

_MOST_DOUBT: Final = 0.2
"""Expected relative error of the currents' E: below it their field was nearer than the model's on simulated boards."""
_MOST_LEFT: Final = 0.2
"""Of a scan: beyond that the currents' field is wrong, whatever is expected (benchmarks/plates.py)."""


class _Facts(Protocol):
    @property
    def calibrated(self) -> bool: ...


class JudgesItself(Protocol):
    """A model that says how far its field may be off: `emfm.model.trained.TrainedModel`."""

    @property
    def facts(self) -> _Facts:
        """Of its checkpoint: whether it does."""
        ...

    def predict_with_trust(
        self, source_h: NDArray[np.float32]
    ) -> tuple[Channels, NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Its field, expected errors and bounds ``(n, 2)``, and distances ``(n,)``."""
        ...


@dataclass(frozen=True, eq=False)
class FieldOverBoard:
    """The field from one scan over a board, and what is known of its error."""

    channels: Channels
    """``(12, ny, nx)``, V/m and A/m."""
    currents: PlateField
    """On the board."""
    is_of_board: bool
    """Whether the field is that of the currents on the board; else it is the model's."""
    expected_rel_l2: NDArray[np.float64]
    """Relative L2 errors of E and of H, ``(2,)``: half of the errors are larger."""
    bound_rel_l2: NDArray[np.float64]
    """90 % of the errors are at most that."""
    distance: float
    """Of the scan from the model's training samples; 0 where the field is not the model's."""


def fields_over_board(model: JudgesItself, search: PlateSearch, scans: NDArray[np.float32]) -> Iterator[FieldOverBoard]:
    """Of each scan ``(n, 4, ny, nx)``, A/m, over the board that ``search`` is for.

    The model's where the currents are expected to be off by much, or leave much of the scan, and the model says how far
    it is off: where the scan is unlike its training samples, or it was not calibrated, there are the currents alone.
    """
    judged = model.predict_with_trust(scans)
    for scan, channels, expected, bound, distance in zip(scans, *judged, strict=True):
        currents = search.find(scan)
        known = currents.expected_rel_l2[0] < _MOST_DOUBT and currents.misfit < _MOST_LEFT
        if known or not (model.facts.calibrated and distance <= 1):
            errors = np.array(currents.expected_rel_l2), np.array(currents.bound_rel_l2)
            yield FieldOverBoard(currents.channels, currents, True, *errors, 0.0)
        else:
            yield FieldOverBoard(channels, currents, False, expected, bound, float(distance))
