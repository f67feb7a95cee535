"""The region in which sources are looked for, cut into cells, and the fields that a cell can make.

A cell stands for electric or magnetic current elements anywhere inside it. Its unit elements are placed at the
2 x 2 x 2 points of Gauss and Legendre; the few combinations of them that matter on the two planes are kept. Cells come
in fours, which are mirror images of each other about the middle of the scan, and so are their combinations.
"""

from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, field_validator
from torch import Tensor

from emfm.models.mirrors import IMAGES, image_signs
from emfm.models.modes import FieldModes
from emfm.physics.channels import E_COMPONENTS, SOURCE_COMPONENTS
from emfm.physics.constants import ETA_0
from emfm.physics.elements import unit_element_fields
from emfm.physics.grid import Geometry
from ttt.config import Section
from ttt.engine.side_by_side import side_by_side

_MM = 1e-3
_GAUSS: Final = 0.5 / np.sqrt(3)
_MOMENTS: Final = 6
_CELLS_AT_ONCE: Final = 8
KEPT: Final = 12
"""Combinations of a cell's 24 unit elements of one kind that are kept."""


class SourceRegionParams(Section):
    """Where sources are looked for: below the scan, in a layer."""

    z_mm: list[float] = Field(min_length=2, max_length=2, description="lowest and highest z of sources, mm")
    margin_mm: float = Field(ge=0, description="how far beyond the scan's rim sources are looked for, mm")
    cell_mm: float = Field(gt=0, description="largest width of a cell in x and y, mm")
    layers: int = Field(ge=1, le=16, description="cells on top of one another")
    rank: int = Field(ge=1, description="leading patterns of the scan that are used; more is finer and slower")
    iterations: int = Field(ge=1, le=100, description="steps of the search for the few cells that radiate")

    @field_validator("z_mm")
    @classmethod
    def _in_order(cls, z_mm: list[float]) -> list[float]:
        if not z_mm[0] < z_mm[1]:
            raise ValueError("the lowest z must be below the highest")
        return z_mm


@dataclass(frozen=True)
class SourceCells:
    """The middles and the size of the cells: a quarter of them, then its images, see `emfm.models.mirrors`."""

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
    """The cells below the scan; raises ValueError where a source could lie on the scan or above it."""
    scan = geometry.source
    bottom, top = (z * _MM for z in params.z_mm)
    if not top < scan.z:
        raise ValueError(f"sources up to z = {top} m do not lie below the scan at z = {scan.z} m")
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


def cell_fields(cells: SourceCells, geometry: Geometry, modes: FieldModes) -> tuple[Tensor, Tensor]:
    """What each group of cells makes on the scan and above it, per unit of source.

    Returns:
        scans, complex64 ``(groups, KEPT, 2 * ny * nx)``, A/m, and modal coefficients of the target,
        complex64 ``(groups, KEPT, modes)``; cell by cell, electric before magnetic.
    """
    parts = [slice(start, start + _CELLS_AT_ONCE) for start in range(0, len(cells), _CELLS_AT_ONCE)]
    scans, fields = zip(*side_by_side(partial(_unit_fields, cells, geometry, modes), parts), strict=True)
    return _strongest(torch.cat(scans), torch.cat(fields))


def _unit_fields(cells: SourceCells, geometry: Geometry, modes: FieldModes, part: slice) -> tuple[Tensor, Tensor]:
    """Scan and coefficients of all unit elements of a part of the cells, ``(groups, 24, ...)``."""
    middles, signs = cells.middles[part], cells.signs[part]
    offsets = np.array([(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]) * _GAUSS * cells.size
    positions = (middles[:, None] + signs[:, None] * offsets).reshape(-1, 3)
    # In a mirror the magnetic current, an axial vector, turns round where the electric one does not.
    moments = np.concatenate([signs, ETA_0 * signs.prod(axis=1, keepdims=True) * signs], axis=1)
    strength = np.repeat(moments / np.sqrt(len(offsets)), len(offsets), axis=0)[:, :, None, None]
    tangential = slice(len(E_COMPONENTS), len(E_COMPONENTS) + len(SOURCE_COMPONENTS))
    scan = unit_element_fields(geometry.source.points(), positions, geometry.frequency)[..., tangential]
    target = unit_element_fields(geometry.target.points(), positions, geometry.frequency)
    rows = [
        torch.from_numpy((part * strength).transpose(0, 1, 3, 2).reshape(len(positions) * _MOMENTS, -1))
        for part in (scan, target)
    ]
    coefficients = modes.project_rows(rows[1].to(modes.modes)).cpu()
    return (
        _by_group(rows[0].to(torch.complex64), len(middles), len(offsets)),
        _by_group(coefficients, len(middles), len(offsets)),
    )


def _by_group(rows: Tensor, cells: int, points: int) -> Tensor:
    """``(cells * points * 6, d)`` -> ``(cells * 2, points * 3, d)``: electric elements, then magnetic ones."""
    parts = rows.reshape(cells, points, 2, _MOMENTS // 2, -1).transpose(1, 2)
    return parts.reshape(cells * 2, points * (_MOMENTS // 2), -1)


def _strongest(scans: Tensor, fields: Tensor) -> tuple[Tensor, Tensor]:
    """The combinations of a group's elements that carry most of its scan and field together; those of its images."""
    quarters = [part.view(IMAGES, -1, *part.shape[1:]) for part in (scans, fields)]
    sized = [part[0] / part[0].abs().square().mean().sqrt() / part.shape[3] ** 0.5 for part in quarters]
    together = torch.cat(sized, 2).to(torch.complex128)
    _, vectors = torch.linalg.eigh(together @ together.mH)
    chosen = vectors[:, :, -KEPT:].mH.to(torch.complex64)
    scans, fields = ((chosen @ part).flatten(0, 1) for part in quarters)
    return scans, fields
