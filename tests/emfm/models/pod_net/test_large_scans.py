"""A scan of many points needs no more memory than a small machine has."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[3]
MOST = 4.0
"""GB."""

PROGRAM = """
import resource
import torch
from emfm.compute_norm_stats.moments import compute_norm_stats
from emfm.models.pod_net.network import PodNet, PodNetParams
from emfm.model.spec import FieldSpec
from small_fields import simulated, small_geometry
from ttt.memo import Memo

PLANES = {
    "frequency_hz": 5e9,
    "source_plane": {"z_mm": 1.0, "x_mm": [-10.0, 10.0], "y_mm": [-10.0, 10.0], "pitch_mm": 0.5},
    "target_plane": {"z_mm": 5.0, "x_mm": [-25.0, 25.0], "y_mm": [-25.0, 25.0], "pitch_mm": 1.0},
}
SOURCES = {"depth_mm": [1.0, 2.5], "margin_mm": 0.4, "cell_mm": 0.78, "layers": 3, "rank": 160, "iterations": 8}
train = simulated("elements", 60, small_geometry(**PLANES))
norm = compute_norm_stats([(train.x.numpy(), train.y.numpy())], True, 1e-6)
DIPOLES = {"depths": [1.5, 2.0], "margins": [1.0], "tikhonov": [3e-6, 3e-5, 3e-4, 3e-3]}
params = PodNetParams(
    name="pod_net", modes=160, prior="sparse_sources", sources=SOURCES, dipoles=DIPOLES, width=512, depth=2
)
model = PodNet(params, FieldSpec(**PLANES, norm=norm))
model.prepare(train, Memo())
batch = model.encoded(train, Memo(), with_targets=True).__getitems__(list(range(60)))
torch.stack(model.squared_errors(torch.ones(12), True)(batch)).sum().backward()
with torch.inference_mode():
    errors = model.relative_errors(type(batch)(train.x, train.y))
print(float(errors.median()), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6)
"""


@pytest.mark.slow
def test_a_scan_of_41_by_41_points_trains_and_predicts_in_the_memory_of_a_small_machine():
    environment = os.environ | {"PYTHONPATH": str(TESTS)}
    command = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    error, memory = map(float, done.stdout.split())
    assert error < 0.1
    assert memory < MOST
