"""Which of the usual mistakes makes points another plane than the expected one, in words."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Final

import numpy as np
from numpy.typing import NDArray

from emfm.core.grid import Grid, in_mm

Points = NDArray[np.float64]

_METRES: Final = {"m": 1.0, "cm": 1e-2, "mm": 1e-3, "um": 1e-6, "inches": 25.4e-3, "mil": 25.4e-6}
_READ_AS: Final = ("mm", "m")
"""Units that a file's coordinates are usually read in."""
_ROUNDING: Final = 1e-9
_LEAST_ANGLE: Final = 1e-3
"""Radians; a grid that is turned by less is shifted or stretched rather."""
_SAME_FACTOR: Final = 1e-6
_SAME_STEP: Final = 1e-2
_FROM_ORIGIN: Final = 1e-12
_FEW: Final = 0.05
_OTHER_SIZE: Final = 10
"""A plane that reaches so many times as far, or as near, has coordinates in another unit rather."""
_TOO_SMALL: Final = "reaches only from"


@np.errstate(over="ignore", invalid="ignore")
def rows_on_grid(points: Points, grid: Grid, tolerance: float) -> NDArray[np.intp] | None:
    """The row of ``points`` at each point of ``grid``, ``(ny * nx,)``; None where one has no row, or several.

    Args:
        points: ``(n, 3)``, m, finite, in any order; those that are not on the grid are passed over.
        grid: the plane.
        tolerance: how far each coordinate may be off, m.
    """
    near = np.flatnonzero(_on_grid(points, grid, tolerance))
    if len(near) != grid.nx * grid.ny:
        return None
    steps = (points[near, :2] - [grid.x_first, grid.y_first]) / [grid.pitch_x, grid.pitch_y]
    columns, rows = np.rint(steps).astype(np.int64).T
    places = rows * grid.nx + columns
    order = np.argsort(places)
    return near[order] if (places[order] == np.arange(len(near))).all() else None


@np.errstate(over="ignore", invalid="ignore")
def plane_fault(points: Points, grid: Grid, tolerance: float, unit: str | None = None) -> str:
    """What makes ``points`` not the points of ``grid``, what was found, and what to do.

    Tried in this order: another height, another unit, x and y exchanged, an axis mirrored, another angle; then each
    axis is compared: larger, shifted, finer, coarser, smaller.

    Args:
        points: ``(n, 3)``, m, finite.
        grid: the expected plane.
        tolerance: how far each coordinate may be off, m.
        unit: that the coordinates were read in, where it is known.
    """
    if not len(points):
        return "there are no points"
    heights, flat = points[:, 2], points.copy()
    flat[:, 2] = grid.z
    height = _height_fault(heights, grid.z, tolerance)
    if not _holds(flat, grid, tolerance):
        fault = _fault_in_plane(flat, grid, tolerance, unit)
        if height and _height_fault(heights * fault.factor, grid.z, tolerance):
            fault = replace(fault, words=f"{fault.words}, and {height}")
    elif height:
        fault = _Fault(height, f"scan or export at z = {in_mm(grid.z)} mm")
    else:
        fault = _Fault("it is larger or finer, or gives points twice", "give each point of the expected plane once")
    return (
        f"{fault.words}. Found {_described(points, tolerance)}; {fault.remedy}, or make a model for this plane "
        "(data.source_plane, data.target_plane)"
    )


@dataclass(frozen=True)
class _Fault:
    """A mistake of a plane."""

    words: str
    remedy: str
    factor: float = 1.0
    """What the coordinates were to be multiplied by."""


