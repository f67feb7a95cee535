"""A prediction does not depend on the scans beside it: every model, at the planes and the size of params.yaml."""

from functools import cache
from pathlib import Path

import pytest
import torch

from emfm.compute_norm_stats.moments import compute_norm_stats
from emfm.model.spec import FieldSpec
from emfm.settings import load_params
from small_fields import relative_errors, simulated
from ttt.engine.optional_protocols import Prepared
from ttt.memo import Memo
from ttt.parts import MODELS
from ttt.settings import load_config

PARAMS = Path(__file__).parents[3] / "params.yaml"
TRAIN, VAL, TOGETHER = 300, 70, 300
COMPANIES = ((1, 8), (5, 20), (64, VAL))
"""Scans in one call, and how many of the scans are predicted so."""
CHANGES = {
    "pod_net": {},
    "linear_operator": {"model": {"name": "linear_operator", "ridge": None}},
    "forward_unet_lite": {"model": {"name": "forward_unet_lite", "width": 16, "levels": 4}},
    "fourier_neural_operator": {"model": {"name": "fourier_neural_operator", "width": 24, "modes": 12, "layers": 4}},
}


@cache
def samples():
    """Training samples, others, and the facts of the former."""
    data = load_params(PARAMS).data
    train, val = (simulated("elements", count, data.geometry(), seed) for count, seed in ((TRAIN, 0), (VAL, 1)))
    norm = compute_norm_stats([(train.x.numpy(), train.y.numpy())], True, 1e-6)
    planes = {name: getattr(data, name) for name in ("frequency_hz", "source_plane", "target_plane")}
    return train, val, FieldSpec(**planes, norm=norm)


@pytest.mark.slow
@pytest.mark.parametrize("name", CHANGES)
def test_a_scan_gets_the_same_field_and_trust_in_any_company(name):
    if name == "fourier_neural_operator":
        pytest.importorskip("neuralop")
    train, val, spec = samples()
    torch.manual_seed(0)
    model = MODELS.build(load_config(PARAMS, CHANGES[name]).model, spec=spec)
    if isinstance(model, Prepared):
        model.prepare(train, Memo())
    model.calibrate(train, val, 64)
    model.eval()
    crowd = val.x.repeat(-(-TOGETHER // VAL), 1, 1, 1)[:TOGETHER]
    with torch.inference_mode():
        field, *said = (part[:VAL] for part in model.predict_with_trust(crowd))
        for size, count in COMPANIES:
            calls = torch.split(val.x[:count], size)
            found = [torch.cat(parts) for parts in zip(*map(model.predict_with_trust, calls), strict=True)]
            assert relative_errors(found[0], field[:count]).max() < 1e-5
            for numbers, in_crowd in zip(found[1:], said, strict=True):
                torch.testing.assert_close(numbers, in_crowd[:count], rtol=1e-3, atol=0, equal_nan=True)
