"""A linear map from a scan to the field above it, as one complex matrix, and how it is fitted to examples."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emfm.core.channels import SOURCE_COMPONENTS, TARGET_COMPONENTS, Complex, to_channels, to_components
from emfm.core.grid import Geometry
from emfm.core.norm_stats import source_scale
from emfm.core.ridge import RidgeSums


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


def fitted_operator(
    examples: Iterable[tuple[Complex, Complex]], geometry: Geometry, ridge: float | None
) -> FieldOperator:
    """The operator that fits examples, rows of scans and of fields, best: see `emfm.model.ridge.RidgeSums.solve`."""
    inputs = len(SOURCE_COMPONENTS) * geometry.source.ny * geometry.source.nx
    outputs = len(TARGET_COMPONENTS) * geometry.target.ny * geometry.target.nx
    sums = RidgeSums(inputs, outputs)
    for scans, fields in examples:
        sums.add(scans, fields)
    return FieldOperator(geometry, sums.solve(ridge))


def scaled_examples(
    batches: Iterable[tuple[NDArray[np.floating[Any]], NDArray[np.floating[Any]]]], geometry: Geometry
) -> Iterator[tuple[Complex, Complex]]:
    """Rows of scans and of fields of samples (source H, target), each divided by the size of its own scan.

    So strong samples do not count more than weak ones. Raises DataError for a scan that is zero.
    """
    count = 0
    for source_h, target in batches:
        scales = source_scale(source_h, count)[:, None, None, None]
        yield scan_rows(source_h / scales, geometry), field_rows(target / scales, geometry)
        count += len(target)


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