def _fault_in_plane(flat: Points, grid: Grid, tolerance: float, unit: str | None) -> _Fault:
    """What is wrong with x and y of points whose height is right."""
    off = int(np.count_nonzero(~_on_grid(flat, grid, tolerance)))
    if 0 < off <= _FEW * len(flat):
        return _Fault(f"{off} of its {len(flat)} points {'is' if off == 1 else 'are'} off it", "mend their coordinates")
    for factor, words in _unit_factors(unit):
        if _holds(_scaled(flat, factor), grid, tolerance):
            return _Fault(words, f"multiply them by {factor:g}", factor)
    if _holds(flat[:, [1, 0, 2]], grid, tolerance):
        return _Fault("x and y are exchanged, or the plane is rotated by 90 degrees", "turn it, and the field with it")
    for name, signs in (("x", (-1, 1, 1)), ("y", (1, -1, 1)), ("x and y", (-1, -1, 1))):
        if _holds(flat * signs, grid, tolerance):
            words = f"the plane is mirrored or rotated: {name} has the other sign"
            return _Fault(words, f"turn {name}, and the field with it")
    if angle := _angle(flat):
        return _Fault(f"the plane is rotated by {abs(np.degrees(angle)):.3g} degrees", "scan or export along x and y")
    axes = [_axis(flat[:, place], tolerance) for place in range(2)]
    for factor, words in _unit_factors(unit):
        scaled = [factor * axis for axis in axes]
        if _is_even(scaled[0], grid.pitch_x) and _is_even(scaled[1], grid.pitch_y):
            faults = [words, *_axis_faults(scaled, grid, tolerance)]
            return _Fault(", and ".join(faults), f"multiply them by {factor:g}, and mend the rest", factor)
    faults = _axis_faults(axes, grid, tolerance) or ["some points are missing"]
    words = ", and ".join(faults)
    size = np.abs(flat[:, :2]).max() / max(np.abs(grid.x).max(), np.abs(grid.y).max())
    if not 1 / _OTHER_SIZE < size < _OTHER_SIZE:
        return _Fault(words, "check the unit of x, y and z")
    if any(_TOO_SMALL in fault or "missing" in fault for fault in faults):
        return _Fault(words, "scan or export the whole plane")
    return _Fault(words, "put the scan into the expected frame, or interpolate it")


def _is_even(axis: NDArray[np.float64], pitch: float) -> bool:
    return len(axis) > 1 and bool(np.abs(np.diff(axis) / pitch - 1).max() < _SAME_STEP)


def _axis_faults(axes: Sequence[NDArray[np.float64]], grid: Grid, tolerance: float) -> list[str]:
    own = (("x", grid.x), ("y", grid.y))
    return [
        fault
        for axis, (name, expected) in zip(axes, own, strict=True)
        for fault in _axis_fault(name, axis, expected, tolerance)
    ]


def _height_fault(heights: NDArray[np.float64], expected: float, tolerance: float) -> str | None:
    off = heights - expected
    if (np.abs(off) <= tolerance * (1 + _ROUNDING)).all():
        return None
    middle = (heights.min() + heights.max()) / 2
    if np.ptp(heights) > 2 * tolerance:
        return f"z runs from {in_mm(heights.min())} to {in_mm(heights.max())} mm, it must be {in_mm(expected)} mm"
    above = "above" if middle > expected else "below"
    return f"it lies at z = {in_mm(middle)} mm, {in_mm(abs(middle - expected))} mm {above} z = {in_mm(expected)} mm"


def _axis_fault(name: str, found: NDArray[np.float64], own: NDArray[np.float64], tolerance: float) -> Iterator[str]:
    """How the coordinates of an axis differ from the expected ones."""
    if all((np.abs(found - value) <= tolerance).any() for value in own):
        return
    if len(found) < 2:
        yield f"{name} is {in_mm(found[0])} mm alone"
        return
    steps, pitch = np.diff(found), own[1] - own[0]
    step = float(np.median(steps))
    if np.ptp(steps) > 4 * tolerance + _SAME_FACTOR * step:
        yield f"{name} has uneven steps of {in_mm(steps.min())} to {in_mm(steps.max())} mm"
        return
    if abs(step - pitch) * (min(len(found), len(own)) - 1) > 4 * tolerance:
        missing = next(value for value in own if (np.abs(found - value) > tolerance).all())
        yield (
            f"{name} is {'finer' if step < pitch else 'coarser'}, by {in_mm(step)} instead of {in_mm(pitch)} mm "
            f"without a point at {in_mm(missing)} mm"
        )
        return
    shift = found[0] - own[0] if len(found) == len(own) else (found[0] - own[0] + pitch / 2) % pitch - pitch / 2
    if len(found) > len(own):
        yield f"{name} is larger"
    if abs(shift) > tolerance:
        yield f"{name} is shifted by {in_mm(shift)} mm"
    elif len(found) == len(own):
        yield f"{name} is off by up to {in_mm(np.abs(found - own).max())} mm"
    if len(found) != len(own) and (found[0] > own[0] + pitch / 2 or found[-1] < own[-1] - pitch / 2):
        yield f"{name} {_TOO_SMALL} {in_mm(found[0])} to {in_mm(found[-1])} mm"


