"""Scenes of a few current elements below the default planes, with their scans and fields."""

from dataclasses import dataclass

import numpy as np

from emfm.core.constants import ETA_0
from emfm.core.elements import element_fields
from emfm.core.grid import Geometry, Grid

GEOMETRY = Geometry(5e9, Grid(-5e-3, -5e-3, 1e-3, 1e-3, 11, 11, 1e-3), Grid(-25e-3, -25e-3, 1e-3, 1e-3, 51, 51, 5e-3))
BOX = (np.array([-5e-3, -5e-3, -1.5e-3]), np.array([5e-3, 5e-3, 0.0]))


@dataclass(frozen=True)
class ElementScene:
    """Elements, electric or magnetic."""

    positions: np.ndarray
    magnetic: np.ndarray
    moments: np.ndarray

    def fields(self, points, frequency=GEOMETRY.frequency):
        """E and H, ``(P, 3)`` each."""
        magnetic = self.magnetic[:, None]
        electric, of_magnetic = np.where(magnetic, 0, self.moments), np.where(magnetic, self.moments, 0)
        return element_fields(points, self.positions, electric, of_magnetic, frequency)

    def scan(self, snr_db=None, rng=None, grid=GEOMETRY.source):
        """Source H ``(4, ny, nx)``, A/m, with white noise so far below its mean square."""
        h = self.fields(grid.points())[1][:, :2].T.reshape(2, *grid.shape)
        if snr_db is not None:
            size = np.sqrt(np.mean(np.abs(h) ** 2) * 10 ** (-snr_db / 10) / 2)
            h = h + size * (rng.standard_normal(h.shape) + 1j * rng.standard_normal(h.shape))
        return np.stack([h.real, h.imag], axis=1).reshape(4, *grid.shape).astype(np.float32)

    def target(self):
        """``(6, P)`` on the target plane."""
        return np.concatenate([field.T for field in self.fields(GEOMETRY.target.points())])


def draw_scene(rng, count=None, box=BOX):
    """A scene of 1 to 6 elements, or of ``count``, in ``box``."""
    count = count or int(rng.integers(1, 7))
    magnetic = rng.random(count) < 0.5
    moments = (rng.standard_normal((count, 3)) + 1j * rng.standard_normal((count, 3))) * 1e-3 / np.sqrt(2)
    return ElementScene(rng.uniform(*box, (count, 3)), magnetic, moments * np.where(magnetic, 0.3 * ETA_0, 1)[:, None])


def relative_errors(found, true):
    """Of E and of H, fields ``(6, P)``."""
    return [np.linalg.norm((found - true)[part]) / np.linalg.norm(true[part]) for part in (slice(0, 3), slice(3, 6))]
