"""The figures as a metric of a training."""

import numpy as np
import torch

from emfm.core.field_errors import FieldErrors
from ttt.engine.task import Batch
from ttt.parts import build_metrics, load_parts


def test_it_gives_the_figures_of_the_evaluation_without_their_prefix():
    load_parts(["emfm.plugin"])
    (metric,) = build_metrics(["field_errors"], None)
    rng = np.random.default_rng(0)
    prediction, truth = rng.normal(size=(2, 6, 12, 3, 4))
    for rows in (slice(0, 4), slice(4, 6)):
        y = torch.from_numpy(truth[rows])
        metric.update(torch.from_numpy(prediction[rows]), Batch(y[:, :4], y))
    errors = FieldErrors()
    errors.update(prediction, truth)
    expected = errors.compute()
    expected["mse"] = expected.pop("val_mse")
    assert metric.compute() == expected
