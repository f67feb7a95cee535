"""Samples of few elements and of random linear maps, on small planes, for what predicts without training."""

import numpy as np

from emfm.core.channels import to_channels
from emfm.core.constants import ETA_0
from emfm.core.elements import element_fields
from emfm.core.field_errors import FieldErrors
from emfm.core.field_operator import scan_rows
from emfm.core.grid import Geometry, Grid

MM = 1e-3
FREQUENCY = 5e9


def plane(half_x, half_y, z, pitch=1.0, shift=0.0):
    nx, ny = round(2 * half_x / pitch) + 1, round(2 * half_y / pitch) + 1
    return Grid((shift - half_x) * MM, (shift - half_y) * MM, pitch * MM, pitch * MM, nx, ny, z * MM)


SMALL = Geometry(FREQUENCY, plane(3, 2, 1), plane(5, 4, 5, pitch=2.0))


def samples(geometry, positions, electric, magnetic):
    """One sample with all the elements: source H ``(1, 4, ...)`` and target ``(1, 12, ...)``."""
    scan = geometry.source.nx * geometry.source.ny
    points = np.concatenate([geometry.source.points(), geometry.target.points()])
    e_field, h_field = element_fields(points, positions, electric, magnetic, geometry.frequency)
    source = h_field[:scan, :2].T.reshape(2, *geometry.source.shape)
    target = np.concatenate([e_field[scan:].T, h_field[scan:].T]).reshape(6, *geometry.target.shape)
    return to_channels(source)[None], to_channels(target)[None]


def oblique_elements():
    """An electric and a magnetic element that share no symmetry with the grids."""
    positions = np.array([[0.7, -0.4, -0.6], [-1.1, 0.6, -0.3]]) * MM
    electric = np.array([[1e-3, 0.4e-3j, -0.7e-3], [0, 0, 0]])
    magnetic = ETA_0 * np.array([[0, 0, 0], [0.2e-3, -0.3e-3j, 0.4e-3]])
    return positions, electric, magnetic


def random_samples(geometry, count, seed=0):
    """Samples of a random linear map, strong and weak ones."""
    rng = np.random.default_rng(seed)
    matrix = rng.standard_normal((2, 2 * geometry.source.nx * geometry.source.ny, 6 * np.prod(geometry.target.shape)))
    source = rng.standard_normal((count, 4, *geometry.source.shape)) * rng.lognormal(0, 2, (count, 1, 1, 1))
    field = scan_rows(source, geometry) @ (matrix[0] + 1j * matrix[1])
    return source, to_channels(field.reshape(count, 6, *geometry.target.shape))


def relative_errors(prediction, truth):
    errors = FieldErrors()
    errors.update(prediction, truth)
    figures = errors.compute()
    return figures["rel_l2_e"], figures["rel_l2_h"]
