"""The field above a board whose ground plane is known: that of currents on it and the model's, each by its own doubt.

The two know different things. Currents on the board satisfy Maxwell's equations with its plate, and are found in what
the scan holds; the model has learned what boards are like where the scan says little. Their errors have little in
common, so that the mean of the two fields, each weighed by the inverse of its expected squared error, is nearer than
either (the weighted mean of least variance, e.g. P. R. Bevington and D. K. Robinson, "Data Reduction and Error Analysis
for the Physical Sciences", 3rd ed., chapter 4).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from emfm.core.channels import Channels
from emfm.model.trained import TrainedModel
from emfm.plates.plate_search import MUCH_LEFT, OWN_ERROR, PlateField, PlateSearch

_BOUND: Final = 2.0
"""What 90 % of the errors on simulated boards keep, over what the two doubts make of them; half of the errors are below
that itself (benchmarks/plates.py)."""


@dataclass(frozen=True, eq=False)
class FieldOverBoard:
    """The field from one scan over a board, and what is known of its error."""

    of_model: Channels
    """What the model predicts, ``(12, ny, nx)``, V/m and A/m."""
    currents: PlateField
    """On the board."""
    board_share: float
    """How much of the field is that of the currents on the board, 0 to 1; the rest is the model's."""
    expected_rel_l2: NDArray[np.float64]
    """Relative L2 errors of E and of H, ``(2,)``: half of the errors on simulated boards are larger."""
    bound_rel_l2: NDArray[np.float64]
    """90 % of the errors on simulated boards are at most that."""
    distance: float
    """Of the scan from the model's training samples; 0 where nothing of the model is in the field."""

    @cached_property
    def channels(self) -> Channels:
        """The mean of the two fields, ``(12, ny, nx)``, V/m and A/m."""
        if self.board_share == 1:
            return self.currents.channels
        mean: Channels = self.board_share * self.currents.channels + (1 - self.board_share) * self.of_model
        return mean.astype(np.float32)


def fields_over_board(
    trained: TrainedModel, search: PlateSearch, scans: NDArray[np.float32]
) -> Iterator[FieldOverBoard]:
    """Of each scan ``(n, 4, ny, nx)``, A/m, over the board that ``search`` is for.

    Only currents on the board count where the model says nothing of its error: where the scan is unlike its training
    samples, or it was not calibrated.
    """
    judged = trained.predict_with_trust(scans)
    for scan, channels, expected, _, distance in zip(scans, *judged, strict=True):
        currents = search.find(scan)
        if not (trained.facts.calibrated and distance <= 1):
            own, bound = np.array(currents.expected_rel_l2), np.array(currents.bound_rel_l2)
            yield FieldOverBoard(channels, currents, 1.0, own, bound, 0.0)
        else:
            yield _weighted(channels, expected, float(distance), currents)


def _weighted(
    of_model: Channels, expects: NDArray[np.float64], distance: float, currents: PlateField
) -> FieldOverBoard:
    """One weight for E and H, so that the two stay fields of the same sources.

    What the currents leave of the scan is doubt about them, too: on simulated boards little where it is a few percent,
    as noise leaves as much, and more than what is left where that is more than `MUCH_LEFT`.
    """
    doubts = np.hypot(currents.expected_rel_l2, currents.misfit**2 / MUCH_LEFT)
    board, model = np.sum(doubts**2), np.sum(expects**2)
    share = float(model / (model + board))
    doubt = np.hypot(share * doubts, (1 - share) * expects)
    expected, bound = (np.hypot(times * doubt, own) for times, own in zip((1.0, _BOUND), OWN_ERROR, strict=True))
    return FieldOverBoard(of_model, currents, share, expected, bound, distance)
