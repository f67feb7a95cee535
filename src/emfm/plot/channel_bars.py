"""The picture of the root mean square errors of single channels."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from emfm.core.channels import E_CHANNELS, H_CHANNELS, TARGET_CHANNELS, UNITS
from emfm.plot.style import in_report_style, stage_colours, with_prefix
from emfm.results.schema import ModelResult

_GROUP_WIDTH = 0.82


@in_report_style
def channel_errors(models: Mapping[str, ModelResult]) -> Figure:
    """Root mean square error of each channel, a bar a stage; E (V/m) and H (A/m) in panels of their own."""
    figure = Figure(figsize=(9.0, 3.8), layout="constrained")
    panels = figure.subplots(1, 2)
    width = _GROUP_WIDTH / len(models)
    for axes, quantity, part in zip(panels, ("E", "H"), (E_CHANNELS, H_CHANNELS), strict=True):
        channels = TARGET_CHANNELS[part]
        heights = {stage: [model.rmse_per_channel[c] for c in channels] for stage, model in models.items()}
        factor, unit = with_prefix(max(max(row) for row in heights.values()), UNITS[quantity])
        places = np.arange(len(channels))
        for number, (colour, (stage, row)) in enumerate(zip(stage_colours(len(models)), heights.items(), strict=True)):
            shift = (number - (len(models) - 1) / 2) * width
            label = f"{stage} ({models[stage].train_samples:,} samples)"
            axes.bar(places + shift, factor * np.array(row), width, color=colour, label=label)
        axes.set_xticks(places, channels)
        axes.tick_params(axis="x", length=0)
        axes.grid(visible=False, axis="x")
        axes.set(title=f"target {quantity}", ylabel=f"RMSE [{unit}]")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=min(len(models), 3))
    return figure
