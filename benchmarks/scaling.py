"""How the error falls with the number of training samples and with training time, for each model.

    python benchmarks/scaling.py [--kind aperture] [--sizes 1000 10000 100000] [--models pod_net ...] [--work FOLDER]

simulates samples of the default set (or of aperture sources), trains each model from scratch on each number of them
with the parameters of params.yaml, on scans as stored, and judges it on samples that no training saw and on the NEC2
reference cases.
Writes scaling.json, scaling.md and scaling.png (scaling_aperture. ...) in reports/benchmarks/. What is finished is kept
in the work folder: a run that was stopped goes on where it was.
"""

import argparse
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from machine import OUT, ROOT, description, pin_libraries

if TYPE_CHECKING:
    from torch import nn

SIZES = (1000, 10000, 100000)
VAL = 1000
REFERENCE = "nec"


@dataclass(frozen=True)
class Variant:
    """A model and how it is trained: what differs from params.yaml, by dotted key."""

    note: str
    changes: dict[str, Any]
    passes: int
    """Samples that may pass in training, so that no model takes hours; at least one epoch."""
    most: int = max(SIZES)


UNET = {"name": "forward_unet_lite", "width": 16, "levels": 4}
OPERATOR = {"name": "fourier_neural_operator", "width": 24, "modes": 12, "layers": 4}
PRIORLESS = {"prior": "none", "width": 1024, "depth": 3}
SLOW = {"train.batch_size": 32, "optim.lr": 0.002}
VARIANTS = {
    "linear_operator": Variant("complex matrix, closed form", {"model": {"name": "linear_operator", "ridge": None}}, 1),
    "pod_net": Variant("the default: sparse sources, then a network on modes", {}, 1_000_000),
    "pod_net_without_prior": Variant(
        "linear map, then a network on modes",
        {f"model.pod_net.{key}": value for key, value in PRIORLESS.items()}
        | {"train.batch_size": 512, "optim.lr": 0.002},
        1_200_000,
    ),
    "forward_unet_lite": Variant("plain U-Net", {"model": UNET} | SLOW, 100_000),
    "fourier_neural_operator": Variant("neuraloperator's FNO", {"model": OPERATOR} | SLOW, 10_000, 10_000),
}


