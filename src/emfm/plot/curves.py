"""Pictures of learning: errors and loss by epoch, and error by number of training samples."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from emfm.core.errors import DataError
from emfm.plot.style import BLUE, VERMILION, baseline_looks, in_report_style
from emfm.results.best import by_errors
from emfm.results.schema import INTERVAL_PERCENT, Result, SetResults

_CURVE_COLUMNS = ("epoch", "train_loss", "val_loss")
_LOSSES = {"train_loss": ("training loss", BLUE), "val_loss": ("validation loss", VERMILION)}
_ERRORS = {"val_rel_l2_e": ("E", "#009E73"), "val_rel_l2_h": ("H", "#CC79A7")}
SHOWN_BASELINES = 3
"""Baselines in a picture, the best first: the others are far off, and stand in the tables."""


@in_report_style
def loss_curves(curves: Mapping[str, pd.DataFrame]) -> Figure:
    """Relative errors on val_fixed and the loss by epoch, a column a stage, with the epoch whose model was kept.

    Args:
        curves: for each stage its columns ``epoch``, ``train_loss``, ``val_loss``, a row an epoch; and
            ``val_rel_l2_e``, ``val_rel_l2_h``, where the training measured them.

    Raises:
        DataError: no curves, or one without these columns or without any validation loss.
    """
    if not curves:
        raise DataError("there are no loss curves to draw; train a stage first")
    for stage, curve in curves.items():
        _check_curve(stage, curve)
    measured = all(name in curve.columns for curve in curves.values() for name in _ERRORS)
    rows = [(_ERRORS, "relative L2 error, validation")] if measured else []
    rows.append((_LOSSES, "loss"))
    figure = Figure(figsize=(max(1.95 * len(curves) + 0.6, 5.0), 2.5 * len(rows) + 0.7), layout="constrained")
    panels = figure.subplots(len(rows), len(curves), sharex=True, sharey="row", squeeze=False)
    for row, (lines, label) in zip(panels, rows, strict=True):
        for axes, curve in zip(row, curves.values(), strict=True):
            _draw_curve(axes, curve, lines)
        number_log_y(row[0])
        row[0].set_ylabel(label)
        row[0].legend(loc="best", fontsize=8)
    for axes, stage in zip(panels[0], curves, strict=True):
        axes.set_title(stage)
    for axes, curve in zip(panels[-1], curves.values(), strict=True):
        axes.set_xlabel(f"epoch (best: {kept_epoch(curve)})")
    return figure


def kept_epoch(curve: pd.DataFrame) -> int:
    """The epoch whose model was kept; where the curve does not say, that of the lowest validation loss."""
    if "best_epoch" in curve.columns and curve["best_epoch"].notna().any():
        return int(curve["best_epoch"].dropna().iloc[-1])
    return int(curve["epoch"].iloc[int(np.nanargmin(curve["val_loss"].to_numpy(np.float64)))])


@in_report_style
def scaling_curve(results: SetResults) -> Figure:
    """Relative errors of E and H against the number of training samples, the best baselines as level lines.

    With the bootstrap interval of each stage as a bar, and that of the best baseline as a band.
    """
    figure = Figure(figsize=(9.0, 4.2), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    looks, best = baseline_looks(results.baselines), by_errors(results.baselines)[:SHOWN_BASELINES]
    for axes, figure_name, quantity in zip(panels, ("rel_l2_e", "rel_l2_h"), ("E", "H"), strict=True):
        sizes = [model.train_samples for model in results.models.values()]
        errors = [getattr(model.metrics, figure_name) for model in results.models.values()]
        axes.plot(sizes, errors, "o-", color="black", label="model by stage", zorder=3)
        _draw_intervals(axes, sizes, list(results.models.values()), figure_name)
        for name in best:
            colour, dashes = looks[name]
            level = getattr(results.baselines[name].metrics, figure_name)
            axes.axhline(level, color=colour, linestyle=dashes, label=name, linewidth=2)
        for name in best[:1]:
            _draw_band(axes, name, results.baselines[name], figure_name, looks[name][0])
        axes.set(xscale="log", title=f"target {quantity}", xlabel="training samples")
        axes.set_xticks(sizes, [f"{size:,}" for size in sizes], rotation=30, ha="right")
        axes.xaxis.set_minor_locator(NullLocator())
        axes.margins(y=0.1)
    number_log_y(panels[0])
    panels[0].set_ylabel(f"relative L2 error, median of {results.samples:,} samples")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=5)
    return figure


def _draw_intervals(axes: Axes, sizes: Sequence[int], models: Sequence[Result], metric: str) -> None:
    """A bar for each model that has an interval."""
    known = [
        (size, model.intervals[metric]) for size, model in zip(sizes, models, strict=True) if metric in model.intervals
    ]
    if known:
        at, bars = zip(*known, strict=True)
        ends = [bar.low for bar in bars], [bar.high for bar in bars]
        label = f"{INTERVAL_PERCENT} % interval of it"
        axes.vlines(at, *ends, color="black", linewidth=4, alpha=0.3, label=label)


def _draw_band(axes: Axes, name: str, baseline: Result, metric: str, colour: str) -> None:
    if metric in baseline.intervals:
        interval = baseline.intervals[metric]
        axes.axhspan(interval.low, interval.high, color=colour, alpha=0.15, linewidth=0, label=f"{name}, interval")


def _check_curve(stage: str, curve: pd.DataFrame) -> None:
    missing = [name for name in _CURVE_COLUMNS if name not in curve.columns]
    if missing:
        raise DataError(f"the curve of {stage} has no column {', '.join(missing)}; train the stage again")
    if not curve["val_loss"].notna().any():
        raise DataError(f"the curve of {stage} has no epoch with a val_loss; train the stage again")


def _draw_curve(axes: Axes, curve: pd.DataFrame, lines: Mapping[str, tuple[str, str]]) -> None:
    """Columns of a curve by their label and colour, and a ring on the epoch that was kept."""
    epochs, kept = curve["epoch"].to_numpy(), kept_epoch(curve)
    axes.axvline(kept, color="0.6", linestyle=":", linewidth=1.2, label="_kept")
    for name, (label, colour) in lines.items():
        values = curve[name].to_numpy(np.float64)
        axes.plot(epochs, values, ".-", color=colour, label=label, markersize=4)
        axes.plot(kept, values[epochs == kept], "o", color=colour, mfc="white", markersize=6, label="_best")
    axes.set_xlim(0, 1.06 * epochs.max())
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))


def number_log_y(axes: Axes) -> None:
    """A logarithmic y axis, for all panels that share it, with plain numbers also within a decade."""
    axes.set_yscale("log")
    number_log(axes.yaxis)


def number_log(axis: Axis) -> None:
    """Plain numbers on a logarithmic axis whose limits are known."""
    low, high = sorted(axis.get_view_interval())
    if high < 5 * low:
        axis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 2.5, 5, 10]))
    else:
        axis.set_major_locator(LogLocator(subs=_places_in_a_decade(high / low)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    axis.set_minor_locator(NullLocator())


def _places_in_a_decade(factor: float) -> tuple[float, ...]:
    """Numbers with a tick on an axis that covers such a factor."""
    if factor < 20:
        return (1, 1.5, 2, 3, 5, 7)
    return (1, 2, 3, 5) if factor < 100 else (1,)
