"""Source H as a user gives it: checked, and put into the layout that models take."""

from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emfm.data.readers.planes import POSITION_TOLERANCE
from emfm.data.sample import DataError
from emfm.physics.channels import SOURCE_CHANNELS, SOURCE_COMPONENTS, to_channels
from emfm.physics.grid import Grid

_UNITS: Final = {"mm": 1e-3, "cm": 1e-2, "um": 1e-6, "inches": 25.4e-3, "mil": 25.4e-6}
"""Lengths that are often given in the place of metres."""
_WEAKEST: Final = 1e-12
_STRONGEST: Final = 1e15
"""Of a scan's size, A/m: beyond these, squares and products of single precision lose digits or overflow."""


def checked_scans(
    source_h: ArrayLike, axes: tuple[ArrayLike, ArrayLike] | None, grid: Grid
) -> tuple[NDArray[np.float32], bool]:
    """Scans as ``(n, 4, ny, nx)`` on ``grid``, and whether a single one was given.

    Args:
        source_h: real ``(4, ny, nx)`` or complex ``(2, ny, nx)``, A/m, or a batch of them.
        axes: x ``(nx,)`` and y ``(ny,)`` of the columns and rows, m, in any order; None: those of ``grid``.
        grid: the source plane.

    Raises:
        DataError: another shape or kind of numbers, other axes, NaN or Inf, a scan that is zero everywhere, or one
            too weak or too strong for single precision.
    """
    given = _numbers(source_h)
    scans, single = _as_batch(given, grid)
    if axes is not None:
        scans = _in_order(scans, axes, grid)
    channels = to_channels(scans) if np.iscomplexobj(scans) else scans
    with np.errstate(over="ignore"):  # what is too large for float32 is refused by its size
        converted = np.array(channels, np.float32, order="C")  # a copy: torch does not take arrays that are read-only
    _refuse_values(channels, single)
    return converted, single


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


def _as_batch(array: NDArray[Any], grid: Grid) -> tuple[NDArray[Any], bool]:
    """The samples with a leading axis, and whether there was none."""
    complex_given = np.iscomplexobj(array)
    channels = len(SOURCE_COMPONENTS) if complex_given else len(SOURCE_CHANNELS)
    if array.ndim in (3, 4) and array.shape[-3:] == (channels, *grid.shape):
        single = array.ndim == 3
        return (array[None] if single else array), single
    raise DataError(
        f"source_H: found {'complex' if complex_given else 'real'} numbers of the shape {array.shape}; give "
        f"{(len(SOURCE_CHANNELS), *grid.shape)} real ({', '.join(SOURCE_CHANNELS)}) or "
        f"{(len(SOURCE_COMPONENTS), *grid.shape)} complex ({', '.join(SOURCE_COMPONENTS)}), rows along y and columns "
        "along x, or a batch of them with the samples first"
    )


def _in_order(scans: NDArray[Any], axes: tuple[ArrayLike, ArrayLike], grid: Grid) -> NDArray[Any]:
    """``scans`` with rows and columns ascending; raises DataError where ``axes`` are not those of ``grid``."""
    try:
        x, y = (np.asarray(axis, np.float64) for axis in axes)
    except (TypeError, ValueError) as error:
        raise DataError(f"axes: give (x, y), two lists of coordinates in m ({error})") from error
    for given, name, length in ((x, "x", grid.nx), (y, "y", grid.ny)):
        if given.ndim != 1 or not np.isfinite(given).all():
            raise DataError(f"axes: {name} must be a list of finite coordinates in m, found the shape {given.shape}")
        if len(given) != length:
            raise DataError(f"axes: {name} has {len(given)} coordinates, but source_H has {length} points along {name}")
    columns, rows = np.argsort(x), np.argsort(y)
    if not (_same(x[columns], grid.x, grid.pitch_x) and _same(y[rows], grid.y, grid.pitch_y)):
        raise _other_axes(x[columns], y[rows], grid)
    return scans[..., rows[:, None], columns]


def _same(sorted_axis: NDArray[np.float64], own: NDArray[np.float64], pitch: float) -> bool:
    return len(sorted_axis) == len(own) and bool((np.abs(sorted_axis - own) <= POSITION_TOLERANCE * pitch).all())


def _other_axes(x: NDArray[np.float64], y: NDArray[np.float64], grid: Grid) -> DataError:
    """What is wrong with ascending axes, as an error."""
    if _same(x, grid.y, grid.pitch_y) and _same(y, grid.x, grid.pitch_x):
        return DataError("axes: these are y and x; give (x, y), with source_H's rows along y and its columns along x")
    for unit, metres in _UNITS.items():
        if _same(x * metres, grid.x, grid.pitch_x) and _same(y * metres, grid.y, grid.pitch_y):
            return DataError(f"axes: these are the model's in {unit}; give them in m: multiply them by {metres:g}")
    return DataError(
        f"axes: found x {_span(x)} and y {_span(y)}; the model was trained for x {_span(grid.x)} and y "
        f"{_span(grid.y)} at z = {grid.z * 1e3:g} mm. Put the scan into the model's frame, or train a model for your "
        "plane (data.source_plane)"
    )


def _span(axis: NDArray[np.float64]) -> str:
    steps = np.diff(axis)
    step = (
        f"by {steps.mean() * 1e3:.6g} mm"
        if np.ptp(steps) <= POSITION_TOLERANCE * abs(steps.mean())
        else "in uneven steps"
    )
    return f"{axis[0] * 1e3:.6g} to {axis[-1] * 1e3:.6g} mm {step}"


def _refuse_values(channels: NDArray[Any], single: bool) -> None:
    """Raise DataError for the first sample that cannot be predicted from."""
    bad = ~np.isfinite(channels)
    if bad.any():
        sample, channel, row, column = np.argwhere(bad)[0]
        raise DataError(
            f"{_name(sample, single)}: {SOURCE_CHANNELS[channel]} is not finite in row {row}, column {column} "
            f"({np.count_nonzero(bad)} such values in all); measure or solve it again"
        )
    size = np.abs(channels).max((1, 2, 3), initial=0).astype(np.float64)
    if not size.all():
        raise DataError(
            f"{_name(int(np.argmin(size != 0)), single)}: is zero everywhere, so there is nothing to predict from; "
            "remove it"
        )
    beyond = (size < _WEAKEST) | (size > _STRONGEST)
    if beyond.any():
        sample = int(np.argmax(beyond))
        raise DataError(
            f"{_name(sample, single)}: its largest value is {size[sample]:.3g} A/m, beyond single precision "
            f"({_WEAKEST:g} to {_STRONGEST:g}); check its unit"
        )


def _name(sample: int, single: bool) -> str:
    return "source_H" if single else f"source_H[{sample}]"
