"""A linear map from a scan to the field above it, as one complex matrix, and how it is fitted to examples."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emfm.physics.channels import SOURCE_COMPONENTS, TARGET_COMPONENTS, to_channels, to_components
from emfm.physics.elements import Complex
from emfm.physics.grid import Geometry


@dataclass(frozen=True)
class FieldOperator:
    """The field as a matrix product: rows of scans times ``matrix``.

    ``matrix`` is complex, ``(2 * ny * nx of the source plane, 6 * ny * nx of the target plane)``: the field
    per A/m of one component at one scan point.
    """

    geometry: Geometry
    matrix: Complex

    def apply(self, source_h: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """The field ``(n, 12, ny, nx)``, V/m and A/m, of scans ``(n, 4, ny, nx)``, A/m."""
        field = scan_rows(source_h, self.geometry) @ self.matrix
        components = field.reshape(-1, len(TARGET_COMPONENTS), *self.geometry.target.shape)
        return np.asarray(to_channels(components), np.float64)


class RidgeFit:
    """Regularised least squares for a `FieldOperator`: normal equations, summed up example by example."""

    def __init__(self, geometry: Geometry) -> None:
        self._geometry = geometry
        inputs = len(SOURCE_COMPONENTS) * geometry.source.ny * geometry.source.nx
        outputs = len(TARGET_COMPONENTS) * geometry.target.ny * geometry.target.nx
        self._gram = np.zeros((inputs, inputs), np.complex128)
        self._cross = np.zeros((inputs, outputs), np.complex128)

    def add(self, scans: Complex, fields: Complex) -> None:
        """Examples as rows: see `scan_rows` and `field_rows`."""
        adjoint = scans.conj().T
        self._gram += adjoint @ scans
        self._cross += adjoint @ fields

    def solve(self, ridge: float) -> FieldOperator:
        """The operator W that minimises ||X W - Y||^2 + lambda ||W||^2, lambda = ridge * trace(G) / n.

        G = X^H X is ``(n, n)``; ``ridge`` is relative, so that it means the same for any data. Solved by
        Cholesky's factors of G + lambda 1.

        Raises:
            ValueError: no examples were added, or the ridge is too small for them.
        """
        count = len(self._gram)
        damping = ridge * np.trace(self._gram).real / count
        if damping == 0:
            raise ValueError(f"a ridge of {ridge} on these examples is none; give examples and a ridge above 0")
        try:
            lower = np.linalg.cholesky(self._gram + damping * np.eye(count))
        except np.linalg.LinAlgError:
            raise ValueError(
                f"a ridge of {ridge} is too small for these examples: the equations are singular; raise it"
            ) from None
        half_solved = np.linalg.solve(lower, self._cross)
        solution = np.linalg.solve(lower.conj().T, half_solved)
        return FieldOperator(self._geometry, np.asarray(solution, np.complex128))


def scan_rows(source_h: NDArray[np.floating[Any]], geometry: Geometry) -> Complex:
    """Scans ``(n, 4, ny, nx)`` as complex rows ``(n, 2 * ny * nx)``: all of Hx, then all of Hy.

    Raises ValueError where they do not have the shape of the source plane of ``geometry``.
    """
    return _rows(source_h, (2 * len(SOURCE_COMPONENTS), *geometry.source.shape), "source H")


def field_rows(target: NDArray[np.floating[Any]], geometry: Geometry) -> Complex:
    """Fields ``(n, 12, ny, nx)`` as complex rows ``(n, 6 * ny * nx)``: all of Ex, Ey, Ez, Hx, Hy, Hz.

    Raises ValueError where they do not have the shape of the target plane of ``geometry``.
    """
    return _rows(target, (2 * len(TARGET_COMPONENTS), *geometry.target.shape), "a target")


def _rows(channels: NDArray[np.floating[Any]], shape: tuple[int, ...], what: str) -> Complex:
    if channels.shape[1:] != shape:
        raise ValueError(f"{what} must have the shape (n, {', '.join(map(str, shape))}), found {channels.shape}")
    components = to_components(channels.astype(np.float64))
    return np.asarray(components, np.complex128).reshape(len(channels), -1)
