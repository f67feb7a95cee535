"""What a finer search for sources costs and gains.

    python benchmarks/search.py [--samples 400]

searches scans of new scenes, clean and with noise, by more and by fewer patterns and steps than params.yaml has, and
compares the fields of the sources that it finds with the true ones: the default model before it has learned anything.
Writes search.md in reports/benchmarks/. It takes some minutes; let the machine do nothing else meanwhile.
"""

import argparse
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from machine import OUT, ROOT, description, pin_libraries, seconds

from ttt.config import read_yaml
from ttt.files import write_text

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from emfm.acquire.simulate import SimulatedSource
    from emfm.core.grid import Geometry
    from emfm.model.search.modes import FieldModes
    from emfm.model.search.params import SourceRegionParams
    from emfm.model.search.sparse_sources import SparseSources

RANKS = (80, 120, 160, 200, 242)
ITERATIONS = (4, 6, 12)
"""Beside those of params.yaml, at the rank of params.yaml."""
NOISE_DB = {"clean scans": None, "noise 40 dB below": 40.0, "20 dB below": 20.0}
"""Kinds of scans, and how far the noise in them lies below each scan's mean power."""
SCANS_AT_ONCE = 32
REPEATS = 2
SEED = 1_000_000
"""Of the scenes: none of the pipeline's."""


@dataclass(frozen=True)
class Scans:
    """Scans of one kind, with the fields that belong to them."""

    rows: "torch.Tensor"
    """Scans of size one, complex ``(n, 2 * ny * nx)``."""
    scale: "torch.Tensor"
    """What they were divided by, ``(n, 1, 1, 1)``."""
    targets: "NDArray[np.float32]"


def main() -> None:
    """Measure and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=400, help="scenes that are searched; default: %(default)s")
    args = parser.parse_args()
    pin_libraries()
    page = measure(args.samples)
    write_text(OUT / "search.md", page)
    sys.stdout.write(page)


def measure(samples: int) -> str:
    """The table; libraries must be pinned before."""
    from emfm.acquire.simulate import SimulatedSource
    from emfm.model.search.modes import SNAPSHOTS_PER_MODE, FieldModes
    from emfm.model.search.params import SourceRegionParams
    from emfm.model.search.snapshots import physical_snapshots
    from emfm.settings import load_params

    file = ROOT / "params.yaml"
    params, model = load_params(file), read_yaml(file)["model"]["pod_net"]
    geometry = params.data.geometry()
    changes = {"num_samples": samples, "family_size": 1, "duplicate_share": 0.0}
    source = SimulatedSource(geometry, params.acquire.simulate.model_copy(update=changes), SEED)
    kinds = scans_of_each_kind(source)
    default = SourceRegionParams(**model["sources"])
    modes = FieldModes(model["modes"], geometry)
    modes.find([physical_snapshots(geometry, default, SNAPSHOTS_PER_MODE * modes.count)])
    settings = [{"rank": rank} for rank in sorted({*RANKS, default.rank})]
    settings += [{"iterations": steps} for steps in ITERATIONS]
    rows = [line(kinds, geometry, modes, default.model_copy(update=setting)) for setting in settings]
    return "\n".join(
        [
            "# A finer search for sources",
            "",
            f"`python benchmarks/search.py`: {description()}. {samples:,} new scenes of the default set; relative L2",
            "errors of E / of H, medians, and 95th percentiles in brackets, of the sources' field alone. The defaults",
            f"are `rank: {default.rank}`, `iterations: {default.iterations}`.",
            "",
            f"| rank | iterations | scans/s | {' | '.join(NOISE_DB)} |",
            "|---|---|---|" + "---|" * len(NOISE_DB),
            *rows,
            "",
        ]
    )


def scans_of_each_kind(source: "SimulatedSource") -> list[Scans]:
    """The scans of all scenes of ``source``, in the order of `NOISE_DB`."""
    import numpy as np
    import torch

    from emfm.core.noise import with_noise
    from emfm.core.norm_stats import source_scale
    from emfm.model.complex_rows import complex_rows

    samples = [source.sample(row) for row in range(len(source))]
    ids = [sample.id for sample in samples]
    clean, targets = (np.stack(found) for found in zip(*((s.source_h, s.target) for s in samples), strict=True))
    kinds = []
    for snr_db in NOISE_DB.values():
        scans = clean if snr_db is None else with_noise(clean, ids, snr_db)
        scale = torch.from_numpy(source_scale(scans)).float()[:, None, None, None]
        kinds.append(Scans(complex_rows(torch.from_numpy(scans) / scale), scale, targets))
    return kinds


def line(kinds: list[Scans], geometry: "Geometry", modes: "FieldModes", region: "SourceRegionParams") -> str:
    """The line of one setting."""
    from emfm.model.search.sparse_sources import SparseSources

    sources = SparseSources(region, geometry, modes.count)
    sources.find(modes)
    found = [searched(scans, modes, sources) for scans in kinds]
    cells = [
        f"{figures['rel_l2_e']:.4f} / {figures['rel_l2_h']:.4f} "
        f"({figures['rel_l2_e_p95']:.3f} / {figures['rel_l2_h_p95']:.3f})"
        for figures in found
    ]
    rate = max(figures["scans_per_second"] for figures in found)
    return f"| {region.rank} | {region.iterations} | {rate:.0f} | {' | '.join(cells)} |"


def searched(scans: Scans, modes: "FieldModes", sources: "SparseSources") -> dict[str, float]:
    """Scans a second, and errors of the fields of the sources that are found."""
    import torch

    from emfm.core.field_errors import FieldErrors
    from ttt.engine.side_by_side import side_by_side

    parts = torch.split(scans.rows, SCANS_AT_ONCE)
    errors = FieldErrors()
    with torch.no_grad():
        taken = seconds(lambda: side_by_side(sources, parts), REPEATS)
        coefficients = torch.cat([found for found, _ in side_by_side(sources, parts)])
        errors.update(modes.expand(coefficients) * scans.scale, torch.from_numpy(scans.targets))
    return errors.compute() | {"scans_per_second": len(scans.rows) / taken}


if __name__ == "__main__":
    main()
