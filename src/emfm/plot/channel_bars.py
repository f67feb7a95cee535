"""The picture of the root mean square errors of single channels."""

import numpy as np
from matplotlib.figure import Figure

from emfm.core.channels import E_CHANNELS, H_CHANNELS, TARGET_CHANNELS, UNITS
from emfm.plot.curves import SHOWN_BASELINES
from emfm.plot.style import baseline_looks, in_report_style, stage_colours, with_prefix
from emfm.results.best import by_errors
from emfm.results.schema import SetResults

_GROUP_WIDTH = 0.86


@in_report_style
def channel_errors(results: SetResults) -> Figure:
    """Root mean square error of each channel, a bar a stage and one for each of the best baselines, hatched.

    E (V/m) and H (A/m) stand in panels of their own.
    """
    stages, looks = results.models, baseline_looks(results.baselines)
    bars = [
        (f"{name} ({model.train_samples:,} samples)", model.rmse_per_channel, {"color": colour})
        for colour, (name, model) in zip(stage_colours(len(stages)), stages.items(), strict=True)
    ]
    for name in by_errors(results.baselines)[:SHOWN_BASELINES]:
        look = {"facecolor": "white", "edgecolor": looks[name][0], "hatch": "////"}
        bars.append((name, results.baselines[name].rmse_per_channel, look))
    figure = Figure(figsize=(9.0, 5.6), layout="constrained")
    panels = figure.subplots(2, 1)
    width = _GROUP_WIDTH / len(bars)
    for axes, quantity, part in zip(panels, ("E", "H"), (E_CHANNELS, H_CHANNELS), strict=True):
        channels = TARGET_CHANNELS[part]
        factor, unit = with_prefix(max(errors[name] for _, errors, _ in bars for name in channels), UNITS[quantity])
        places = np.arange(len(channels))
        for number, (label, errors, look) in enumerate(bars):
            shift = (number - (len(bars) - 1) / 2) * width
            axes.bar(places + shift, [factor * errors[name] for name in channels], 0.92 * width, label=label, **look)
        axes.set_xticks(places, channels)
        axes.tick_params(axis="x", length=0)
        axes.grid(visible=False, axis="x")
        axes.set(title=f"target {quantity}", ylabel=f"RMSE [{unit}]")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure
