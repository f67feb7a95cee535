"""The errors of predicted fields: sums over all samples and points, divided once."""

from dataclasses import dataclass
from math import prod
from typing import Final

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from emfm.core.channels import E_CHANNELS, H_CHANNELS, TARGET_CHANNELS, Channels
from emfm.core.errors import DataError

_PARTS: Final = {"E": E_CHANNELS, "H": H_CHANNELS}

Field = Channels | Tensor
"""Fields of samples, real channels `TARGET_CHANNELS`: ``(n, 12, ny, nx)``, V/m and A/m."""


@dataclass(frozen=True)
class SampleErrors:
    """Relative L2 errors of single samples, ``(n,)`` each, in the order in which they were given."""

    rel_l2_e: NDArray[np.float64]
    rel_l2_h: NDArray[np.float64]


class FieldErrors:
    """Collects the errors of predictions batch by batch; the figures do not depend on the batches."""

    def __init__(self) -> None:
        self._grid: tuple[int, ...] | None = None
        self._samples = 0
        self._squares: list[NDArray[np.float64]] = []
        self._relative: dict[str, list[NDArray[np.float64]]] = {part: [] for part in _PARTS}

    def update(self, prediction: Field, truth: Field) -> None:
        """Add samples: ``prediction`` and ``truth`` of the same shape ``(n, 12, ny, nx)``.

        Raises:
            ValueError: other shapes.
            DataError: a prediction or a truth that is not finite, or a truth whose E or H is zero everywhere.
        """
        predicted, true = _channels("prediction", prediction), _channels("truth", truth)
        self._check_grid(tuple(prediction.shape), tuple(truth.shape))
        self._refuse(~np.isfinite(true), "its truth holds NaN or Inf; mend or remove the sample")
        self._refuse(
            ~np.isfinite(predicted),
            "its prediction holds NaN or Inf; train the model with a smaller optim.lr",
        )
        squares, true_squares = np.square(predicted - true).sum(-1), np.square(true).sum(-1)
        relative = {}
        for part, channels in _PARTS.items():
            true_norm = np.sqrt(true_squares[:, channels].sum(1))
            self._refuse(true_norm == 0, f"its true {part} is zero, so it has no relative error; remove the sample")
            relative[part] = np.sqrt(squares[:, channels].sum(1)) / true_norm
        for part, errors in relative.items():
            self._relative[part].append(errors)
        self._squares.append(squares)
        self._grid = tuple(truth.shape[2:])
        self._samples += len(true)

    def compute(self) -> dict[str, float]:
        """Squared errors, root mean squares and relative L2 errors: see `emfm.results.schema.Metrics`.

        Raises ValueError where no sample was given.
        """
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
        self._check_some()
        return SampleErrors(*(np.concatenate(self._relative[part]) for part in _PARTS))

    def mean_squares(self) -> NDArray[np.float64]:
        """Mean squared error of each sample and channel over its points, ``(n, 12)``, (V/m)^2 and (A/m)^2.

        Raises ValueError where no sample was given.
        """
        grid = self._check_some()
        squares: NDArray[np.float64] = np.concatenate(self._squares)
        return squares / prod(grid)

    def _mean_square(self) -> NDArray[np.float64]:
        """Mean squared error of each channel, ``(12,)``."""
        grid = self._check_some()
        total: NDArray[np.float64] = np.concatenate(self._squares).sum(0)
        return total / (self._samples * prod(grid))

    def _check_some(self) -> tuple[int, ...]:
        if self._grid is None or self._samples == 0:
            raise ValueError("no samples were given, so there are no figures; call update first")
        return self._grid

    def _check_grid(self, predicted: tuple[int, ...], true: tuple[int, ...]) -> None:
        if predicted != true:
            raise ValueError(f"prediction has the shape {predicted}, but truth {true}; give both on one grid")
        if self._grid not in (None, true[2:]):
            raise ValueError(
                f"truth is on a grid of {true[2:]} points, earlier samples of {self._grid}; judge each apart"
            )

    def _refuse(self, marked: NDArray[np.bool_], complaint: str) -> None:
        """Raise DataError for the first sample with a mark, ``(n, ...)``, counted from 1 over all batches."""
        samples = marked.reshape(len(marked), -1).any(1)
        if samples.any():
            raise DataError(f"sample {self._samples + int(np.argmax(samples)) + 1} of the set: {complaint}")


def _channels(name: str, field: Field) -> NDArray[np.float64]:
    """``field`` as contiguous float64 ``(n, 12, ny * nx)``: a sample's sums do not depend on its batch."""
    array = field.detach().cpu().double().numpy() if isinstance(field, Tensor) else field
    if array.ndim != 4 or array.shape[1] != len(TARGET_CHANNELS):
        raise ValueError(f"{name} must have the shape (n, {len(TARGET_CHANNELS)}, ny, nx), found {array.shape}")
    return np.ascontiguousarray(array, np.float64).reshape(*array.shape[:2], -1)
