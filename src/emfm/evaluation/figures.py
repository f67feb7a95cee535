"""The figures by which a predicted field is judged: sums over all samples and points, divided once."""

from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from emfm.data.sample import DataError
from emfm.physics.channels import E_CHANNELS, H_CHANNELS, TARGET_CHANNELS

DEFINITIONS: Final = {
    "val_mse": "squared error, mean over samples, points and the raw channels, E in V/m and H in A/m",
    "rmse_e_mean": "root mean square error of each E channel over samples and points, mean of the six, V/m",
    "rmse_h_mean": "root mean square error of each H channel over samples and points, mean of the six, A/m",
    "rel_l2_e": "||prediction - truth|| / ||truth|| of a sample over the three components of E, median over samples",
    "rel_l2_h": "||prediction - truth|| / ||truth|| of a sample over the three components of H, median over samples",
    "rel_l2_e_p95": "the same as rel_l2_e, but the 95th percentile over samples",
    "rel_l2_h_p95": "the same as rel_l2_h, but the 95th percentile over samples",
}
"""Every figure of `FieldErrors.compute`, and how it is defined. ``rmse_per_channel`` is `FieldErrors.rmse_per_channel`."""

_PARTS: Final = {"E": E_CHANNELS, "H": H_CHANNELS}

Field = NDArray[np.floating[Any]] | Tensor
"""Fields of samples, real channels `TARGET_CHANNELS`: ``(n, 12, ny, nx)``, V/m and A/m."""


@dataclass(frozen=True)
class SampleErrors:
    """Relative L2 errors of single samples, ``(n,)`` each, in the order in which they were given."""

    rel_l2_e: NDArray[np.float64]
    rel_l2_h: NDArray[np.float64]


class FieldErrors:
    """Collects the errors of predictions batch by batch; the figures do not depend on the batches."""

    def __init__(self) -> None:
        self._points: int | None = None
        self._samples = 0
        self._squares: list[NDArray[np.float64]] = []
        self._relative: dict[str, list[NDArray[np.float64]]] = {part: [] for part in _PARTS}

    def update(self, prediction: Field, truth: Field) -> None:
        """Add samples: ``prediction`` and ``truth`` of the same shape ``(n, 12, ny, nx)``.

        Raises:
            ValueError: other shapes, or a prediction that is not finite.
            DataError: a truth that is not finite, or whose E or H is zero everywhere.
        """
        predicted, true = _channels("prediction", prediction), _channels("truth", truth)
        if predicted.shape != true.shape:
            raise ValueError(
                f"prediction has the shape {tuple(prediction.shape)} and truth {tuple(truth.shape)}; give both on the "
                "same grid"
            )
        points = true.shape[-1]
        if self._points not in (None, points):
            raise ValueError(
                f"truth has {points} points, earlier samples {self._points}; use one accumulator a grid"
            )
        self._refuse_unusable(predicted, true)
        squares = np.square(predicted - true).sum(-1)
        true_squares = np.square(true).sum(-1)
        for part, channels in _PARTS.items():
            ratio = squares[:, channels].sum(1) / true_squares[:, channels].sum(1)
            self._relative[part].append(np.sqrt(ratio))
        self._squares.append(squares)
        self._points = points
        self._samples += len(true)

    def compute(self) -> dict[str, float]:
        """The figures named in `DEFINITIONS`, in that order; raises ValueError where no sample was given."""
        mean_square = self._mean_square()
        rmse = np.sqrt(mean_square)
        errors = self.per_sample()
        figures = {
            "val_mse": mean_square.mean(),
            "rmse_e_mean": rmse[E_CHANNELS].mean(),
            "rmse_h_mean": rmse[H_CHANNELS].mean(),
            "rel_l2_e": np.median(errors.rel_l2_e),
            "rel_l2_h": np.median(errors.rel_l2_h),
            "rel_l2_e_p95": np.percentile(errors.rel_l2_e, 95),
            "rel_l2_h_p95": np.percentile(errors.rel_l2_h, 95),
        }
        return {name: float(value) for name, value in figures.items()}

    def rmse_per_channel(self) -> dict[str, float]:
        """Root mean square error over all samples and points by channel name, V/m and A/m."""
        rmse = np.sqrt(self._mean_square())
        return {name: float(value) for name, value in zip(TARGET_CHANNELS, rmse, strict=True)}

    def per_sample(self) -> SampleErrors:
        """The relative errors of the samples; raises ValueError where none was given."""
        self._refuse_none()
        return SampleErrors(*(np.concatenate(self._relative[part]) for part in _PARTS))

    def _mean_square(self) -> NDArray[np.float64]:
        """Mean squared error of each channel, ``(12,)``."""
        points = self._refuse_none()
        total: NDArray[np.float64] = np.concatenate(self._squares).sum(0)
        return total / (self._samples * points)

    def _refuse_none(self) -> int:
        if self._points is None or self._samples == 0:
            raise ValueError("no samples were given, so there are no figures; call update first")
        return self._points

    def _refuse_unusable(self, predicted: NDArray[np.float64], true: NDArray[np.float64]) -> None:
        for what, values, error, remedy in (
            (
                "prediction",
                predicted,
                ValueError,
                "the model has diverged: train it again with a smaller optim.lr",
            ),
            ("truth", true, DataError, "mend or remove the sample"),
        ):
            bad = ~np.isfinite(values).all((1, 2))
            if bad.any():
                raise error(f"sample {self._number(bad)} of the set: its {what} holds NaN or Inf; {remedy}")
        for part, channels in _PARTS.items():
            zero = ~true[:, channels].any((1, 2))
            if zero.any():
                raise DataError(
                    f"sample {self._number(zero)} of the set: its true {part} is zero everywhere, so that a relative "
                    "error does not exist; remove the sample"
                )

    def _number(self, mask: NDArray[np.bool_]) -> int:
        """The number, from 1 on, of the first marked sample of a batch among all samples given."""
        return self._samples + int(np.argmax(mask)) + 1


class HasTarget(Protocol):
    """A batch: anything with the true field ``y``, ``(n, 12, ny, nx)``."""

    @property
    def y(self) -> Tensor: ...


class FieldMetric:
    """`FieldErrors` as a metric of a training: it takes a model's predictions and the batches they belong to."""

    def __init__(self) -> None:
        self._errors = FieldErrors()

    def update(self, prediction: Tensor, batch: HasTarget) -> None:
        """Add the samples of ``batch``: see `FieldErrors.update`."""
        self._errors.update(prediction, batch.y)

    def compute(self) -> dict[str, float]:
        """The figures: see `FieldErrors.compute`."""
        return self._errors.compute()


def _channels(name: str, field: Field) -> NDArray[np.float64]:
    """``field`` as contiguous float64 ``(n, 12, ny * nx)``, so that a sample's sums do not depend on its batch."""
    array = field.detach().cpu().double().numpy() if isinstance(field, Tensor) else field
    if array.ndim != 4 or array.shape[1] != len(TARGET_CHANNELS):
        raise ValueError(
            f"{name} must have the shape (n, {len(TARGET_CHANNELS)}, ny, nx), found {array.shape}"
        )
    return np.ascontiguousarray(array, np.float64).reshape(*array.shape[:2], -1)
