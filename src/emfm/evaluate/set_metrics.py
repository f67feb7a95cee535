"""All figures of a predictor on a set: those of `FieldErrors`, and further ones that a training does without."""

import numpy as np
from numpy.typing import NDArray

from emfm.core.channels import E_CHANNELS, H_CHANNELS, Channels, to_components
from emfm.core.field_errors import FieldErrors, SampleErrors
from emfm.core.grid import Geometry
from emfm.core.maxwell import FEWEST_POINTS, in_plane_residual
from emfm.evaluate.bootstrap import Counts, intervals, mean_of, percentile_of
from emfm.evaluate.decibels import decibel_errors


class SetMetrics:
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
        """The metrics of `emfm.results.schema.Metrics`, in that order.

        The residuals are None on a plane with fewer than 3 points along an axis. Raises ValueError where no sample was
        given.
        """
        known: dict[str, float | None] = dict(self._errors.compute())
        e_median, e_p95, h_median, h_p95 = (float(value) for value in np.median(np.concatenate(self._decibels), axis=0))
        known |= {"db_error_e": e_median, "db_error_h": h_median, "db_error_e_p95": e_p95, "db_error_h_p95": h_p95}
        residuals: list[float | None] = [None, None]
        if self._residuals:
            residuals = [float(value) for value in np.median(np.concatenate(self._residuals), axis=0)]
        return known | dict(zip(("maxwell_residual", "maxwell_residual_truth"), residuals, strict=True))

    def intervals(self, families: NDArray[np.int64]) -> dict[str, tuple[float, float]]:
        """The bootstrap interval of each headline metric that is known: see `emfm.evaluate.bootstrap.intervals`.

        ``families`` ``(n,)`` says which scene family each sample is of.
        """
        squares, errors = self._errors.mean_squares(), self._errors.per_sample()

        def metrics(counts: Counts) -> dict[str, NDArray[np.float64]]:
            by_channel = mean_of(squares, counts)
            known = {
                "val_mse": by_channel.mean(1),
                "rmse_e_mean": np.sqrt(by_channel[:, E_CHANNELS]).mean(1),
                "rmse_h_mean": np.sqrt(by_channel[:, H_CHANNELS]).mean(1),
                "rel_l2_e": percentile_of(errors.rel_l2_e, counts, 50),
                "rel_l2_h": percentile_of(errors.rel_l2_h, counts, 50),
                "rel_l2_e_p95": percentile_of(errors.rel_l2_e, counts, 95),
                "rel_l2_h_p95": percentile_of(errors.rel_l2_h, counts, 95),
            }
            if self._residuals:
                known["maxwell_residual"] = percentile_of(np.concatenate(self._residuals)[:, 0], counts, 50)
            return known

        return intervals(metrics, families)

    def rmse_per_channel(self) -> dict[str, float]:
        """See `FieldErrors.rmse_per_channel`."""
        return self._errors.rmse_per_channel()

    def per_sample(self) -> SampleErrors:
        """See `FieldErrors.per_sample`."""
        return self._errors.per_sample()

    def _residual(self, field: Channels) -> NDArray[np.float64]:
        components = to_components(field.astype(np.float64))
        return in_plane_residual(np.asarray(components, np.complex128), self._geometry.target, self._geometry.frequency)
