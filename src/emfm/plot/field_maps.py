"""The picture of one sample: its true field, the predicted one, and the error between them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from numpy.typing import NDArray

from emfm.core.channels import E_COMPONENTS, H_COMPONENTS, TARGET_COMPONENTS, UNITS, Channels, to_components
from emfm.core.grid import Grid
from emfm.plot.numbers import four_digits
from emfm.plot.style import in_report_style, with_prefix

_VECTORS = {"E": E_COMPONENTS, "H": H_COMPONENTS}
_MM = 1e3


@in_report_style
def field_map(
    title: str,
    model: str,
    truth: Channels,
    prediction: Channels,
    grid: Grid,
    quantities: Sequence[str] = ("E", "H"),
) -> Figure:
    """Magnitudes of truth, prediction and error side by side, a row for each quantity.

    Truth and prediction share a colour scale; the error, |prediction - truth| of complex fields, has its own.

    Args:
        title: what the sample is called.
        model: what made the prediction, named in the title.
        truth: channels ``(12, ny, nx)``, V/m and A/m.
        prediction: the same.
        grid: the target plane.
        quantities: ``E`` and ``H`` for whole vectors, or components such as ``Ex`` or ``Hz``.

    Raises:
        ValueError: the arrays are not on the grid, or a quantity is unknown.
    """
    for name, field in (("truth", truth), ("prediction", prediction)):
        if field.shape != (2 * len(TARGET_COMPONENTS), *grid.shape):
            raise ValueError(
                f"{name} must have the shape {(2 * len(TARGET_COMPONENTS), *grid.shape)}, found {field.shape}"
            )
    true, predicted = to_components(truth), to_components(prediction)
    figure = Figure(figsize=(9.4, 2.75 * len(quantities) + 0.5), layout="compressed")
    panels = figure.subplots(len(quantities), 3, sharex=True, sharey=True, squeeze=False)
    errors = []
    for row, quantity in zip(panels, quantities, strict=True):
        chosen = _places(quantity)
        _draw_row(figure, row, true[chosen], predicted[chosen], grid, quantity)
        errors.append(f"{quantity} {four_digits(_relative_error(predicted[chosen], true[chosen]))}")
    for axes in panels[-1]:
        axes.set_xlabel("x [mm]")
    figure.suptitle(f"{title}, {model}: relative L2 error of {', of '.join(errors)}", fontsize=11)
    return figure


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


def _draw_row(
    figure: Figure,
    row: Sequence[Axes],
    true: NDArray[Any],
    predicted: NDArray[Any],
    grid: Grid,
    quantity: str,
) -> None:
    """Three maps of complex ``(c, ny, nx)`` fields, with colour bars beside the second and the third."""
    magnitudes = [np.linalg.norm(field, axis=0) for field in (true, predicted, predicted - true)]
    unit = UNITS[quantity[0]]
    field_scale = with_prefix(max(magnitudes[0].max(), magnitudes[1].max()), unit)
    error_scale = with_prefix(magnitudes[2].max(), unit)
    limit = field_scale[0] * max(magnitudes[0].max(), magnitudes[1].max())
    titles = (f"true |{quantity}|", f"predicted |{quantity}|", f"|error of {quantity}|")
    images = []
    for axes, magnitude, title, scale in zip(
        row, magnitudes, titles, (field_scale, field_scale, error_scale), strict=True
    ):
        images.append(_draw_map(axes, scale[0] * magnitude, grid))
        axes.set_title(title)
    for image in images[:2]:
        image.set_clim(0, limit)
    images[2].set(cmap="magma", clim=(0, None))
    row[0].set_ylabel("y [mm]")
    figure.colorbar(images[1], ax=list(row[:2]), label=field_scale[1], shrink=0.95)
    figure.colorbar(images[2], ax=row[2], label=error_scale[1])


def _draw_map(axes: Axes, values: NDArray[np.floating[Any]], grid: Grid) -> AxesImage:
    """Values at the points of ``grid``, each as a cell around its point."""
    half_x, half_y = grid.pitch_x / 2, grid.pitch_y / 2
    edges = (grid.x[0] - half_x, grid.x[-1] + half_x, grid.y[0] - half_y, grid.y[-1] + half_y)
    axes.grid(visible=False)
    axes.spines[:].set_visible(True)
    return axes.imshow(values, origin="lower", extent=tuple(_MM * edge for edge in edges), interpolation="nearest")
