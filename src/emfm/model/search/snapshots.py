"""Fields of random current elements in the region of sources: what modes must be able to make."""

import numpy as np

from emfm.core.channels import Complex
from emfm.core.constants import ETA_0
from emfm.core.elements import stacked_element_fields
from emfm.core.grid import Geometry
from emfm.model.search.params import SourceRegionParams
from emfm.model.search.source_cells import source_cells

_ELEMENTS = 2


def physical_snapshots(geometry: Geometry, region: SourceRegionParams, count: int) -> Complex:
    """The fields on the target plane of ``count`` random pairs of an electric and a magnetic element, ``(count, 6 *
    ny * nx)``; the same for the same arguments.
    """
    cells = source_cells(region, geometry)
    low, high = cells.middles.min(0) - cells.size / 2, cells.middles.max(0) + cells.size / 2
    rng = np.random.default_rng(0)
    points = geometry.target.points()
    electric = np.array([[1.0], [0.0]])
    rows = []
    for _ in range(count):
        positions = rng.uniform(low, high, (_ELEMENTS, 3))
        moments = rng.standard_normal((_ELEMENTS, 6)).view(np.complex128)
        pair = electric * moments, (1 - electric) * ETA_0 * moments
        rows.append(stacked_element_fields(points, positions, *pair, geometry.frequency).ravel())
    fields: Complex = np.array(rows)
    return np.asarray(fields / np.linalg.norm(fields, axis=1, keepdims=True))
