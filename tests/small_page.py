"""Fields and results on a small plane, and the report page of them."""

import numpy as np
import pandas as pd

from emfm.plot.page_data import drawn, overview
from emfm.plot.page_html import render_page
from emfm.results.pictured import PicturedFields
from small_results import looks, val_results
from small_store import GEOMETRY

PLANE = GEOMETRY.target
CURVE = pd.DataFrame({"epoch": [0, 1, 2], "train_loss": [np.nan, 0.5, 0.3], "val_loss": [0.9, np.nan, 0.4]})
RELATIVE_ERRORS = {
    "stage1": 0.5,
    "stage2": 0.1,
    "stage3": 1e-5,
    "mean_field": 3.0,
    "equivalent_dipoles": 0.02,
}


def small_fields(ids=("s0", "s1"), names=RELATIVE_ERRORS):
    """Random fields of E some 400 times H, and predictions with random errors of known size."""
    rng = np.random.default_rng(0)
    strength = np.repeat([370.0, 1.0], 6).reshape(12, 1, 1)
    shape = (len(ids), 12, *PLANE.shape)
    truth = (strength * rng.standard_normal(shape)).astype(np.float32)
    sizes = dict(zip(names, RELATIVE_ERRORS.values(), strict=True))
    predictions = {
        name: (truth + size * strength * rng.standard_normal(shape)).astype(np.float32) for name, size in sizes.items()
    }
    scans = rng.standard_normal((len(ids), 4, *GEOMETRY.source.shape)).astype(np.float32)
    return PicturedFields(list(ids), list(ids), scans, truth, predictions)


def small_page(fields, test, val=None):
    """The page of ``fields``, of the results ``val`` on val_fixed and ``test`` on test_final."""
    val = val_results() if val is None else val
    curves = dict.fromkeys(val.models, CURVE)
    return render_page(overview(val, test, looks(2), GEOMETRY), drawn(val, curves, fields, PLANE))
