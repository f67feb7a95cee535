"""The report of one small scan whose sources are known."""

import numpy as np

from emfm.core.channels import to_channels
from emfm.core.grid import Geometry, Grid
from emfm.plot.scan_report import ScanReport
from point_sources import random_elements, scan_of, two_sources

GEOMETRY = Geometry(5e9, Grid(-4e-3, -3e-3, 1e-3, 1e-3, 9, 7, 1e-3), Grid(-6e-3, -4e-3, 2e-3, 2e-3, 7, 5, 5e-3))


def field_of(elements, grid=GEOMETRY.target):
    """Their field on a plane, ``(12, ny, nx)`` float32."""
    components = np.concatenate(elements.fields(grid.points()), axis=1).T.reshape(6, *grid.shape)
    return to_channels(components).astype(np.float32)


def small_report(name="board.csv", factor=1.0, warnings=(), sources=None):
    """Of two sources and a background; the prediction is ``factor`` times their field."""
    found = two_sources(spread=0.1, background=random_elements(1, count=1)) if sources is None else sources
    scan, field = scan_of(found.all_elements, GEOMETRY.source), field_of(found.all_elements)
    trust = "expected relative error: E 0.12, H 0.1; 90 % bound: E 0.3, H 0.25; distance from the training samples: 0.8"
    return ScanReport.of(name, GEOMETRY, scan, np.float32(factor) * field, found, trust, tuple(warnings))
