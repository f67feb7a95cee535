"""The picture of one scan: where it comes from, the predicted field above, and its levels far away."""

import textwrap
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke

from emfm.core.channels import E_CHANNELS, H_CHANNELS, Real, to_components
from emfm.core.grid import Grid
from emfm.plot.scan_report import BoardPicture, ScanReport, levels
from emfm.plot.style import VERMILION, in_report_style
from emfm.plot.text import Table

DEEPEST: Final = 50.0
"""Levels so far below the highest of a map, dB, and lower have the same colour."""

_MM: Final = 1e3
_OUTLINE: Final = withStroke(linewidth=2.4, foreground="black")
_OVER_BOARD: Final = 0.6
_LETTERS: Final = 220
"""Of the small text in the width of the picture."""
_SIGNS: Final[dict[str, tuple[dict[str, Any], float, float]]] = {
    "electric": ({"marker": "D"}, 5, 11),
    "magnetic": ({"marker": "o", "markerfacecolor": "none"}, 5, 11),
    "upright": ({"marker": "o"}, 2, 6),
}
"""How it is drawn, and its size in points of the weakest and of the strongest."""
_SMALL: Final = 4.0
"""On the maps of the predicted field."""
_LEGEND: Final = 72
"""In the width of a map."""
_LINE: Final = 0.075
"""Of a table, as a share of its height."""


