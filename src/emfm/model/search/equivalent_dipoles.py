"""Equivalent dipoles: a board replaced by an array of elementary dipoles whose field fits the scan.

This is the source reconstruction that EMC engineers apply to near-field scans; see for instance Z. Yu,
J. A. Mix, S. Sajuyigbe, K. P. Slattery and J. Fan, "An Improved Dipole-Moment Model Based on Near-Field
Scanning for Characterizing Near-Field Coupling and Far-Field Radiation From an IC", IEEE Trans.
Electromagn. Compat. 55 (2013).
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from emfm.core.channels import E_COMPONENTS, SOURCE_COMPONENTS, Channels, Complex
from emfm.core.constants import ETA_0
from emfm.core.elements import unit_element_fields
from emfm.core.field_operator import FieldOperator, field_rows, scan_rows
from emfm.core.grid import Geometry, Grid
from emfm.core.ridge import RidgeFactors, RidgeSums
from emfm.model.search.params import DipoleGridParams

_ROUNDING = 1e-9
_POSITIONS_AT_ONCE = 16
_MOMENTS = 6


@dataclass(frozen=True)
class DipoleSetting:
    """Where the dipoles lie and how far their moments are damped; lengths in pitches of the scan.

    Raises ValueError: depth, pitch or tikhonov is not above 0.
    """

    depth: float = 1.5
    """Of the array below the scan, in the larger pitch of both axes."""
    pitch: float = 1.0
    """Of the array."""
    margin: float = 1.0
    """From the rim of the scan to the outermost dipoles."""
    tikhonov: float = 3e-4
    """lambda relative to the mean of the diagonal of A A^H, see `dipole_operator`."""

    def __post_init__(self) -> None:
        if not (self.depth > 0 and self.pitch > 0 and self.tikhonov > 0):
            raise ValueError(
                "depth, pitch and tikhonov of the dipoles must be above 0, "
                f"found {self.depth}, {self.pitch}, {self.tikhonov}"
            )


def _as_it_is(fields: Complex) -> Complex:
    return fields


def dipole_settings(grid: DipoleGridParams) -> list[DipoleSetting]:
    """Each depth with each margin and each tikhonov."""
    combined = product(grid.depths, grid.margins, grid.tikhonov)
    return [DipoleSetting(depth=depth, margin=margin, tikhonov=tikhonov) for depth, margin, tikhonov in combined]


def dipole_operator(geometry: Geometry, setting: DipoleSetting) -> FieldOperator:
    """The map from a scan to the field of the dipoles that fit it.

    Each point of the array holds three electric dipoles I*l and three magnetic ones K*l = eta0 * I*l. With A
    the scan and R the field of unit dipoles as columns, the moments minimise ||A m - h||^2 + lambda ||m||^2,
    so that the field is R A^H (A A^H + lambda 1)^-1 h: the ridge fit to the unit dipoles as examples.

    Raises ValueError where the margin leaves no room for an array.
    """
    array = dipole_array(geometry.source, setting.depth, setting.pitch, setting.margin)
    return FieldOperator(geometry, _fit(geometry, array, _as_it_is).solve(setting.tikhonov))


def setting_errors(
    geometry: Geometry, settings: Iterable[DipoleSetting], samples: Iterable[tuple[Channels, Channels]]
) -> dict[DipoleSetting, float]:
    """How wrong each setting is on samples, source H and target: the median over these of the mean of E's and H's

    relative L2 error. The fields of an array are computed once for all settings that share it. A setting that the
    scan has no room for is left out. Raises ValueError where it has room for none.
    """
    rows = [(scan_rows(source_h, geometry), field_rows(target, geometry)) for source_h, target in samples]
    scans, fields = (np.concatenate(part) for part in zip(*rows, strict=True))
    errors = {}
    for fit, sharing in fits_by_array(geometry, settings):
        turned = scans @ fit.vectors
        for setting in sharing:
            predicted = (turned / ((fit.values + setting.tikhonov) * fit.size)) @ fit.turned
            errors[setting] = float(np.median(_mean_relative(predicted, fields)))
    if not errors:
        raise ValueError("the scan has no room for any setting of the dipoles: lower their margin")
    return errors


def fits_by_array(
    geometry: Geometry, settings: Iterable[DipoleSetting], seen: Callable[[Complex], Complex] = _as_it_is
) -> Iterator[tuple[RidgeFactors, list[DipoleSetting]]]:
    """The fit to the unit dipoles of each array, for any tikhonov, and the settings that share it.

    ``seen`` is what is wanted of rows of fields ``(n, 6 * ny * nx)``, linear in them, as a field itself takes memory.
    """
    arrays: dict[Grid, list[DipoleSetting]] = {}
    for setting in with_room(geometry, settings):
        array = dipole_array(geometry.source, setting.depth, setting.pitch, setting.margin)
        arrays.setdefault(array, []).append(setting)
    for array, sharing in arrays.items():
        yield _fit(geometry, array, seen), sharing


def with_room(geometry: Geometry, settings: Iterable[DipoleSetting]) -> list[DipoleSetting]:
    """Those of the settings whose margin the scan has room for."""
    fitting = []
    for setting in settings:
        try:
            dipole_array(geometry.source, setting.depth, setting.pitch, setting.margin)
        except ValueError:
            continue
        fitting.append(setting)
    return fitting


def _mean_relative(predicted: Complex, true: Complex) -> NDArray[np.float64]:
    """The mean of E's and H's relative L2 error of each sample, ``(n,)``, of rows ``(n, 6 * ny * nx)``."""
    parts = [
        np.linalg.norm(wrong, axis=1) / np.linalg.norm(right, axis=1)
        for wrong, right in zip(np.split(predicted - true, 2, axis=1), np.split(true, 2, axis=1), strict=True)
    ]
    return np.asarray(sum(parts) / len(parts), np.float64)


def dipole_array(scan: Grid, depth: float = 1.5, pitch: float = 1.0, margin: float = 1.0) -> Grid:
    """The points of the dipoles, centred below the scan; the arguments are those of `DipoleSetting`, in pitches.

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


def _fit(geometry: Geometry, array: Grid, seen: Callable[[Complex], Complex]) -> RidgeFactors:
    """The ridge fit to the unit dipoles of an array, for any tikhonov."""
    count = geometry.source.nx * geometry.source.ny
    points = np.concatenate([geometry.source.points(), geometry.target.points()])
    nothing = np.zeros((1, _MOMENTS * (len(points) - count)), np.complex128)
    sums = RidgeSums(len(SOURCE_COMPONENTS) * count, seen(nothing).shape[1])
    for fields in _unit_dipoles(points, array.points(), geometry.frequency):
        scans = fields[:, len(E_COMPONENTS) : len(E_COMPONENTS) + len(SOURCE_COMPONENTS), :count]
        sums.add(scans.reshape(len(fields), -1), seen(fields[:, :, count:].reshape(len(fields), -1)))
    return sums.factored()


def _unit_dipoles(points: NDArray[np.float64], positions: NDArray[np.float64], frequency: float) -> Iterator[Complex]:
    """The fields at ``points`` of the six unit dipoles of some positions at a time, ``(dipoles, 6, points)``."""
    strength = np.repeat([1.0, ETA_0], _MOMENTS // 2)[None, :, None, None]
    for start in range(0, len(positions), _POSITIONS_AT_ONCE):
        fields = unit_element_fields(points, positions[start : start + _POSITIONS_AT_ONCE], frequency) * strength
        yield fields.transpose(0, 1, 3, 2).reshape(-1, _MOMENTS, len(points))
