"""Stage ``plot``: pictures and tables of what training and evaluation came to, in ``reports/``."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from emfm.evaluation.ledger import read_ledger
from emfm.evaluation.results import read_milestone_results, read_val_results
from emfm.report.channel_bars import channel_errors
from emfm.report.curves import loss_curves, scaling_curve
from emfm.report.distance import error_by_distance, has_distances
from emfm.report.field_maps import field_map
from emfm.report.markdown import Pictures, render_report
from emfm.report.style import save_png
from emfm.settings import Params
from emfm.stages.paths import FIGURES, LEDGER, PICTURED, REPORT, REPORTS, TEST_RESULTS, VAL_RESULTS, curve
from ttt.files import write_text


def run(params: Params) -> None:
    """Draw ``reports/figures/*.png`` and write ``reports/report.md``."""
    val = read_val_results(VAL_RESULTS)
    test = read_milestone_results(TEST_RESULTS)
    curves = {stage: pd.read_csv(curve(number)) for number, stage in enumerate(val.models, start=1)}
    links = {
        name: _drawn(figure, name)
        for name, figure in (
            ("loss_curves", loss_curves(curves)),
            ("scaling_curve", scaling_curve(val)),
            ("channel_errors", channel_errors(val.models)),
        )
    }

    maps = {}
    final = list(val.models)[-1]
    target_plane = params.data.geometry().target
    with np.load(PICTURED, allow_pickle=False) as pictured:
        samples = zip(pictured["ids"].tolist(), pictured["truth"], pictured[final], strict=True)
        for sample, truth, prediction in samples:
            maps[sample] = _drawn(field_map(sample, final, truth, prediction, target_plane), f"field_{sample}")
    by_distance = _drawn(error_by_distance(val), "error_by_distance") if has_distances(val) else None
    pictures = Pictures(**links, error_by_distance=by_distance, field_maps=maps)
    write_text(REPORT, render_report(val, test, read_ledger(LEDGER), pictures))


def _drawn(figure: Figure, name: str) -> str:
    """Save a picture; its link from the report."""
    path = FIGURES / f"{name}.png"
    save_png(figure, path)
    return path.relative_to(REPORTS).as_posix()
