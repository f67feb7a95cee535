"""How long the ladder of trainings takes, and how much faster the default model trains than U-Nets.

    python benchmarks/ladder.py 10

trains all stages of the full scale, one after the other as the pipeline does, with every size divided by the number
given and as many epochs as params.yaml says; then an epoch of the textbook U-Net and of `forward_unet_lite` on few
samples. What the default model computes once a sample counts in the ladder, and is told apart from its steps.
"""

import json
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from machine import ROOT, peak_memory, run_part
from scaling import SLOW, VARIANTS, errors
from training_data import make_samples

from ttt.config import read_yaml

if TYPE_CHECKING:
    from torch import nn

UNET_SAMPLES = 512
ONE_EPOCH: dict[str, Any] = {"train.epochs": 1}
UNETS = {
    "plain_unet": {
        "plugins": ["emfm.plugin", "plain_unet"],
        "model": {"name": "plain_unet", "width": 32, "levels": 4},
    }
    | SLOW
    | ONE_EPOCH,
    "forward_unet_lite": VARIANTS["forward_unet_lite"].changes | ONE_EPOCH,
}


def measure(divisor: int) -> dict[str, Any]:
    """Seconds of the ladder and of its parts, samples a second, and errors on samples that no training saw."""
    sizes = stage_sizes(divisor)
    folder = Path(tempfile.mkdtemp(dir=ROOT, prefix=".benchmark-"))
    try:
        data = make_samples(folder, sizes[-1]) | {"scale": "full"}
        stages = list(train_stages(folder, sizes, data))
        unets = {
            name: train(folder, name, None, data | {"data.num_train": min(UNET_SAMPLES, sizes[-1])} | changes)
            for name, changes in UNETS.items()
        }
        seconds = sum(stage["seconds"] for stage in stages)
        last = stages[-1]
        return {
            "divisor": divisor,
            "stages": stages,
            "seconds": seconds,
            "hours_at_full_scale": seconds * divisor / 3600,
            "unets": unets,
            "samples_per_second_with_all_that_is_computed_once": last["samples"] * last["epochs"] / last["seconds"],
            "largest_process_mb": peak_memory(),
        }
    finally:
        shutil.rmtree(folder)


def stage_sizes(divisor: int) -> list[int]:
    """Training samples of each stage of the full scale, divided."""
    return [size // divisor for size in read_yaml(ROOT / "params.yaml")["stages"]["sizes"]["full"]]


def train_stages(folder: Path, sizes: list[int], changes: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The figures of each stage of the ladder on the samples in ``folder``, as soon as it has been trained."""
    for number, size in enumerate(sizes, start=1):
        yield train_stage(folder, number, size, changes)


def train_stage(folder: Path, number: int, size: int, changes: dict[str, Any]) -> dict[str, Any]:
    """One of them, from the best weights of the one before; what a stopped call left of it is removed."""
    from ttt.engine.run_folder import RunFolder

    before = RunFolder(folder / f"stage{number - 1}").best if number > 1 else None
    shutil.rmtree(folder / f"stage{number}", ignore_errors=True)
    return train(folder, f"stage{number}", before, changes | {"data.num_train": size})


def train(folder: Path, name: str, before: Path | None, changes: dict[str, Any]) -> dict[str, Any]:
    """One training, from the weights of ``before`` where there is one."""
    from emfm.core.sample_lists import open_samples
    from emfm.core.store import Store
    from ttt.engine.assemble import assemble
    from ttt.engine.checkpoint import load_model
    from ttt.engine.loop import fit
    from ttt.engine.start import NewRun
    from ttt.memo import Memo
    from ttt.settings import load_config

    config = load_config(ROOT / "params.yaml", changes)
    task = assemble(config)
    started = time.monotonic()
    outcome = fit(task, config, folder / name, NewRun(before), Memo(folder / "memo"))
    total = time.monotonic() - started
    notes = [json.loads(line) for line in (folder / name / "timing.jsonl").read_text().splitlines()]
    epochs = [note["seconds"] for note in notes if note["kind"] == "epoch"]
    model, _ = load_model(outcome.best)
    val = open_samples(Store(folder / "store"), folder / "val_ids.txt")
    return {
        "samples": len(task.train),
        "epochs": len(epochs),
        "seconds": total,
        "epochs_seconds": sum(epochs),
        "samples_per_second": len(task.train) * len(epochs) / sum(epochs),
        "errors": errors(model, val.batches(64)),
        "references": reference_errors(model),
    }


def reference_errors(model: "nn.Module") -> dict[str, dict[str, float]]:
    """The errors on each reference set of params.yaml."""
    from emfm.evaluate.reference_cases import read_reference_cases
    from emfm.settings import load_params

    params = load_params(ROOT / "params.yaml")
    scan = params.data.geometry().source
    places = params.eval.reference
    return {name: errors(model, read_reference_cases(ROOT / places[name], scan).batches(64)) for name in places}


if __name__ == "__main__":
    run_part(measure)
