"""The section acquire.simulate with the values of params.yaml, and any of them changed."""

from emfm.acquire.params import SimulateParams


def scene_params(**changes: object) -> SimulateParams:
    """Parameters of 1000 scenes."""
    values = {
        "kind": "elements",
        "mix": {"boards": 0.0, "elements": 1.0, "traces": 0.0, "loops": 0.0, "patches": 0.0},
        "num_samples": 1000,
        "kinds_samples": 40,
        "max_elements": 6,
        "half_width_mm": 5.0,
        "depth_mm": 1.5,
        "segment_mm": 0.5,
        "electric_moment": 1e-3,
        "magnetic_moment_ratio": 0.3,
        "family_size": 4,
        "position_jitter_mm": 0.1,
        "moment_jitter": 0.1,
        "duplicate_share": 0.01,
        "scenes": {
            "boards": {
                "smallest_mm": 7.0,
                "largest_mm": 14.0,
                "off_centre_mm": 3.0,
                "lowest_mm": 0.4,
                "highest_mm": 1.6,
                "permittivity": [1.0, 4.5],
                "cell_mm": 1.0,
                "samples_a_board": 32,
                "max_nets": 4,
                "beyond_share": 0.6,
                "loose_share": 0.3,
                "cable_share": 0.15,
                "cable_mm": [10.0, 20.0],
                "slot_share": 0.1,
                "no_plate_share": 0.05,
            },
            "traces": {"max_traces": 3, "max_legs": 4, "effective_permittivity": 3.0},
            "loops": {"max_loops": 3, "smallest_mm": 0.5, "largest_mm": 2.0},
            "patches": {"smallest_mm": 2.0, "largest_mm": 6.0, "lowest_mm": 0.3, "highest_mm": 1.0},
        },
    }
    return SimulateParams(**(values | changes))
