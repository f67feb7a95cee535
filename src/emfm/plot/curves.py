"""Pictures of learning: loss by epoch, and error by number of training samples."""

from collections.abc import Mapping
from math import ceil

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from emfm.core.errors import DataError
from emfm.plot.style import BASELINE_LOOKS, BLUE, VERMILION, in_report_style
from emfm.results.schema import INTERVAL_PERCENT, SetResults

_CURVE_COLUMNS = ("epoch", "train_loss", "val_loss")
_PANELS_IN_A_ROW = 3


@in_report_style
def loss_curves(curves: Mapping[str, pd.DataFrame]) -> Figure:
    """Training and validation loss by epoch, a panel a stage, on one logarithmic axis.

    Args:
        curves: for each stage its columns ``epoch``, ``train_loss``, ``val_loss``, a row an epoch.

    Raises:
        DataError: no curves, or one without these columns or without any validation loss.
    """
    if not curves:
        raise DataError("there are no loss curves to draw; train a stage first")
    columns = min(len(curves), _PANELS_IN_A_ROW)
    rows = ceil(len(curves) / columns)
    figure = Figure(figsize=(max(3.0 * columns + 0.6, 5.0), 2.5 * rows + 0.7), layout="constrained")
    panels = figure.subplots(rows, columns, sharey=True, squeeze=False).ravel()
    for axes, (stage, curve) in zip(panels, curves.items(), strict=False):
        _check_curve(stage, curve)
        _draw_curve(axes, curve)
        axes.set(title=stage, xlabel="epoch")
    for axes in panels[len(curves) :]:
        axes.remove()
    for axes in panels[::columns]:
        axes.set_ylabel("loss")
    number_log_y(panels[0])
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return figure


@in_report_style
def scaling_curve(results: SetResults) -> Figure:
    """Relative errors of E and H against the number of training samples, the baselines as level lines.

    With the bootstrap interval of each stage as a bar.
    """
    figure = Figure(figsize=(9.0, 4.2), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for axes, figure_name, quantity in zip(panels, ("rel_l2_e", "rel_l2_h"), ("E", "H"), strict=True):
        sizes = [model.train_samples for model in results.models.values()]
        errors = [getattr(model.metrics, figure_name) for model in results.models.values()]
        axes.plot(sizes, errors, "o-", color="black", label="model by stage", zorder=3)
        _draw_intervals(axes, results, figure_name)
        for number, (name, baseline) in enumerate(results.baselines.items()):
            colour, dashes = BASELINE_LOOKS[number % len(BASELINE_LOOKS)]
            level = getattr(baseline.metrics, figure_name)
            axes.axhline(level, color=colour, linestyle=dashes, label=name, linewidth=2)
        axes.set(xscale="log", title=f"target {quantity}", xlabel="training samples")
        axes.set_xticks(sizes, [f"{size:,}" for size in sizes], rotation=30, ha="right")
        axes.xaxis.set_minor_locator(NullLocator())
        axes.margins(y=0.1)
    number_log_y(panels[0])
    panels[0].set_ylabel(f"relative L2 error, median of {results.samples:,} samples")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=5)
    return figure


def _draw_intervals(axes: Axes, results: SetResults, metric: str) -> None:
    """A bar for each model that has an interval."""
    known = [model for model in results.models.values() if metric in model.intervals]
    if known:
        low, high = ([getattr(model.intervals[metric], end) for model in known] for end in ("low", "high"))
        sizes, label = [model.train_samples for model in known], f"{INTERVAL_PERCENT} % interval"
        axes.vlines(sizes, low, high, color="black", linewidth=4, alpha=0.3, label=label)


def _check_curve(stage: str, curve: pd.DataFrame) -> None:
    missing = [name for name in _CURVE_COLUMNS if name not in curve.columns]
    if missing:
        raise DataError(f"the curve of {stage} has no column {', '.join(missing)}; train the stage again")
    if not curve["val_loss"].notna().any():
        raise DataError(f"the curve of {stage} has no epoch with a val_loss; train the stage again")


def _draw_curve(axes: Axes, curve: pd.DataFrame) -> None:
    epochs = curve["epoch"].to_numpy()
    val_loss = curve["val_loss"].to_numpy(np.float64)
    axes.plot(epochs, curve["train_loss"].to_numpy(np.float64), ".-", color=BLUE, label="training", markersize=4)
    axes.plot(epochs, val_loss, ".-", color=VERMILION, label="validation", markersize=4)
    best = int(np.nanargmin(val_loss))
    label = "lowest validation loss"
    axes.plot(epochs[best], val_loss[best], "o", color=VERMILION, mfc="white", markersize=7, label=label)
    axes.set_xlim(0, 1.04 * epochs.max())
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))


def number_log_y(axes: Axes) -> None:
    """A logarithmic y axis, for all panels that share it, with plain numbers also within a decade."""
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5) if high < 100 * low else (1,)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_locator(NullLocator())
