"""Complex linear least squares with a ridge, from sums over samples.

The ridge can be left to generalised cross-validation: G. H. Golub, M. Heath, G. Wahba, "Generalized cross-validation as
a method for choosing a good ridge parameter", Technometrics 21 (1979).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from emfm.core.channels import Complex, Components

_RIDGES: Final = np.logspace(-14, 2, 65)
_SMALLEST: Final = 1e-15


class RidgeSums:
    """Normal equations of Y = X W, summed up batch by batch in double precision."""

    def __init__(self, inputs: int, outputs: int) -> None:
        self._gram = np.zeros((inputs, inputs), np.complex128)
        self._cross = np.zeros((inputs, outputs), np.complex128)
        self._size, self._count = 0.0, 0

    def add(self, x: Components, y: Components) -> None:
        """Samples as rows: inputs ``(n, inputs)``, outputs ``(n, outputs)``."""
        adjoint = x.astype(np.complex128).conj().T
        self._gram += adjoint @ x
        self._cross += adjoint @ y
        self._size += float(np.linalg.norm(y) ** 2)
        self._count += len(x)

    def factored(self) -> "RidgeFactors":
        """The sums so far, factored once for any number of ridges.

        Raises:
            ValueError: no samples were added, or all their inputs are zero.
        """
        size = float(np.trace(self._gram).real) / len(self._gram)
        if size == 0:
            raise ValueError("there are no samples, or none with an input that is not zero, to fit a linear map to")
        values, vectors = np.linalg.eigh(self._gram / size)
        turned = vectors.conj().T @ self._cross
        return RidgeFactors(np.maximum(values, 0), vectors, turned, size, self._size, self._count)

    def solve(self, ridge: float | None = None) -> Complex:
        """See `RidgeFactors.solve`."""
        return self.factored().solve(ridge)


@dataclass(frozen=True, eq=False)
class RidgeFactors:
    """Eigenvalues of X^H X over the mean of its diagonal, eigenvectors V, and V^H X^H Y."""

    values: NDArray[np.float64]
    vectors: Complex
    turned: Complex
    size: float
    """The mean of the diagonal of X^H X."""
    output_power: float
    """||Y||^2."""
    count: int
    """Samples."""

    def solve(self, ridge: float | None = None) -> Complex:
        """W that minimises ||X W - Y||^2 + lambda ||W||^2, ``(inputs, outputs)``.

        Args:
            ridge: lambda relative to the mean of the diagonal of X^H X, so that it means the same for any data; None:
                chosen by cross-validation.

        Raises:
            ValueError: the ridge is not above 0.
        """
        if ridge is not None and not ridge > 0:
            raise ValueError(f"a ridge must be above 0, found {ridge}")
        damping = self._best() if ridge is None else ridge
        return np.asarray(self.vectors @ (self.turned / ((self.values + damping) * self.size)[:, None]), np.complex128)

    def _best(self) -> float:
        """The lambda of the lowest cross-validated error."""
        power = np.sum(np.abs(self.turned) ** 2, axis=1) / self.size
        scores = []
        for damping in _RIDGES:
            share = self.values / (self.values + damping)
            rest = self.output_power - np.sum(power * (2 - share) / (self.values + damping))
            free = self.count - np.sum(share)
            scores.append(max(rest, self.output_power * _SMALLEST) / max(free, _SMALLEST * self.count) ** 2)
        return float(_RIDGES[int(np.argmin(scores))])
