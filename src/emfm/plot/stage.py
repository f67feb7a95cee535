"""Stage ``plot``: pictures, tables and a page of the results, in ``reports/``."""

import pandas as pd
from matplotlib.figure import Figure

from emfm.plot.channel_bars import channel_errors
from emfm.plot.curves import loss_curves, scaling_curve
from emfm.plot.distance import error_by_distance, has_distances
from emfm.plot.field_maps import field_map
from emfm.plot.markdown import Pictures, render_report
from emfm.plot.page_data import drawn, overview
from emfm.plot.page_html import render_page
from emfm.plot.style import save_png
from emfm.results.ledger import read_ledger
from emfm.results.pictured import read_pictured
from emfm.results.schema import read_milestone_results, read_val_results
from emfm.settings import Params
from emfm.workflow.paths import FIGURES, LEDGER, PAGE, PICTURED, REPORT, REPORTS, TEST_RESULTS, VAL_RESULTS, curve
from ttt.files import write_text


def run(params: Params) -> None:
    """Draw ``reports/figures/*.png``; write ``reports/report.md`` and ``reports/index.html``."""
    geometry = params.data.geometry()
    val = read_val_results(VAL_RESULTS)
    test = read_milestone_results(TEST_RESULTS)
    curves = {stage: pd.read_csv(curve(number)) for number, stage in enumerate(val.models, start=1)}
    links = {
        name: _drawn(figure, name)
        for name, figure in (
            ("loss_curves", loss_curves(curves)),
            ("scaling_curve", scaling_curve(val)),
            ("channel_errors", channel_errors(val)),
        )
    }

    fields = read_pictured(PICTURED, list(val.models) + list(val.baselines), params.eval.num_pictures)
    final = list(val.models)[-1]
    maps = {
        title: _drawn(field_map(title, final, scan, truth, prediction, geometry), name)
        for name, title, scan, truth, prediction in zip(
            fields.ids, fields.titles, fields.source_h, fields.truth, fields.predictions[final], strict=True
        )
    }
    by_distance = _drawn(error_by_distance(val), "error_by_distance") if has_distances(val) else None
    cases = {title: link for title, link in maps.items() if title.partition(",")[0] in val.references}
    samples = {title: link for title, link in maps.items() if title not in cases}
    pictures = Pictures(**links, error_by_distance=by_distance, field_maps=samples, case_maps=cases)
    looks = read_ledger(LEDGER)
    write_text(REPORT, render_report(val, test, looks, pictures))
    write_text(PAGE, render_page(overview(val, test, looks, geometry), drawn(val, curves, fields, geometry.target)))


def _drawn(figure: Figure, name: str) -> str:
    """Save a picture; its link from the report."""
    path = FIGURES / f"{name}.png"
    save_png(figure, path)
    return path.relative_to(REPORTS).as_posix()
