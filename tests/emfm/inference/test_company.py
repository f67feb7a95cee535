"""A prediction does not depend on the scans beside it, at the planes and sizes of params.yaml."""

from pathlib import Path

PARAMS = Path(__file__).parents[3] / "params.yaml"
TRAIN, VAL = 300, 70
SIZES = {
    "pod_net": {},
    "linear_operator": {"ridge": None},
    "forward_unet_lite": {"width": 32, "levels": 3},
    "fourier_neural_operator": {"width": 32, "modes": 16, "layers": 4},
}
FIELD, TRUST = 1e-5, 1e-3
"""Relative differences that are allowed of the field (L2) and of the expected errors."""
