"""All figures of a predictor on a set: those of `FieldErrors`, and further ones that a training does without."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from emfm.evaluation import figures
from emfm.evaluation.decibels import FLOOR_DB, RANGE_DB, decibel_errors
from emfm.evaluation.figures import FieldErrors, SampleErrors
from emfm.physics.channels import E_CHANNELS, H_CHANNELS, to_components
from emfm.physics.grid import Geometry
from emfm.physics.maxwell import FEWEST_POINTS, in_plane_residual

FURTHER_DEFINITIONS: Final = {
    "db_error_e": "abs(20 log10(predicted / true strength of E)), strength being the length of the complex vector, "
    f"median over those points of a sample whose true strength is within {RANGE_DB:g} dB of the sample's largest, "
    f"then the median over samples, dB; a predicted strength counts as no less than {FLOOR_DB:g} dB below that largest",
    "db_error_h": "the same as db_error_e, for H",
    "db_error_e_p95": "the same as db_error_e, but the 95th percentile over the points of a sample, "
    "then the median over samples",
    "db_error_h_p95": "the same as db_error_e_p95, for H",
    "maxwell_residual": "what is left of dEy/dx - dEx/dy + jw mu0 Hz = 0 and of dHy/dx - dHx/dy - jw eps0 Ez = 0 in "
    "the prediction, by central differences of order 8 (6, 4, 2 next to the rim) on the target grid: norm of the sum "
    "of the three terms over the points off the rim / root of the sum of their squared norms, root mean square of both "
    "equations, median over samples; 0 is Maxwell's equations, 1 three terms that know nothing of each other",
    "maxwell_residual_truth": "the same of the true field: the error of the differences themselves",
}
"""The figures of `SetFigures.compute` beyond `figures.DEFINITIONS`, and how they are defined."""

DEFINITIONS: Final = figures.DEFINITIONS | FURTHER_DEFINITIONS
"""Every figure of `SetFigures.compute`, in that order."""

Channels = NDArray[np.floating[Any]]


class SetFigures:
    """Collects predictions batch by batch; the figures do not depend on the batches. Keeps numbers, not fields."""

    def __init__(self, geometry: Geometry) -> None:
        self._geometry = geometry
        self._errors = FieldErrors()
        self._decibels: list[NDArray[np.float64]] = []
        self._residuals: list[NDArray[np.float64]] = []

    def update(self, prediction: Channels, truth: Channels) -> None:
        """Add samples ``(n, 12, ny, nx)``; raises as `FieldErrors.update`."""
        self._errors.update(prediction, truth)
        by_part = [decibel_errors(prediction[:, part], truth[:, part]) for part in (E_CHANNELS, H_CHANNELS)]
        self._decibels.append(np.concatenate(by_part, axis=1))
        if min(self._geometry.target.shape) >= FEWEST_POINTS:
            pair = [self._residual(field) for field in (prediction, truth)]
            self._residuals.append(np.stack(pair, axis=1))

    def compute(self) -> dict[str, float | None]:
        """The figures named in `DEFINITIONS`, in that order; raises ValueError where no sample was given.

        The residuals are None on a plane with fewer than 3 points along an axis.
        """
        known: dict[str, float | None] = dict(self._errors.compute())
        e_median, e_p95, h_median, h_p95 = (float(value) for value in np.median(np.concatenate(self._decibels), axis=0))
        known |= {"db_error_e": e_median, "db_error_h": h_median, "db_error_e_p95": e_p95, "db_error_h_p95": h_p95}
        residuals: list[float | None] = [None, None]
        if self._residuals:
            residuals = [float(value) for value in np.median(np.concatenate(self._residuals), axis=0)]
        return known | dict(zip(("maxwell_residual", "maxwell_residual_truth"), residuals, strict=True))

    def rmse_per_channel(self) -> dict[str, float]:
        """See `FieldErrors.rmse_per_channel`."""
        return self._errors.rmse_per_channel()

    def per_sample(self) -> SampleErrors:
        """See `FieldErrors.per_sample`."""
        return self._errors.per_sample()

    def _residual(self, field: Channels) -> NDArray[np.float64]:
        components = to_components(field.astype(np.float64))
        return in_plane_residual(np.asarray(components, np.complex128), self._geometry.target, self._geometry.frequency)