def _on_grid(points: Points, grid: Grid, tolerance: float) -> NDArray[np.bool_]:
    """``(n,)``: which points are points of the grid."""
    within = tolerance * (1 + _ROUNDING)
    on: NDArray[np.bool_] = np.abs(points[:, 2] - grid.z) <= within
    axes = ((grid.x_first, grid.pitch_x, grid.nx), (grid.y_first, grid.pitch_y, grid.ny))
    for place, (first, pitch, count) in enumerate(axes):
        nearest = np.clip(np.rint((points[:, place] - first) / pitch), 0, count - 1)
        on &= np.abs(points[:, place] - (first + nearest * pitch)) <= within
    return on


def _holds(points: Points, grid: Grid, tolerance: float) -> bool:
    """Whether there is a point at each point of the grid."""
    near = points[_on_grid(points, grid, tolerance)]
    steps = np.rint((near[:, :2] - [grid.x_first, grid.y_first]) / [grid.pitch_x, grid.pitch_y])
    return len(np.unique(steps @ [1, grid.nx])) == grid.nx * grid.ny


def _scaled(points: Points, factor: float) -> Points:
    return points * [factor, factor, 1.0]


def _unit_factors(unit: str | None) -> Iterator[tuple[float, str]]:
    """What coordinates of another unit would have to be multiplied by, and the unit in words."""
    seen: list[float] = []
    for read, given in product(_READ_AS if unit is None else (unit,), _METRES):
        factor = _METRES[given] / _METRES[read]
        if given == read or any(abs(factor / other - 1) < _SAME_FACTOR for other in seen):
            continue
        seen.append(factor)
        yield factor, f"the coordinates are in another unit, {given} where {read} are read"


def _angle(points: Points) -> float | None:
    """By how much a regular grid is turned from the axes, radians; None for one that is not, or for no such grid."""
    flat = points[:, :2] / (np.abs(points[:, :2]).max() or 1.0)  # so that no square is too large
    flat -= flat.mean(0)
    middle = flat[np.argmin((flat**2).sum(1))]
    distances = ((flat - middle) ** 2).sum(1)
    distances[distances <= _FROM_ORIGIN * distances.max()] = np.inf
    step = flat[np.argmin(distances)] - middle
    angle = float((np.arctan2(step[1], step[0]) + np.pi / 4) % (np.pi / 2) - np.pi / 4)
    if abs(angle) < _LEAST_ANGLE:
        return None
    cosine, sine = np.cos(angle), np.sin(angle)
    straight = flat @ np.array([[cosine, -sine], [sine, cosine]])
    tolerance = 0.1 * float(np.hypot(*step))
    counts = [len(_axis(straight[:, place], tolerance)) for place in range(2)]
    return angle if min(counts) > 1 and counts[0] * counts[1] == len(flat) else None


def _axis(coordinates: NDArray[np.float64], tolerance: float) -> NDArray[np.float64]:
    """The different coordinates of points, ascending; those that differ by the tolerance alone are one."""
    ordered = np.sort(coordinates)
    apart = min(2 * tolerance, np.ptp(ordered) / (4 * len(ordered) ** 0.5)) * (1 + _ROUNDING)
    starts = np.flatnonzero(np.diff(ordered, prepend=-np.inf) > apart)
    means: NDArray[np.float64] = np.add.reduceat(ordered, starts) / np.diff(np.append(starts, len(ordered)))
    return means


def _described(points: Points, tolerance: float) -> str:
    x, y = (_axis(points[:, place], tolerance) for place in range(2))
    low, high = points[:, 2].min(), points[:, 2].max()
    height = (
        f"z = {in_mm((low + high) / 2)} mm" if high - low <= 2 * tolerance else f"z {in_mm(low)} to {in_mm(high)} mm"
    )
    return f"x {_span(x, tolerance)}, y {_span(y, tolerance)}, {height}"


def _span(axis: NDArray[np.float64], tolerance: float) -> str:
    if len(axis) < 2:
        return f"{in_mm(axis[0])} mm"
    steps = np.diff(axis)
    even = np.ptp(steps) <= 4 * tolerance + _SAME_FACTOR * abs(steps.mean())
    return f"{in_mm(axis[0])} to {in_mm(axis[-1])} mm {f'by {in_mm(steps.mean())} mm' if even else 'in uneven steps'}"
