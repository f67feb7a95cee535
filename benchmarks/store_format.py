"""What number formats of the targets cost: size and error.

    python benchmarks/store_format.py 200

compares formats on so many simulated samples of either source kind; the error is relative L2, of E and of H.
"""

from collections.abc import Callable
from typing import Any

from machine import ROOT, run_part


def measure(samples: int) -> dict[str, Any]:
    """Bytes a sample, and the median and the largest error, by format."""
    import numpy as np

    from emfm.acquire.simulate import SimulatedSource
    from emfm.core.block_floats import decode, encode
    from emfm.core.channels import E_CHANNELS, H_CHANNELS
    from emfm.settings import load_params

    params = load_params(ROOT / "params.yaml")
    geometry = params.data.geometry()

    def half_floats(target: Any) -> tuple[Any, int]:
        scale = np.abs(target).max()
        return (target / scale).astype(np.float16).astype(np.float64) * scale, 2 * target.size + 4

    def integers_of_channels(target: Any) -> tuple[Any, int]:
        step = np.abs(target).max(axis=(1, 2), keepdims=True) / np.iinfo(np.int16).max
        return np.rint(target / step) * step, 2 * target.size + 4 * len(target)

    def block_floats(target: Any) -> tuple[Any, int]:
        mantissas, exponents = encode(target)
        return decode(mantissas, exponents), mantissas.nbytes + exponents.nbytes

    formats: dict[str, Callable[[Any], tuple[Any, int]]] = {
        "float32": lambda target: (target, target.nbytes),
        "float16, a scale per sample": half_floats,
        "int16, a scale per channel": integers_of_channels,
        "int16, an exponent per row (the store's)": block_floats,
    }
    errors: dict[str, list[list[float]]] = {name: [] for name in formats}
    sizes = {}
    for kind in ("elements", "aperture"):
        simulate = params.acquire.simulate.model_copy(update={"kind": kind, "num_samples": samples})
        source = SimulatedSource(geometry, simulate, params.acquire.seed)
        for row in range(samples):
            target = source.sample(row).target
            for name, stored in formats.items():
                found, sizes[name] = stored(target)
                difference = found.astype(np.float64) - target
                errors[name].append(
                    [
                        float(np.linalg.norm(difference[part]) / np.linalg.norm(target[part]))
                        for part in (E_CHANNELS, H_CHANNELS)
                    ]
                )
    return {
        name: {"bytes": sizes[name], "median": float(np.median(found)), "largest": float(np.max(found))}
        for name, found in errors.items()
    }


if __name__ == "__main__":
    run_part(measure)
