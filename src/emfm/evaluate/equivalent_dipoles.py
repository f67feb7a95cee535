"""Equivalent dipoles: a board replaced by an array of elementary dipoles whose field fits the scan.

This is the source reconstruction that EMC engineers apply to near-field scans; see for instance Z. Yu,
J. A. Mix, S. Sajuyigbe, K. P. Slattery and J. Fan, "An Improved Dipole-Moment Model Based on Near-Field
Scanning for Characterizing Near-Field Coupling and Far-Field Radiation From an IC", IEEE Trans.
Electromagn. Compat. 55 (2013).
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from emfm.core.channels import SOURCE_COMPONENTS, Complex
from emfm.core.constants import ETA_0
from emfm.core.elements import element_fields
from emfm.core.field_operator import FieldOperator, fitted_operator
from emfm.core.grid import Geometry, Grid

_ROUNDING = 1e-9


def dipole_operator(
    geometry: Geometry, depth: float = 1.5, pitch: float = 1.0, margin: float = 1.0, tikhonov: float = 3e-4
) -> FieldOperator:
    """The map from a scan to the field of the dipoles that fit it.

    Each point of the array holds three electric dipoles I*l and three magnetic ones K*l = eta0 * I*l. With A
    the scan and R the field of unit dipoles as columns, the moments minimise ||A m - h||^2 + lambda ||m||^2,
    so that the field is R A^H (A A^H + lambda 1)^-1 h: the ridge fit to the unit dipoles as examples.

    Args:
        geometry: frequency and planes.
        depth: of the array below the scan, in pitches of the scan (the larger of both axes).
        pitch: of the array, in pitches of the scan.
        margin: from the rim of the scan to the outermost dipoles, in pitches of the scan.
        tikhonov: lambda relative to the mean of the diagonal of A A^H.

    Raises:
        ValueError: depth, pitch or tikhonov is not above 0, or margin leaves no room for an array.
    """
    if not (depth > 0 and pitch > 0 and tikhonov > 0):
        raise ValueError(
            f"depth, pitch and tikhonov of the dipoles must be above 0, found {depth}, {pitch}, {tikhonov}"
        )
    array = dipole_array(geometry.source, depth, pitch, margin)
    return fitted_operator(_unit_dipoles(geometry, array.points()), geometry, tikhonov)


def dipole_array(scan: Grid, depth: float = 1.5, pitch: float = 1.0, margin: float = 1.0) -> Grid:
    """The points of the dipoles, centred below the scan; the arguments are those of `dipole_operator`, in pitches.

    Raises ValueError where the scan leaves no room for them.
    """
    x_first, nx = _axis(scan.x_first, scan.pitch_x, scan.nx, pitch, margin)
    y_first, ny = _axis(scan.y_first, scan.pitch_y, scan.ny, pitch, margin)
    z = scan.z - depth * max(scan.pitch_x, scan.pitch_y)
    return Grid(x_first, y_first, pitch * scan.pitch_x, pitch * scan.pitch_y, nx, ny, z)


def _axis(first: float, step: float, count: int, pitch: float, margin: float) -> tuple[float, int]:
    """First coordinate and number of the dipoles along one axis of the scan."""
    cells = int((count - 1 - 2 * margin) / pitch + _ROUNDING)
    if cells < 1:
        raise ValueError(
            f"a margin of {margin} and a pitch of {pitch} leave no room for dipoles below {count} points; lower them"
        )
    return first + step * (count - 1 - cells * pitch) / 2, cells + 1


def _unit_dipoles(geometry: Geometry, positions: NDArray[np.float64]) -> Iterator[tuple[Complex, Complex]]:
    """Scan and field of the six unit dipoles at each position, as rows of `RidgeFit.add`."""
    count = geometry.source.nx * geometry.source.ny
    points = np.concatenate([geometry.source.points(), geometry.target.points()])
    axes = np.eye(3)
    nothing = np.zeros_like(axes)
    moments = np.concatenate([np.stack([axes, nothing], 1), np.stack([nothing, ETA_0 * axes], 1)])
    for position in positions:
        scans, fields = [], []
        for electric, magnetic in moments:
            e_field, h_field = element_fields(points, [position], [electric], [magnetic], geometry.frequency)
            scans.append(h_field[:count, : len(SOURCE_COMPONENTS)].T.ravel())
            fields.append(np.concatenate([e_field[count:].T.ravel(), h_field[count:].T.ravel()]))
        yield np.array(scans), np.array(fields)