def main() -> None:
    """Train what is missing, then write the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--sizes", type=int, nargs="+", default=list(SIZES), help="training samples; default: %(default)s"
    )
    parser.add_argument("--models", nargs="+", choices=list(VARIANTS), default=list(VARIANTS), metavar="MODEL")
    parser.add_argument("--kind", choices=["elements", "aperture"], default="elements", help="how scenes radiate")
    parser.add_argument("--work", type=Path, default=ROOT / "runs" / "scaling", help="samples, models, results")
    args = parser.parse_args()
    work = args.work / args.kind
    pin_libraries()
    from ttt.watch.progress import log_to_stderr

    log_to_stderr()
    simulate(work, max(args.sizes), args.kind)
    for size in sorted(args.sizes):
        for name in args.models:
            result = work / f"{name}-{size}.json"
            if size > VARIANTS[name].most or result.exists():
                continue
            variant = VARIANTS[name]
            epochs = max(1, min(50, variant.passes // size))
            found = measure(work, f"{name}-{size}", size, variant.changes | {"train.epochs": epochs})
            result.write_text(json.dumps({"model": name} | found, indent=2) + "\n")
            write_report(work, args.kind)
    write_report(work, args.kind)


def simulate(work: Path, size: int, kind: str) -> None:
    """A store of scenes that radiate as ``kind``, with room for ``size`` training samples, and its lists."""
    from emfm.acquire.pack import pack
    from emfm.acquire.simulate import SimulatedSource
    from emfm.core.store import Store
    from emfm.settings import load_params

    params = load_params(ROOT / "params.yaml")
    family = params.acquire.simulate.family_size
    rows = size + VAL + 2 * family
    folder = work / f"store-{size}"
    if not folder.exists():
        changes = {"kind": kind, "num_samples": rows, "duplicate_share": 0.0}
        chosen = params.acquire.simulate.model_copy(update=changes)
        source = SimulatedSource(params.data.geometry(), chosen, params.acquire.seed)
        unfinished = work / f"unfinished-{size}"
        pack(source, params.data.geometry(), "scaling", folder, unfinished, 4096, params.acquire.workers)
    ids = Store(folder).table["id"].tolist()
    (work / "train_ids.txt").write_text("\n".join(ids[:size]) + "\n")
    (work / "val_ids.txt").write_text("\n".join(ids[-VAL:]) + "\n")
    (work / "store.txt").write_text(folder.name + "\n")


def measure(work: Path, run: str, size: int, changes: dict[str, Any]) -> dict[str, Any]:
    """Train on ``size`` samples with ``changes`` to params.yaml and judge the best model."""
    from emfm.core.sample_lists import open_samples
    from emfm.core.store import Store
    from emfm.evaluate.reference_cases import read_reference_cases
    from ttt.engine.assemble import assemble
    from ttt.engine.checkpoint import load_model
    from ttt.engine.loop import fit
    from ttt.engine.start import NewRun
    from ttt.memo import Memo
    from ttt.settings import load_config

    store = work / (work / "store.txt").read_text().strip()
    few = work / "val_few.txt"
    few.write_text("".join((work / "val_ids.txt").read_text().splitlines(keepends=True)[:200]))
    data = {
        "data.data_root": str(store),
        "data.train_ids": str(work / "train_ids.txt"),
        "data.val_ids": str(few),
        "data.num_train": size,
        "data.norm_stats": None,
        "data.measurement": None,
        "loss.norm_max_batches": 40,
        "ckpt.every_steps": 0,
    }
    config = load_config(ROOT / "params.yaml", data | changes)
    folder = work / run
    started = time.monotonic()
    task = assemble(config)
    outcome = fit(task, config, folder, NewRun(), Memo(work / "memo"))
    seconds = time.monotonic() - started
    model, _ = load_model(outcome.best)
    val = open_samples(Store(store), work / "val_ids.txt")
    cases = read_reference_cases(ROOT / "data" / "reference" / "nec_cases.npz")
    figures = {
        "samples": size,
        "epochs": config.train.epochs,
        "best_epoch": outcome.best_epoch,
        "seconds": round(seconds, 1),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "val": errors(model, val.batches(64)),
        REFERENCE: errors(model, cases.batches(64)),
    }
    for leftover in folder.glob("*.pth"):
        leftover.unlink()
    return figures


def errors(model: "nn.Module", batches: Any) -> dict[str, float]:
    """Medians of the relative L2 errors, and the 95th percentiles."""
    import numpy as np
    import torch

    from emfm.core.field_errors import FieldErrors

    collected = FieldErrors()
    with torch.inference_mode():
        for source_h, target in batches:
            collected.update(model(torch.from_numpy(np.asarray(source_h, np.float32))), target)
    figures = collected.compute()
    return {key: figures[key] for key in ("rel_l2_e", "rel_l2_h", "rel_l2_e_p95", "rel_l2_h_p95")}


def write_report(work: Path, kind: str) -> None:
    """All results so far as JSON, table and picture."""
    found = [json.loads(path.read_text()) for path in sorted(work.glob("*-*.json"))]
    order = list(VARIANTS)
    found = sorted(found, key=lambda one: (order.index(one["model"]), one["samples"]))
    OUT.mkdir(parents=True, exist_ok=True)
    name = "scaling" if kind == "elements" else f"scaling_{kind}"
    (OUT / f"{name}.json").write_text(json.dumps(found, indent=2) + "\n")
    rows = [
        f"| {one['model']} | {one['samples']:,} | {one['epochs']} | {one['seconds']:.0f} "
        f"| {one['val']['rel_l2_e']:.4f} / {one['val']['rel_l2_h']:.4f} "
        f"| {one['val']['rel_l2_e_p95']:.3f} / {one['val']['rel_l2_h_p95']:.3f} "
        f"| {one[REFERENCE]['rel_l2_e']:.4f} / {one[REFERENCE]['rel_l2_h']:.4f} |"
        for one in found
    ]
    lines = [
        "# Error against training samples and training time",
        "",
        f"`python benchmarks/scaling.py --kind {kind}`: {description()}.",
        f"Simulated {kind} without repeats, else the default set; errors on {VAL:,} samples that no training saw and "
        "on the 12 NEC2 reference cases: medians of the relative L2 error of E / of H, and 95th percentiles. "
        "Seconds from opening the samples to the best model, what is computed once a sample included; other work may "
        "have been running.",
        "",
        *(f"- `{name}`: {variant.note}" for name, variant in VARIANTS.items()),
        "",
        "| model | samples | epochs | seconds | unseen samples | 95th percentile | NEC2 cases |",
        "|---|---|---|---|---|---|---|",
        *rows,
        "",
        f"![error against samples and time]({name}.png)",
        "",
    ]
    (OUT / f"{name}.md").write_text("\n".join(lines))
    draw(found, OUT / f"{name}.png")


def draw(found: list[dict[str, Any]], path: Path) -> None:
    """Two panels: the worse of E's and H's error against samples, and against seconds."""
    from matplotlib.figure import Figure

    from emfm.plot.curves import number_log
    from emfm.plot.style import in_report_style, save_png, stage_colours

    @in_report_style
    def picture() -> Figure:
        figure = Figure(figsize=(9.4, 4.2), layout="constrained")
        panels = figure.subplots(1, 2, sharey=True)
        for name, colour in zip(VARIANTS, stage_colours(len(VARIANTS)), strict=True):
            ours = [one for one in found if one["model"] == name]
            if not ours:
                continue
            worse = [max(one["val"]["rel_l2_e"], one["val"]["rel_l2_h"]) for one in ours]
            for axes, key in zip(panels, ("samples", "seconds"), strict=True):
                axes.loglog([one[key] for one in ours], worse, "o-", color=colour, label=name)
        for axes in panels:
            number_log(axes.xaxis)
        number_log(panels[0].yaxis)
        panels[0].set(xlabel="training samples", ylabel="relative L2 error, median, the worse of E and H")
        panels[1].set(xlabel="training time [s]")
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
        return figure

    save_png(picture(), path)


if __name__ == "__main__":
    sys.exit(main())
