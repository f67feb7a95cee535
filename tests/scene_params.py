"""The section acquire.simulate with the values of params.yaml, and any of them changed."""

from emfm.params.acquire import SimulateParams


def scene_params(**changes: object) -> SimulateParams:
    """Parameters of 1000 scenes."""
    values = {
        "kind": "elements",
        "num_samples": 1000,
        "max_elements": 6,
        "half_width_mm": 5.0,
        "depth_mm": 1.5,
        "electric_moment": 1e-3,
        "magnetic_moment_ratio": 0.3,
        "family_size": 4,
        "position_jitter_mm": 0.1,
        "moment_jitter": 0.1,
        "duplicate_share": 0.01,
    }
    return SimulateParams(**(values | changes))
