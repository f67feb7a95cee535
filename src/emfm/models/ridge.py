"""Complex linear least squares with a ridge, from sums over samples.

The ridge can be left to generalised cross-validation: G. H. Golub, M. Heath, G. Wahba, "Generalized cross-validation as
a method for choosing a good ridge parameter", Technometrics 21 (1979).
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from emfm.physics.elements import Complex

_RIDGES: Final = np.logspace(-14, 2, 65)
_SMALLEST: Final = 1e-15


class RidgeSums:
    """Normal equations of Y = X W, summed up batch by batch in double precision."""

    def __init__(self, inputs: int, outputs: int) -> None:
        self._gram = np.zeros((inputs, inputs), np.complex128)
        self._cross = np.zeros((inputs, outputs), np.complex128)
        self._size, self._count = 0.0, 0

    def add(self, x: NDArray[np.complexfloating[Any, Any]], y: NDArray[np.complexfloating[Any, Any]]) -> None:
        """Samples as rows: inputs ``(n, inputs)``, outputs ``(n, outputs)``."""
        adjoint = x.astype(np.complex128).conj().T
        self._gram += adjoint @ x
        self._cross += adjoint @ y
        self._size += float(np.linalg.norm(y) ** 2)
        self._count += len(x)

    def solve(self, ridge: float | None = None) -> Complex:
        """W that minimises ||X W - Y||^2 + lambda ||W||^2, ``(inputs, outputs)``.

        Args:
            ridge: lambda relative to the mean of the diagonal of X^H X, so that it means the same for any data; None:
                chosen by cross-validation.

        Raises:
            ValueError: no samples were added, all their inputs are zero, or the ridge is not above 0.
        """
        size = float(np.trace(self._gram).real) / len(self._gram)
        if size == 0:
            raise ValueError("there are no samples, or none with an input that is not zero, to fit a linear map to")
        if ridge is not None and not ridge > 0:
            raise ValueError(f"a ridge must be above 0, found {ridge}")
        values, vectors = np.linalg.eigh(self._gram / size)
        values = np.maximum(values, 0)
        turned = vectors.conj().T @ self._cross
        damping = self._best(values, turned, size) if ridge is None else ridge
        return np.asarray(vectors @ (turned / ((values + damping) * size)[:, None]), np.complex128)

    def _best(self, values: NDArray[np.float64], turned: Complex, size: float) -> float:
        """The lambda of the lowest cross-validated error."""
        power = np.sum(np.abs(turned) ** 2, axis=1) / size
        scores = []
        for damping in _RIDGES:
            share = values / (values + damping)
            rest = self._size - np.sum(power * (2 - share) / (values + damping))
            free = self._count - np.sum(share)
            scores.append(max(rest, self._size * _SMALLEST) / max(free, _SMALLEST * self._count) ** 2)
        return float(_RIDGES[int(np.argmin(scores))])
