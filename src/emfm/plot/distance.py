"""The picture of the error by how deep the shallowest source lies below the scan."""

import numpy as np
from matplotlib.figure import Figure

from emfm.plot.curves import SHOWN_BASELINES, number_log_y
from emfm.plot.further import final_and_baselines, group_label
from emfm.plot.style import baseline_looks, in_report_style
from emfm.results.best import by_errors
from emfm.results.schema import GroupErrors, Result, ValResults


def has_distances(val: ValResults) -> bool:
    """Whether the depth of the sources is known of any sample, so that `error_by_distance` can be drawn."""
    final, _ = final_and_baselines(val)
    return bool(_known(val.models[final]))


@in_report_style
def error_by_distance(val: ValResults) -> Figure:
    """Relative errors of E and H of the final stage and the best baselines, group by group of the sources' depth."""
    final, baselines = final_and_baselines(val)
    groups, looks = _known(val.models[final]), baseline_looks(baselines)
    shown = {name: looks[name] for name in by_errors(baselines)[:SHOWN_BASELINES]}
    figure = Figure(figsize=(9.0, 4.2), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    places = np.arange(len(groups))
    labels = [f"{group_label(group, 'depth')}\n({group.samples:,})" for group in groups]
    for axes, error, quantity in zip(panels, ("rel_l2_e", "rel_l2_h"), ("E", "H"), strict=True):

        def errors(result: Result, error: str = error) -> list[float]:
            return [getattr(group, error) for group in _known(result)]

        axes.plot(places, errors(val.models[final]), "o-", color="black", label=final, zorder=3)
        for name, (colour, dashes) in shown.items():
            axes.plot(places, errors(baselines[name]), "o", linestyle=dashes, color=colour, label=name, linewidth=2)
        axes.set(title=f"target {quantity}", xlabel="shallowest source below the scan [mm] (samples)")
        axes.set_xticks(places, labels)
        axes.margins(x=0.1, y=0.1)
    number_log_y(panels[0])
    panels[0].set_ylabel("relative L2 error, median of a group")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=5)
    return figure


def _known(result: Result) -> list[GroupErrors]:
    return [group for group in result.groups.get("depth", []) if group.low is not None]
