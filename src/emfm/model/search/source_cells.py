"""The region in which sources are looked for, cut into cells, and the fields that a cell can make.

A cell stands for electric or magnetic current elements anywhere inside it. Its unit elements are placed at the
2 x 2 x 2 points of Gauss and Legendre; the few combinations of them that matter on the two planes are kept. Cells come
in fours, which are mirror images of each other about the middle of the scan, and so are their combinations.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from emfm.core.channels import E_COMPONENTS, SOURCE_COMPONENTS
from emfm.core.constants import ETA_0
from emfm.core.elements import unit_element_fields
from emfm.core.grid import Geometry, Grid
from emfm.model.search.mirrors import IMAGES, image_signs
from emfm.model.search.modes import FieldModes
from emfm.model.search.params import SourceRegionParams
from ttt.engine.square_root import square_root

_MM = 1e-3
_GAUSS: Final = 0.5 / np.sqrt(3)
_MOMENTS: Final = 6
_POINTS: Final = np.array([(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)])
_CELLS_AT_ONCE: Final = 2
KEPT: Final = 12
"""Combinations of a cell's 24 unit elements of one kind that are kept."""


@dataclass(frozen=True)
class SourceCells:
    """The middles and the size of the cells: a quarter of them, then its images, see `emfm.model.search.mirrors`."""

    middles: NDArray[np.float64]
    """``(cells, 3)``, m."""
    signs: NDArray[np.float64]
    """Of x, y and z of each cell against its image in the first quarter, ``(cells, 3)``."""
    size: NDArray[np.float64]
    """``(3,)``, m."""

    def __len__(self) -> int:
        return len(self.middles)

    @property
    def groups(self) -> int:
        """Two a cell: its electric and its magnetic elements."""
        return 2 * len(self)


def source_cells(params: SourceRegionParams, geometry: Geometry) -> SourceCells:
    """The cells below the scan."""
    scan = geometry.source
    top, bottom = (scan.z - depth * _MM for depth in params.depth_mm)
    margin = params.margin_mm * _MM
    low = np.array([scan.x[0] - margin, scan.y[0] - margin, bottom])
    high = np.array([scan.x[-1] + margin, scan.y[-1] + margin, top])
    halves = np.maximum(1, np.ceil((high - low)[:2] / (2 * params.cell_mm * _MM) - 1e-9)).astype(int)
    counts = np.array([*(2 * halves), params.layers])
    size = (high - low) / counts
    axes = [size[axis] * (np.arange(count) + 0.5) for axis, count in enumerate((*halves, params.layers))]
    z, y, x = np.meshgrid(axes[2], axes[1], axes[0], indexing="ij")
    from_middle = low + np.stack([x.ravel(), y.ravel(), z.ravel()], axis=1) - (low + high) / 2
    signs = image_signs().repeat(len(from_middle), axis=0)
    return SourceCells((low + high) / 2 + signs * np.tile(from_middle, (IMAGES, 1)), signs, size)


@dataclass(frozen=True)
class CellFields:
    """What some cells of the first quarter and their images make, per unit of source; electric before magnetic."""

    chosen: Tensor
    """The combinations of a group's 24 unit elements that are kept, complex64 ``(groups, KEPT, 24)``."""
    scans: Tensor
    """Of the cells alone, whose images' scans differ by signs: complex64 ``(groups, KEPT, 2 * ny * nx)``, A/m."""
    fields: Tensor
    """Modal coefficients of the target, complex64 ``(IMAGES, groups, KEPT, modes)``."""


def quarter_in_parts(cells: SourceCells) -> list[slice]:
    """The first quarter of the cells in parts, whose unit fields take some 100 MB each."""
    quarter = len(cells) // IMAGES
    return [slice(start, min(start + _CELLS_AT_ONCE, quarter)) for start in range(0, quarter, _CELLS_AT_ONCE)]


def cell_fields(cells: SourceCells, geometry: Geometry, modes: FieldModes, part: slice) -> CellFields:
    """The combinations that carry most of the scan and the field of a ``part`` of the first quarter together."""
    quarter = len(cells) // IMAGES
    scans = unit_scans(cells, geometry, np.arange(quarter)[part])
    images = np.concatenate([np.arange(quarter)[part] + image * quarter for image in range(IMAGES)])
    fields = _unit_coefficients(cells, geometry, modes, images).view(IMAGES, *scans.shape[:2], -1)
    chosen = _strongest(scans, fields[0])
    return CellFields(chosen, chosen @ scans, chosen @ fields)


def unit_scans(cells: SourceCells, geometry: Geometry, indices: NDArray[np.intp]) -> Tensor:
    """Scans of all unit elements of the cells ``indices``, complex64 ``(groups, 24, 2 * ny * nx)``, A/m."""
    tangential = slice(len(E_COMPONENTS), len(E_COMPONENTS) + len(SOURCE_COMPONENTS))
    rows = _unit_rows(cells, geometry, geometry.source, tangential, indices)
    return _by_group(rows.to(torch.complex64), len(indices))


def _unit_coefficients(cells: SourceCells, geometry: Geometry, modes: FieldModes, indices: NDArray[np.intp]) -> Tensor:
    """Modal coefficients of the target of all unit elements, complex64 ``(groups, 24, modes)``."""
    rows = _unit_rows(cells, geometry, geometry.target, slice(None), indices)
    return _by_group(modes.project_rows(rows.to(modes.modes.dtype).to(modes.modes.device)).cpu(), len(indices))


def _unit_rows(
    cells: SourceCells, geometry: Geometry, plane: Grid, components: slice, indices: NDArray[np.intp]
) -> Tensor:
    """The field of each unit element, complex128 ``(cells * points * 6, components * ny * nx)``."""
    middles, signs = cells.middles[indices], cells.signs[indices]
    offsets = _POINTS * _GAUSS * cells.size
    positions = (middles[:, None] + signs[:, None] * offsets).reshape(-1, 3)
    # In a mirror the magnetic current, an axial vector, turns round where the electric one does not.
    moments = np.concatenate([signs, ETA_0 * signs.prod(axis=1, keepdims=True) * signs], axis=1)
    strength = np.repeat(moments / np.sqrt(len(offsets)), len(offsets), axis=0)[:, :, None, None]
    field = unit_element_fields(plane.points(), positions, geometry.frequency)[..., components]
    return torch.from_numpy((field * strength).transpose(0, 1, 3, 2).reshape(len(positions) * _MOMENTS, -1))


def _by_group(rows: Tensor, cells: int) -> Tensor:
    """``(cells * points * 6, d)`` -> ``(cells * 2, points * 3, d)``: electric elements, then magnetic ones."""
    parts = rows.reshape(cells, len(_POINTS), 2, _MOMENTS // 2, -1).transpose(1, 2)
    return parts.reshape(cells * 2, len(_POINTS) * (_MOMENTS // 2), -1)


def _strongest(scans: Tensor, fields: Tensor) -> Tensor:
    """The combinations of each group's elements that carry most of its scan and its field, both counted alike."""
    sized = [part / square_root(part.abs().square().sum((1, 2), keepdim=True)) for part in (scans, fields)]
    together = torch.cat(sized, 2).to(torch.complex128)
    _, vectors = torch.linalg.eigh(together @ together.mH)
    chosen: Tensor = vectors[:, :, -KEPT:].mH.to(torch.complex64)
    return chosen
