"""How fast samples are simulated into the packed store, and how much memory that takes.

    python benchmarks/simulate.py 8000

packs so many of the scenes of params.yaml with two processes. For comparison it computes loose elements in one
process without packing them, and the same fields by the textbook's formula, written down in numpy for all elements and
points at once. `scene_kinds.py` measures each kind of scene.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from machine import ROOT, peak_memory, run_part

if TYPE_CHECKING:
    from emfm.acquire.simulate import SimulatedSource

WORKERS = 2
COMPARED = 300
REPEATS = 3


def measure(samples: int) -> dict[str, Any]:
    """Samples a second from nothing to a complete store, and loose elements computed alone; the largest process, MB."""
    from emfm.acquire.pack import pack
    from emfm.acquire.simulate import SimulatedSource
    from emfm.settings import load_params

    params = load_params(ROOT / "params.yaml")
    geometry = params.data.geometry()
    simulate = params.acquire.simulate.model_copy(update={"num_samples": samples})
    source = SimulatedSource(geometry, simulate, params.acquire.seed)
    with tempfile.TemporaryDirectory(dir=ROOT, prefix=".benchmark-") as folder:
        started = time.perf_counter()
        pack(source, geometry, "benchmark", Path(folder) / "store", Path(folder) / "work", 500, WORKERS)
        packed = time.perf_counter() - started
    loose = SimulatedSource(geometry, simulate.model_copy(update={"mix": {"elements": 1.0}}), params.acquire.seed)
    compare(loose)
    ours, textbook = 0.0, 0.0
    for _ in range(REPEATS):
        ours = max(ours, rate(loose.sample))
        textbook = max(textbook, rate(lambda row: textbook_sample(loose, row)))
    return {
        "samples": samples,
        "samples_per_second": samples / packed,
        "samples_per_second_of_one_process_that_only_computes": ours,
        "samples_per_second_of_the_textbook_formula": textbook,
        "largest_process_mb": peak_memory(),
    }


def rate(compute: Callable[[int], object]) -> float:
    """Rows a second."""
    started = time.perf_counter()
    for row in range(COMPARED):
        compute(row)
    return COMPARED / (time.perf_counter() - started)


def compare(source: "SimulatedSource") -> None:
    """Stop where the textbook's formula gives other fields."""
    import numpy as np

    from emfm.core.channels import to_channels

    for row in range(10):
        sample, fields = source.sample(row), textbook_sample(source, row)
        for ours, theirs in zip((sample.source_h, sample.target), map(to_channels, fields), strict=True):
            assert np.linalg.norm(ours - theirs) < 1e-6 * np.linalg.norm(theirs), row


def textbook_sample(source: "SimulatedSource", row: int) -> tuple[Any, Any]:
    """Source H and target of a row, complex, by the formula as `emfm.core.elements` gives it."""
    import numpy as np

    from emfm.acquire.scenes import Scene
    from emfm.core.channels import SOURCE_COMPONENTS, TARGET_COMPONENTS
    from emfm.core.constants import EPSILON_0, MU_0, SPEED_OF_LIGHT

    scene, geometry = source.scene(row), source.geometry
    assert isinstance(scene, Scene)
    omega = 2 * np.pi * geometry.frequency
    k = omega / SPEED_OF_LIGHT
    planes = []
    for grid in (geometry.source, geometry.target):
        offsets = grid.points()[None] - scene.positions[:, None]
        distance = np.linalg.norm(offsets, axis=2, keepdims=True)
        g, unit, moment = (
            np.exp(-1j * k * distance) / (4 * np.pi * distance),
            offsets / distance,
            scene.moments[:, None],
        )
        kr = k * distance
        along = np.sum(unit * moment, axis=2, keepdims=True) * unit
        own = -1j * omega * g * ((1 - 1j / kr - 1 / kr**2) * moment - (1 - 3j / kr - 3 / kr**2) * along)
        other = g * (1 / distance + 1j * k) * np.cross(moment, unit)
        of_electric, of_magnetic = ~scene.magnetic[:, None, None], scene.magnetic[:, None, None]
        e_field = np.sum(of_electric * MU_0 * own - of_magnetic * other, axis=0)
        h_field = np.sum(of_electric * other + of_magnetic * EPSILON_0 * own, axis=0)
        planes.append(np.concatenate([e_field.T, h_field.T]).reshape(-1, *grid.shape))
    scan, target = planes
    return scan[[TARGET_COMPONENTS.index(component) for component in SOURCE_COMPONENTS]], target


if __name__ == "__main__":
    run_part(measure)
