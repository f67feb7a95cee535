"""The picture of one sample: its scan, its true field, the predicted one, and the error between them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from emfm.core.channels import (
    E_COMPONENTS,
    H_COMPONENTS,
    SOURCE_COMPONENTS,
    TARGET_COMPONENTS,
    UNITS,
    Channels,
    to_components,
)
from emfm.core.grid import Geometry, Grid
from emfm.plot.numbers import four_digits
from emfm.plot.style import in_report_style, with_prefix

_VECTORS = {"E": E_COMPONENTS, "H": H_COMPONENTS}
_MM = 1e3


@in_report_style
def field_map(
    title: str,
    model: str,
    scan: Channels,
    truth: Channels,
    prediction: Channels,
    geometry: Geometry,
    quantities: Sequence[str] = ("E", "H"),
) -> Figure:
    """The scan, and magnitudes of truth, prediction and error side by side, a row for each quantity.

    The first column has the scan's Hx and Hy, on the source plane; dashes on the others show where it lies. Truth and
    prediction share a colour scale; the error, |prediction - truth| of complex fields, has its own.

    Args:
        title: what the sample is called.
        model: what made the prediction, named in the title.
        scan: channels ``(4, ny, nx)`` on the source plane, A/m.
        truth: channels ``(12, ny, nx)`` on the target plane, V/m and A/m.
        prediction: the same.
        geometry: both planes.
        quantities: ``E`` and ``H`` for whole vectors, or components such as ``Ex`` or ``Hz``.

    Raises:
        ValueError: the arrays are not on the planes, or a quantity is unknown.
    """
    _check_shape("scan", scan, 2 * len(SOURCE_COMPONENTS), geometry.source)
    for name, field in (("truth", truth), ("prediction", prediction)):
        _check_shape(name, field, 2 * len(TARGET_COMPONENTS), geometry.target)
    true, predicted = to_components(truth), to_components(prediction)
    figure = Figure(figsize=(12.2, 2.75 * len(quantities) + 0.5), layout="constrained")
    panels = figure.subplots(len(quantities), 4, squeeze=False)
    errors = []
    for row, quantity in zip(panels, quantities, strict=True):
        chosen = _places(quantity)
        _draw_row(figure, row[1:], true[chosen], predicted[chosen], geometry, quantity)
        errors.append(f"{quantity} {four_digits(_relative_error(predicted[chosen], true[chosen]))}")
    _draw_scan(figure, list(panels[:, 0]), to_components(scan), geometry.source)
    for axes in panels[-1]:
        axes.set_xlabel("x [mm]")
    figure.suptitle(f"{title}, {model}: relative L2 error of {', of '.join(errors)}", fontsize=11)
    return figure


def _check_shape(name: str, field: Channels, channels: int, grid: Grid) -> None:
    if field.shape != (channels, *grid.shape):
        raise ValueError(f"{name} must have the shape {(channels, *grid.shape)}, found {field.shape}")


def _relative_error(predicted: NDArray[Any], true: NDArray[Any]) -> float:
    """||predicted - true|| / ||true||; infinite where a component is zero by symmetry."""
    size = float(np.linalg.norm(true))
    return float(np.linalg.norm(predicted - true)) / size if size else float("inf")


def _places(quantity: str) -> list[int]:
    """Which of `TARGET_COMPONENTS` a quantity consists of."""
    components = _VECTORS.get(quantity, (quantity,))
    if not set(components) <= set(TARGET_COMPONENTS):
        allowed = ", ".join([*_VECTORS, *TARGET_COMPONENTS])
        raise ValueError(f"'{quantity}' is no quantity of a target; choose from {allowed}")
    return [TARGET_COMPONENTS.index(component) for component in components]


def _draw_scan(figure: Figure, column: Sequence[Axes], scan: NDArray[Any], grid: Grid) -> None:
    """The magnitudes of the scan's components, one a panel and on one colour scale; further panels are left out."""
    largest = np.abs(scan).max()
    factor, unit = with_prefix(largest, UNITS["H"])
    for axes, values, component in zip(column, scan, SOURCE_COMPONENTS, strict=False):
        image = _draw_map(axes, factor * np.abs(values), grid)
        image.set(cmap="cividis", clim=(0, factor * largest if largest else 1))
        axes.set(title=f"scan |{component}|, z = {_MM * grid.z:.4g} mm", ylabel="y [mm]")
        figure.colorbar(image, ax=axes, label=unit, shrink=0.8)
    for axes in column[len(SOURCE_COMPONENTS) :]:
        axes.remove()


def _draw_row(
    figure: Figure,
    row: Sequence[Axes],
    true: NDArray[Any],
    predicted: NDArray[Any],
    geometry: Geometry,
    quantity: str,
) -> None:
    """Three maps of complex ``(c, ny, nx)`` fields, with colour bars beside the second and the third."""
    magnitudes = [np.linalg.norm(field, axis=0) for field in (true, predicted, predicted - true)]
    unit = UNITS[quantity[0]]
    field_scale = with_prefix(max(magnitudes[0].max(), magnitudes[1].max()), unit)
    error_scale = with_prefix(magnitudes[2].max(), unit)
    limit = field_scale[0] * max(magnitudes[0].max(), magnitudes[1].max())
    at = f"z = {_MM * geometry.target.z:.4g} mm"
    titles = (f"true |{quantity}|, {at}", f"predicted |{quantity}|", f"|error of {quantity}|")
    images = []
    for axes, magnitude, title, scale in zip(
        row, magnitudes, titles, (field_scale, field_scale, error_scale), strict=True
    ):
        images.append(_draw_map(axes, scale[0] * magnitude, geometry.target))
        _outline(axes, geometry.source)
        axes.set_title(title)
    for image in images[:2]:
        image.set_clim(0, limit)
    images[2].set(cmap="magma", clim=(0, None))
    for axes in row[1:]:
        axes.tick_params(labelleft=False)
    figure.colorbar(images[1], ax=list(row[:2]), label=field_scale[1], shrink=0.8)
    figure.colorbar(images[2], ax=row[2], label=error_scale[1], shrink=0.8)


def _draw_map(axes: Axes, values: NDArray[np.floating[Any]], grid: Grid) -> AxesImage:
    """Values at the points of ``grid``, each as a cell around its point."""
    x_low, x_high, y_low, y_high = _edges(grid)
    axes.grid(visible=False)
    axes.spines[:].set_visible(True)
    return axes.imshow(values, origin="lower", extent=(x_low, x_high, y_low, y_high), interpolation="nearest")


def _outline(axes: Axes, scan: Grid) -> None:
    """Where the scan lies below the target plane."""
    x_low, x_high, y_low, y_high = _edges(scan)
    rim = Rectangle((x_low, y_low), x_high - x_low, y_high - y_low, fill=False)
    rim.set(edgecolor="white", linestyle="--", linewidth=0.9)
    axes.add_patch(rim)


def _edges(grid: Grid) -> tuple[float, float, float, float]:
    """The rim of the cells around the points of ``grid``: x from, x to, y from, y to, mm."""
    half_x, half_y = grid.pitch_x / 2, grid.pitch_y / 2
    return (
        _MM * (grid.x[0] - half_x),
        _MM * (grid.x[-1] + half_x),
        _MM * (grid.y[0] - half_y),
        _MM * (grid.y[-1] + half_y),
    )