@in_report_style
def scan_picture(report: ScanReport, board: BoardPicture | None = None) -> Figure:
    """Three maps, the list of sources, the levels beside limits, and what is said of all that."""
    figure = Figure(figsize=(12.6, 8.4))
    source_map, e_map, h_map = (figure.add_axes((left, 0.545, 0.235, 0.36)) for left in (0.05, 0.385, 0.72))
    _draw_sources(figure, source_map, report, board)
    field = to_components(report.prediction.astype(np.float64))
    plane = report.geometry.target
    for axes, part, name, unit in ((e_map, E_CHANNELS, "E", "V/m"), (h_map, H_CHANNELS, "H", "A/m")):
        chosen = slice(part.start // 2, part.stop // 2)
        _draw_levels(figure, axes, levels(field[chosen]), plane, f"dB(\N{MICRO SIGN}{unit})")
        axes.set_title(f"Predicted |{name}| at z = {_MM * plane.z:g} mm")
        _mark(axes, report, numbers=False)
    origin = report.origin
    _write_table(figure, (0.02, 0.19, 0.5, 0.255), origin.table(), "Where it comes from", origin.about)
    _write_table(figure, (0.55, 0.19, 0.43, 0.255), report.limits_table(), "Far away", report.about_power)
    _write_words(figure, report)
    figure.suptitle(report.name, x=0.02, ha="left", y=0.98, fontsize=13, fontweight="bold")
    return figure


def _draw_sources(figure: Figure, axes: Axes, report: ScanReport, board: BoardPicture | None) -> None:
    """The scan's levels, over the board where there is a picture of it, with what was found below on top."""
    plane = report.geometry.source
    _draw_levels(figure, axes, report.scan_levels, plane, "dB(\N{MICRO SIGN}A/m)", _OVER_BOARD if board else 1.0)
    if board:
        x0, y0, x1, y1 = board.extent_mm
        axes.imshow(board.pixels, extent=(x0, x1, y0, y1), zorder=-1)
    x, y = map_range(report)
    axes.set(xlim=x, ylim=y, title=f"Scan |Hx, Hy| at z = {_MM * plane.z:g} mm, and {report.origin.title}")
    _mark(axes, report, numbers=True)
    legend = textwrap.fill(report.origin.legend, _LEGEND)
    axes.annotate(legend, (0.5, -0.155), xycoords="axes fraction", ha="center", va="top", fontsize=7)


def map_range(report: ScanReport) -> tuple[tuple[float, float], tuple[float, float]]:
    """The ends of x and of y, mm, that hold the scan, all marks and the ground plane, with a margin of half a pitch."""
    plane, marks = report.geometry.source, report.origin.marks
    outline = report.origin.outline_mm or ()
    ends = []
    for axis, places, corners, pitch in (
        (plane.x, [mark.x for mark in marks], outline[0::2], plane.pitch_x),
        (plane.y, [mark.y for mark in marks], outline[1::2], plane.pitch_y),
    ):
        held, half = [_MM * axis[0], _MM * axis[-1], *places, *corners], _MM * pitch / 2
        ends.append((float(min(held) - half), float(max(held) + half)))
    return ends[0], ends[1]


def _draw_levels(figure: Figure, axes: Axes, values: Real, grid: Grid, unit: str, alpha: float = 1.0) -> None:
    half_x, half_y = grid.pitch_x / 2, grid.pitch_y / 2
    left, right, low, high = grid.x[0] - half_x, grid.x[-1] + half_x, grid.y[0] - half_y, grid.y[-1] + half_y
    edges = _MM * left, _MM * right, _MM * low, _MM * high
    top = float(values.max())
    image = axes.imshow(
        values,
        origin="lower",
        extent=edges,
        interpolation="nearest",
        vmin=max(top - DEEPEST, float(values[np.isfinite(values)].min(initial=top))),
        vmax=top,
        alpha=alpha,
    )
    axes.grid(visible=False)
    axes.spines[:].set_visible(True)
    axes.set(xlabel="x [mm]", ylabel="y [mm]")
    axes.locator_params(steps=[1, 2, 5, 10])
    figure.colorbar(image, ax=axes, fraction=0.046, pad=0.03, shrink=0.999).set_label(unit)


def _mark(axes: Axes, report: ScanReport, numbers: bool) -> None:
    """A sign for each source or current; with ``numbers`` its direction, its doubt and its row in the table, too."""
    if report.origin.outline_mm:
        x0, y0, x1, y1 = report.origin.outline_mm
        frame = Rectangle((x0, y0), x1 - x0, y1 - y0, fill=False, linestyle="--", color="white")
        axes.add_patch(frame).set_path_effects([_OUTLINE])
    shown: dict[str, Any] = {"color": "white", "path_effects": [_OUTLINE], "clip_on": True}
    for mark in report.origin.marks:
        (x, y), (along_x, along_y) = (mark.x, mark.y), mark.across
        if numbers:
            axes.plot([x - along_x, x + along_x], [y - along_y, y + along_y], lw=2, **shown)
            if any(mark.spread):
                spread_x, spread_y = mark.spread
                axes.errorbar(x, y, xerr=spread_x, yerr=spread_y, lw=0, elinewidth=1, ecolor="white", alpha=0.9)
            name = axes.annotate(mark.label, (x, y), (6, 5), textcoords="offset points", color="white")
            name.set(path_effects=[_OUTLINE], fontweight="bold", clip_on=True)
        if mark.sign != "none" and (numbers or mark.sign != "upright"):
            style, least, largest = _SIGNS[mark.sign]
            size = least + (largest - least) * mark.size if numbers else _SMALL
            axes.plot(x, y, markersize=size, markeredgewidth=1.5, **style, **shown)


def _write_table(figure: Figure, place: tuple[float, float, float, float], table: Table, title: str, text: str) -> None:
    """A title, a sentence or two, and rows; the first column to the left, the others to the right."""
    axes = figure.add_axes(place)
    axes.set_axis_off()
    axes.set(xlim=(0, 1), ylim=(0, 1))
    axes.text(0, 1.0, title, va="bottom", fontweight="bold", fontsize=10)
    lines = textwrap.wrap(text, int(_LETTERS * place[2]))
    axes.text(0, 0.98, "\n".join(lines), va="top", fontsize=8)
    top = 0.94 - _LINE * len(lines)
    ends = _column_ends(table)
    for number, row in enumerate([table.heads, *table.rows]):
        colour = "0.4" if number == 0 else "black"
        axes.text(0, top - _LINE * number, row[0], va="top", fontsize=7.5, color=colour)
        for cell, end in zip(row[1:], ends[1:], strict=True):
            axes.text(end, top - _LINE * number, cell, va="top", ha="right", fontsize=7.5, color=colour)


def _column_ends(table: Table) -> list[float]:
    """Where each column ends, as a share of the width, by the longest text of each."""
    lengths = np.array([max(map(len, column)) + 2 for column in zip(table.heads, *table.rows, strict=True)])
    ends: list[float] = (np.cumsum(lengths) / lengths.sum()).tolist()
    return ends


def _write_words(figure: Figure, report: ScanReport) -> None:
    """Warnings first, in a colour of their own."""
    y = 0.17
    for words, colour in (
        *((f"Warning: {warning}", VERMILION) for warning in report.warnings),
        *((fact, "black") for fact in (*report.facts, report.about_levels)),
    ):
        lines = textwrap.wrap(words, _LETTERS)
        figure.text(0.02, y, "\n".join(lines), va="top", fontsize=7.5, color=colour)
        y -= 0.0165 * len(lines) + 0.004
