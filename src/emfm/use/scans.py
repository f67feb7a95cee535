"""Source H as a user gives it: checked, and put into the layout that models take."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emfm.acquire.phase import missing_phase
from emfm.acquire.readers.plane_faults import plane_fault, rows_on_grid
from emfm.acquire.readers.planes import SCAN_TOLERANCE, checked_tolerance
from emfm.core.channels import SOURCE_CHANNELS, SOURCE_COMPONENTS, to_channels
from emfm.core.errors import DataError
from emfm.core.grid import Grid
from emfm.core.sample import STRONGEST, WEAKEST
from ttt.log import LOG

GivenAxes = tuple[ArrayLike, ArrayLike] | tuple[ArrayLike, ArrayLike, float]
"""x ``(nx,)`` and y ``(ny,)`` of the columns and rows, m, in any order; perhaps the height z, m."""

_AT_ONCE: Final = 256


def checked_scans(
    source_h: ArrayLike, axes: GivenAxes | None, grid: Grid, frequency: float, tolerance: float | None = None
) -> tuple[NDArray[np.float32], bool]:
    """Scans as ``(n, 4, ny, nx)`` on ``grid``, and whether a single one was given.

    Args:
        source_h: real ``(4, ny, nx)`` or complex ``(2, ny, nx)``, A/m, or a batch of them.
        axes: where its points are; a larger or finer plane that holds the points of ``grid`` is cut down to them.
            None: those of ``grid``.
        grid: the source plane.
        frequency: of the scans, Hz.
        tolerance: how far a point may lie from that of ``grid``, in each direction, m; None: 2 % of the pitch.

    Raises:
        DataError: another shape or kind of numbers, other axes, NaN or Inf, a scan that is zero everywhere, too weak
            or too strong for single precision, or without phase.
    """
    given = _numbers(source_h)
    if axes is None:
        scans, single = _as_batch(given, grid.shape)
    else:
        coordinates = _coordinates(axes, given, grid)
        scans, single = _as_batch(given, (len(coordinates[1]), len(coordinates[0])))
        scans = _on_grid(scans, coordinates, grid, checked_tolerance(tolerance, grid, SCAN_TOLERANCE))
    channels = to_channels(scans) if np.iscomplexobj(scans) else scans
    refuse_scans(
        channels, ["source_H"] if single else [f"source_H[{n}]" for n in range(len(channels))], grid, frequency
    )
    return np.array(channels, np.float32, order="C"), single  # a copy: torch does not take arrays that are read-only


def refuse_scans(channels: NDArray[Any], names: Sequence[str], grid: Grid, frequency: float) -> None:
    """Raise DataError, with its name, for the first of the scans ``(n, 4, ny, nx)`` that cannot be predicted from.

    It is not finite, zero everywhere, too weak or too strong for single precision, or has no phase.
    """
    for start in range(0, len(channels), _AT_ONCE):
        part = channels[start : start + _AT_ONCE]
        for name, problem in zip(names[start:], _problems(part, grid, frequency), strict=False):
            if problem is not None:
                raise DataError(f"{name}: {problem}")


def _numbers(source_h: ArrayLike) -> NDArray[Any]:
    if isinstance(source_h, np.ma.MaskedArray) and np.ma.is_masked(source_h):
        raise DataError("source_H: some points are masked; measure or fill them, the whole plane is needed")
    try:
        array = np.asarray(source_h)
    except (TypeError, ValueError, RuntimeError) as error:
        raise DataError(f"source_H: cannot be read as an array ({error}); give a numpy array") from error
    if array.dtype.kind not in "iufc":
        raise DataError(f"source_H: found an array of {array.dtype}; give real or complex numbers, A/m")
    return array


def _as_batch(array: NDArray[Any], shape: tuple[int, int]) -> tuple[NDArray[Any], bool]:
    """The samples, of planes of this shape, with a leading axis, and whether there was none."""
    complex_given = np.iscomplexobj(array)
    channels = len(SOURCE_COMPONENTS) if complex_given else len(SOURCE_CHANNELS)
    if array.ndim in (3, 4) and array.shape[-3:] == (channels, *shape):
        single = array.ndim == 3
        return (array[None] if single else array), single
    raise DataError(
        f"source_H: found {'complex' if complex_given else 'real'} numbers of the shape {array.shape}; give "
        f"{(len(SOURCE_CHANNELS), *shape)} real ({', '.join(SOURCE_CHANNELS)}) or "
        f"{(len(SOURCE_COMPONENTS), *shape)} complex ({', '.join(SOURCE_COMPONENTS)}), rows along y and columns "
        "along x, or a batch of them with the samples first"
    )


def _coordinates(
    axes: GivenAxes, given: NDArray[Any], grid: Grid
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """x, y and the height of the points of ``given``, m; raises DataError where ``axes`` do not go with it."""
    try:
        x, y, *height = (np.asarray(axis, np.float64) for axis in axes)
        z = float(*height) if height else grid.z
    except (TypeError, ValueError) as error:
        raise DataError(
            f"axes: give (x, y), two lists of coordinates in m, or (x, y, z) with the height in m, too ({error})"
        ) from error
    for axis, name, place in ((x, "x", -1), (y, "y", -2)):
        if axis.ndim != 1 or not np.isfinite(axis).all() or not axis.size:
            raise DataError(f"axes: {name} must be a list of finite coordinates in m, found the shape {axis.shape}")
        length = given.shape[place] if given.ndim in (3, 4) else len(axis)
        if len(axis) != length:
            raise DataError(f"axes: {name} has {len(axis)} coordinates, but source_H has {length} points along {name}")
    if not np.isfinite(z):
        raise DataError(f"axes: the height z must be a finite number in m, found {z}")
    return x, y, z


def _on_grid(
    scans: NDArray[Any], coordinates: tuple[NDArray[np.float64], NDArray[np.float64], float], grid: Grid, within: float
) -> NDArray[Any]:
    """``scans`` at the points of ``grid``, in its order; raises DataError where the coordinates do not hold them."""
    rows, columns = np.meshgrid(coordinates[1], coordinates[0], indexing="ij")
    points = np.stack([columns.ravel(), rows.ravel(), np.full(columns.size, coordinates[2])], axis=1)
    chosen = rows_on_grid(points, grid, within)
    if chosen is None:
        raise DataError(
            f"axes: not those of the model's source plane, {grid.described()}: {plane_fault(points, grid, within, 'm')}"
        )
    if len(points) > len(chosen):
        LOG.warning(
            "source_H: %d of its %d points are the model's plane, the others are not used", len(chosen), len(points)
        )
    return scans.reshape(*scans.shape[:2], -1)[..., chosen].reshape(*scans.shape[:2], *grid.shape)


def _problems(channels: NDArray[Any], grid: Grid, frequency: float) -> list[str | None]:
    """Why each scan ``(n, 4, ny, nx)`` cannot be predicted from, None where it can."""
    problems = [_bad_values(scan) for scan in channels]
    good = [place for place, problem in enumerate(problems) if problem is None]
    if good:
        for place, problem in zip(good, missing_phase(channels[good], SOURCE_COMPONENTS, grid, frequency), strict=True):
            problems[place] = problem
    return problems


def _bad_values(scan: NDArray[Any]) -> str | None:
    bad = ~np.isfinite(scan)
    if bad.any():
        channel, row, column = np.argwhere(bad)[0]
        return (
            f"{SOURCE_CHANNELS[channel]} is not finite in row {row}, column {column} ({np.count_nonzero(bad)} such "
            "values in all); measure or solve it again"
        )
    size = float(np.abs(scan).max())
    if not size:
        return "is zero everywhere, so there is nothing to predict from; remove it"
    if WEAKEST <= size <= STRONGEST:
        return None
    return (
        f"its largest value is {size:.3g} A/m, beyond single precision ({WEAKEST:g} to {STRONGEST:g}); check its unit"
    )
