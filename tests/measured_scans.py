"""Scans as they come, of scenes whose elements are known: any components at any points, with noise."""

import numpy as np

from element_scenes import GEOMETRY
from emfm.core.channels import TARGET_COMPONENTS
from emfm.core.measured import MeasuredField

GRID_POINTS = GEOMETRY.source.points()


def scattered(rng, count=121, heights=(1e-3, 1e-3)):
    """Points over the default scan, m."""
    low, high = GRID_POINTS.min(0), GRID_POINTS.max(0)
    return np.column_stack([rng.uniform(low[:2], high[:2], (count, 2)), rng.uniform(*heights, count)])


def measured(scene, points=GRID_POINTS, components=("Hx", "Hy"), snr_db=None, rng=None):
    """What is measured of a scene, with white noise so far below the mean square of E, and of H."""
    field = dict(zip(TARGET_COMPONENTS, np.concatenate([part.T for part in scene.fields(points)]), strict=True))
    values = np.stack([field[name] for name in components])
    for quantity in "EH":
        some = [name[0] == quantity for name in components]
        if snr_db is not None and any(some):
            size = np.sqrt(np.mean(np.abs(values[some]) ** 2) * 10 ** (-snr_db / 10) / 2)
            shape = values[some].shape
            values[some] += size * (rng.standard_normal(shape) + 1j * rng.standard_normal(shape))
    return MeasuredField(points, tuple(components), values, GEOMETRY.frequency)
