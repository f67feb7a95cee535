"""What the same bits cost: `compute.instruction_set` native, avx2 and portable beside each other.

    python benchmarks/instruction_sets.py [--samples 512]

measures, in a process of its own for each: scenes of params.yaml simulated by one process, scans searched for sources,
and steps of training of the default model and of `forward_unet_lite`. Writes reports/benchmarks/instruction_sets.md.
It takes some minutes; let the machine do nothing else meanwhile.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from ladder import train
from machine import OUT, ROOT, description, seconds
from scaling import UNET
from training_data import make_samples

from ttt.config import read_yaml
from ttt.files import write_text
from ttt.pinning import ComputeParams, pin

SETS = ("avx2", "portable", "native")
"""The default first: all others are told as multiples of it."""
SAMPLES = 512
SIMULATED, SEARCHED = 0.1, 0.25
"""Scenes and scans, as shares of the samples."""
REPEATS = 2
TRAINED = {
    "steps of pod_net": (1.0, {"train.epochs": 4}),
    "steps of forward_unet_lite": (0.5, {"model": UNET, "train.batch_size": 64, "train.epochs": 2}),
}
"""Training samples, as a share of the samples, and changes of params.yaml."""


def main() -> None:
    """Measure each in a process of its own and write the table; with the name of one, print its figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=SAMPLES, help="that are simulated; default: %(default)s")
    parser.add_argument("name", nargs="?", choices=SETS, help="measure one alone and print its figures as JSON")
    args = parser.parse_args()
    if args.name is not None:
        sys.stdout.write(json.dumps(measure(args.name, args.samples)) + "\n")
        return
    figures = {}
    for name in SETS:
        command = [sys.executable, __file__, name, "--samples", str(args.samples)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        figures[name] = json.loads(done.stdout.splitlines()[-1])
    page = as_markdown(figures)
    write_text(OUT / "instruction_sets.md", page)
    sys.stdout.write(page)


def measure(instruction_set: str, samples: int) -> dict[str, float]:
    """Samples a second of each kind of work."""
    compute = read_yaml(ROOT / "params.yaml")["compute"] | {"instruction_set": instruction_set}
    pin(ComputeParams(**compute))
    folder = Path(tempfile.mkdtemp(dir=ROOT, prefix=".benchmark-"))
    try:
        rates = {"scenes simulated, one process": simulated_per_second(round(SIMULATED * samples))}
        changes: dict[str, Any] = make_samples(folder, samples)
        for name, (share, own) in TRAINED.items():
            trained = train(folder, name, None, changes | own | {"data.num_train": round(share * samples)})
            rates[name] = trained["samples_per_second"]
        return rates | {"scans searched": searched_per_second(folder, round(SEARCHED * samples))}
    finally:
        shutil.rmtree(folder)


def simulated_per_second(scenes: int) -> float:
    """Scenes of params.yaml that one process computes a second, with the plates that they need solved once."""
    from emfm.acquire.simulate import SimulatedSource
    from emfm.settings import load_params

    params = load_params(ROOT / "params.yaml")
    source = SimulatedSource(params.data.geometry(), params.acquire.simulate, params.acquire.seed)

    def simulate() -> None:
        for row in range(scenes):
            source.sample(row)

    return scenes / seconds(simulate, REPEATS)


def searched_per_second(folder: Path, count: int) -> float:
    """Scans a second of the search in the default model that was trained in ``folder``."""
    import torch

    from emfm.core.sample_lists import open_samples
    from emfm.core.store import Store
    from emfm.models.pod_net.network import PodNet
    from ttt.engine.checkpoint import load_model
    from ttt.engine.run_folder import RunFolder

    model, _ = load_model(RunFolder(folder / next(iter(TRAINED))).best)
    assert isinstance(model, PodNet)
    batches = open_samples(Store(folder / "store"), folder / "train_ids.txt").batches(count)
    scans = torch.from_numpy(next(batches)[0])

    def search() -> None:
        with torch.no_grad():
            model.encode(scans).sum().item()

    return count / seconds(search, REPEATS)


def as_markdown(figures: dict[str, dict[str, float]]) -> str:
    """The report."""
    first = figures[SETS[0]]
    lines = [
        "# What the same bits cost",
        "",
        f"`python benchmarks/instruction_sets.py`: {description()}. Samples a second, and as multiples of {SETS[0]}.",
        "",
        "| work | " + " | ".join(SETS) + " |",
        "|---" * (1 + len(SETS)) + "|",
    ]
    for work, rate in first.items():
        cells = [f"{of[work]:,.0f} ({of[work] / rate:.2f})" for of in figures.values()]
        lines.append("| " + " | ".join([work, *cells]) + " |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
