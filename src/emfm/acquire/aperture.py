"""The equivalent current of a scan: what a field solver does when it imports a measured field as a source."""

import numpy as np

from emfm.core.channels import Complex
from emfm.core.elements import stacked_element_fields
from emfm.core.grid import Grid


def aperture_operator(source: Grid, target: Grid, frequency: float) -> Complex:
    """The linear map from a scan to the field that its surface current n x H radiates in free space.

    J = n x H with n = +z, the side of the target plane (surface equivalence: R. F. Harrington,
    Time-Harmonic Electromagnetic Fields, sec. 3-5), with no magnetic current; each scan point stands for
    one grid cell, an electric element of moment J * pitch_x * pitch_y.

    Args:
        source: the plane of the scan.
        target: the plane where the fields are wanted.
        frequency: Hz.

    Returns:
        Complex ``(6, ny, nx, 2, source.ny, source.nx)``: Ex Ey Ez (V/m) and Hx Hy Hz (A/m) on the target
        plane per A/m of Hx and of Hy at a scan point.
    """
    cell = source.pitch_x * source.pitch_y
    current_of_hx = cell * np.array([0, 1, 0])
    current_of_hy = cell * np.array([-1, 0, 0])
    points = target.points()
    nothing = np.zeros((1, 3))
    columns = [
        stacked_element_fields(points, [position], [current], nothing, frequency)
        for current in (current_of_hx, current_of_hy)
        for position in source.points()
    ]
    return np.stack(columns, axis=-1).reshape(6, *target.shape, 2, *source.shape)


def aperture_fields(source_h: Complex, source: Grid, target: Grid, frequency: float) -> tuple[Complex, Complex]:
    """The fields that the surface current n x H of one scan radiates: see `aperture_operator`.

    Args:
        source_h: tangential field, complex ``(2, ny, nx)`` in the order Hx, Hy, A/m.
        source: the plane of the scan.
        target: the plane where the fields are wanted.
        frequency: Hz.

    Returns:
        E and H, complex ``(3, ny, nx)`` of the target plane, V/m and A/m.

    Raises:
        ValueError: ``source_h`` does not have the shape of the source plane.
    """
    if source_h.shape != (2, *source.shape):
        raise ValueError(f"source H must have the shape {(2, *source.shape)}, found {source_h.shape}")
    fields = np.tensordot(aperture_operator(source, target, frequency), source_h, axes=3)
    return fields[:3], fields[3:]


def on_grid(vectors: Complex, grid: Grid) -> Complex:
    """Vectors at ``grid.points()``, ``(ny * nx, 3)`` -> components on the grid, ``(3, ny, nx)``."""
    return vectors.T.reshape(3, *grid.shape)
