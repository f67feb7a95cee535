"""What an engineer would otherwise use: predictors of the target field that need no training of a network."""

from collections.abc import Iterable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from emfm.core.channels import TARGET_CHANNELS, Channels
from emfm.core.errors import DataError
from emfm.core.field_operator import FieldOperator, fitted_operator, scaled_examples
from emfm.core.grid import Geometry
from emfm.core.norm_stats import source_scale
from emfm.evaluate.found_sources import FoundSources
from emfm.evaluate.params import SearchParams
from emfm.evaluate.plane_waves import plane_wave_operator
from emfm.evaluate.remember import Remember, learn_anew
from emfm.model.search.equivalent_dipoles import DipoleSetting, dipole_operator

Batches = Iterable[tuple[Channels, Channels]]
"""Source H and target of training samples, batch by batch."""


class Baseline(Protocol):
    """A predictor of the target field from source H."""

    def fit(self, batches: Batches, /, remember: Remember = learn_anew) -> None:
        """Learn from training samples; a baseline that is physics alone does not read them.

        What is learned goes through ``remember``, which may know it from an earlier fit to the same samples.
        """
        ...

    def predict(self, source_h: Channels) -> NDArray[np.float64]:
        """The field ``(n, 12, ny, nx)``, V/m and A/m, of scans ``(n, 4, ny, nx)``, A/m."""
        ...


class MeanField:
    """The mean target per unit of source scale, times the scale of the sample's scan."""

    def __init__(self) -> None:
        self._mean: NDArray[np.float64] | None = None

    def fit(self, batches: Batches, remember: Remember = learn_anew) -> None:
        """Average target / source scale over all samples; raises DataError for none or a zero scan."""
        rows = remember(lambda: _scaled_average(batches), np.float64)
        self._mean = rows.reshape(len(TARGET_CHANNELS), -1, rows.shape[1])

    def predict(self, source_h: Channels) -> NDArray[np.float64]:
        """See `Baseline.predict`; raises ValueError before `fit`."""
        if self._mean is None:
            raise ValueError("mean_field predicts from training samples; call fit first")
        return self._mean * _scales(source_h)


class LinearOperator:
    """The complex matrix from scan to field that fits the training samples, with a ridge.

    See `emfm.core.field_operator.scaled_examples`.
    """

    def __init__(self, geometry: Geometry, ridge: float) -> None:
        self._geometry = geometry
        self._ridge = ridge
        self._operator: FieldOperator | None = None

    def fit(self, batches: Batches, remember: Remember = learn_anew) -> None:
        """Solve for the matrix: see `emfm.core.field_operator.fitted_operator`.

        Raises DataError for a zero scan, ValueError for no samples.
        """
        matrix = remember(
            lambda: fitted_operator(scaled_examples(batches, self._geometry), self._geometry, self._ridge).matrix,
            np.complex128,
        )
        self._operator = FieldOperator(self._geometry, matrix)

    def predict(self, source_h: Channels) -> NDArray[np.float64]:
        """See `Baseline.predict`; raises ValueError before `fit`."""
        if self._operator is None:
            raise ValueError("linear_operator predicts from training samples; call fit first")
        return self._operator.apply(source_h)


class PhysicsOperator:
    """A map that follows from the geometry alone."""

    def __init__(self, operator: FieldOperator) -> None:
        self._operator = operator

    def fit(self, batches: Batches, remember: Remember = learn_anew) -> None:
        """Nothing to learn: the samples are not read."""

    def predict(self, source_h: Channels) -> NDArray[np.float64]:
        """See `Baseline.predict`."""
        return self._operator.apply(source_h)


def make_baselines(
    geometry: Geometry, ridge: float, dipoles: DipoleSetting, search: SearchParams
) -> dict[str, Baseline]:
    """The baselines of `emfm.results.definitions.BASELINES` by name, in that order.

    Args:
        geometry: frequency and planes of the samples.
        ridge: of `LinearOperator`, relative to the mean square of the scaled scans.
        dipoles: the setting of the equivalent dipoles.
        search: where sources are looked for and how long.
    """
    physics = physics_baselines(geometry, dipoles, search)
    return {"mean_field": MeanField(), **physics, "linear_operator": LinearOperator(geometry, ridge)}


def physics_baselines(geometry: Geometry, dipoles: DipoleSetting, search: SearchParams) -> dict[str, Baseline]:
    """Those of `make_baselines` that learn nothing from samples."""
    return {
        "plane_wave_spectrum": PhysicsOperator(plane_wave_operator(geometry)),
        "equivalent_dipoles": PhysicsOperator(dipole_operator(geometry, dipoles)),
        "sparse_sources": FoundSources(geometry, search),
    }


def _scaled_average(batches: Batches) -> NDArray[np.float64]:
    """The mean of target / source scale: rows of the channels' planes, ``(12 * ny, nx)``."""
    total, count = np.zeros(()), 0
    for source_h, target in batches:
        total = total + (target / _scales(source_h, count)).sum(0, np.float64)
        count += len(target)
    if count == 0:
        raise DataError("mean_field: no training samples were given; list some in train_pool")
    mean: NDArray[np.float64] = total / count
    return mean.reshape(-1, mean.shape[-1])


def _scales(source_h: Channels, first: int = 0) -> NDArray[np.float64]:
    """`source_scale` as ``(n, 1, 1, 1)``; ``first`` samples were counted before these."""
    return source_scale(source_h, first)[:, None, None, None]
