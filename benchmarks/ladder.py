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
from pathlib import Path
from typing import Any

from machine import ROOT, peak_memory, run_part
from scaling import SLOW, VARIANTS, errors
from training_data import make_samples

UNET_SAMPLES = 512
UNETS = {
    "plain_unet": {
        "plugins": ["emfm.plugin", "plain_unet"],
        "model": {"name": "plain_unet", "width": 32, "levels": 4},
    }
    | SLOW,
    "forward_unet_lite": VARIANTS["forward_unet_lite"].changes,
}


def measure(divisor: int) -> dict[str, Any]:
    """Seconds of the ladder and of its parts, samples a second, and errors on samples that no training saw."""
    from emfm.core.sample_lists import open_samples
    from emfm.core.store import Store
    from ttt.config import read_yaml
    from ttt.engine.assemble import assemble
    from ttt.engine.checkpoint import load_model
    from ttt.engine.loop import fit
    from ttt.engine.run_folder import RunFolder
    from ttt.engine.start import NewRun
    from ttt.memo import Memo
    from ttt.settings import load_config

    raw = read_yaml(ROOT / "params.yaml")
    sizes = [size // divisor for size in raw["stages"]["sizes"]["full"]]
    folder = Path(tempfile.mkdtemp(dir=ROOT, prefix=".benchmark-"))
    try:
        data = make_samples(folder, sizes[-1]) | {"scale": "full"}
        val = open_samples(Store(folder / "store"), folder / "val_ids.txt")

        def train(name: str, size: int, before: Path | None, changes: dict[str, Any]) -> dict[str, Any]:
            config = load_config(ROOT / "params.yaml", data | {"data.num_train": size} | changes)
            started = time.monotonic()
            outcome = fit(assemble(config), config, folder / name, NewRun(before), Memo(folder / "memo"))
            total = time.monotonic() - started
            notes = [json.loads(line) for line in (folder / name / "timing.jsonl").read_text().splitlines()]
            steps = sum(note["seconds"] for note in notes if note["kind"] == "epoch")
            model, _ = load_model(outcome.best)
            return {
                "samples": size,
                "epochs": config.train.epochs,
                "seconds": total,
                "epochs_seconds": steps,
                "samples_per_second": size * config.train.epochs / steps,
                "errors": errors(model, val.batches(64)),
            }

        stages: list[dict[str, Any]] = []
        for number, size in enumerate(sizes, start=1):
            before = RunFolder(folder / f"stage{number - 1}").best if number > 1 else None
            stages.append(train(f"stage{number}", size, before, {}))
        unets = {
            name: train(name, min(UNET_SAMPLES, sizes[-1]), None, changes | {"train.epochs": 1})
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


if __name__ == "__main__":
    run_part(measure)
