"""What a GPU makes of training: each way of feeding and computing, one on top of the other.

    python benchmarks/gpu.py [--device cuda] [--seconds 8] [--samples 10000] [--models pod_net ...] [--ladder 10]
                             [--stages 5] [--workers N] [--work FOLDER] [--out FOLDER]

First scans a second that are searched for elements (`emfm.sources.search`). Then come the stages of the full scale with
params.yaml's model, every size divided by ``--ladder``: 10 by default, 1 for the full scale, 0 for none; with
``--stages`` so many of them. Then each model is trained with its samples fed by the host, then with them in the
device's memory, then in bfloat16, with torch.compile, and with CUDA graphs. Each way trains as many epochs as fit into
the seconds given, without what is computed once and compiled, and is judged on samples that no training saw. Beside
that: the share of the fastest matrix product that this device does in the same precision, and how many scans a second
are searched for sources. (On a GPU torch does convolutions in float32 as TF32 by default; the matrix product is true
float32.) Writes gpu.json and gpu.md, of the full scale gpu_full_scale.json and gpu_full_scale.md, after each part. What
is finished is kept in ``--work``: a run that was stopped goes on where it was. ``--device cpu`` leaves out what needs
cuda.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ladder import stage_sizes, train_stage
from machine import OUT, ROOT, description, pin_libraries, seconds
from scaling import UNET, errors
from sources import SEED, alike, draw_scenes, fields_of, scanned, scans_in
from training_data import VAL, make_samples

from ttt.files import write_json, write_text

if TYPE_CHECKING:
    import torch

    from ttt.engine.task import Task
    from ttt.memo import Memo

MODELS: dict[str, dict[str, Any]] = {
    "pod_net": {"train.batch_size": 512},
    "forward_unet_lite": {"model": UNET, "train.batch_size": 128, "optim.lr": 0.002},
}
TRIAL_EPOCHS = 2
ENCODED = 2048
REPEATS = 5
SEARCHES = 2
PRODUCT = {"cpu": 512, "cuda": 8192}
SEARCHED = {"cpu": 64, "cuda": 16384}
"""Scenes whose elements are looked for."""
NOISE_DB = 40.0


@dataclass(frozen=True)
class Way:
    """What differs from the way before it."""

    name: str
    changes: dict[str, Any]
    needs_cuda: bool = False


WAYS = (
    Way("float32, samples in the host's memory", {"train.on_device": False}),
    Way("samples in the device's memory", {"train.on_device": True}, needs_cuda=True),
    Way("bfloat16", {"amp.enabled": True}),
    Way("torch.compile", {"compute.compile": "default"}),
    Way("CUDA graphs", {"compute.compile": "reduce-overhead"}, needs_cuda=True),
)


@dataclass(frozen=True)
class Kept:
    """Figures of finished parts, each in a file of its own."""

    folder: Path

    def figures(self, name: str, measure: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Those that ``measure`` gives, or gave."""
        path = self.folder / f"{name}.json"
        if not path.exists():
            write_json(path, measure())
        figures: dict[str, Any] = json.loads(path.read_text())
        return figures


def main(arguments: list[str] | None = None) -> None:
    """Measure and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda", help="default: %(default)s")
    parser.add_argument("--seconds", type=float, default=8, help="of training for each error; default: %(default)s")
    parser.add_argument("--samples", type=int, default=10000, help="training samples; default: %(default)s")
    parser.add_argument("--models", nargs="*", choices=list(MODELS), default=list(MODELS), metavar="MODEL")
    parser.add_argument("--ladder", type=int, default=10, metavar="DIVISOR", help="see above; default: %(default)s")
    parser.add_argument("--stages", type=int, metavar="NUMBER", help="of the ladder; default: all")
    parser.add_argument(
        "--workers", type=int, default=os.cpu_count(), help="processes that simulate; default: %(default)s, the cores"
    )
    parser.add_argument("--work", type=Path, metavar="FOLDER", help="default: a temporary one")
    parser.add_argument("--out", type=Path, default=OUT, metavar="FOLDER", help="default: reports/benchmarks")
    args = parser.parse_args(arguments)
    pin_libraries()
    import torch

    if args.device == "cuda" and not torch.cuda.is_available():
        parser.error("there is no cuda device here; --device cpu tries the script without one")
    work = args.work or Path(tempfile.mkdtemp(dir=ROOT, prefix=".benchmark-"))
    problem = other_work(args, work)
    if problem:
        parser.error(problem)
    args.out.mkdir(parents=True, exist_ok=True)
    name = "gpu_full_scale" if args.ladder == 1 else "gpu"
    try:
        for figures in measure(args, work):
            write_json(args.out / f"{name}.json", figures)
            write_text(args.out / f"{name}.md", as_markdown(figures))
    finally:
        if args.work is None:
            shutil.rmtree(work)
    sys.stdout.write(as_markdown(figures))


def other_work(args: argparse.Namespace, work: Path) -> str:
    """Why figures that are kept in ``work`` do not go with these arguments; empty where they do, which is noted."""
    path = work / "arguments.json"
    wanted = {name: getattr(args, name) for name in ("device", "seconds", "samples", "ladder", "stages")}
    if not path.exists():
        write_json(path, wanted)
        return ""
    found = json.loads(path.read_text())
    return "" if found == wanted else f"--work {work}: was begun with {found}, not {wanted}; give another folder"


def measure(args: argparse.Namespace, work: Path) -> Iterator[dict[str, Any]]:
    """The figures so far, after each part; libraries must be pinned before."""
    import torch

    sizes = stage_sizes(args.ladder)[: args.stages] if args.ladder else []
    started = time.monotonic()
    data = make_samples(work, max([args.samples, *sizes]), args.workers) | {"device": args.device}
    kept = Kept(work)
    simulated = kept.figures("simulated", lambda: {"samples_per_second": count_samples(work) / since(started)})
    figures: dict[str, Any] = {
        "machine": description(),
        "device": torch.cuda.get_device_name() if args.device == "cuda" else "cpu",
        "torch": str(torch.__version__),
        "samples": args.samples,
        "seconds": args.seconds,
        "simulated_per_second_by_all_cores": simulated["samples_per_second"],
        "matrix_product_flops": kept.figures("ceilings", lambda: ceilings(args.device)),
        "models": {},
        "ladder": {"divisor": args.ladder, "stages": []},
    }
    figures["elements"] = kept.figures("elements", lambda: search_elements(args.device))
    yield figures
    # as the pipeline trains them: on scans with errors of measurement
    pipeline = {key: value for key, value in data.items() if key != "data.measurement"} | {"scale": "full"}
    for number, size in enumerate(sizes, start=1):
        stage = kept.figures(f"stage{number}", lambda n=number, size=size: train_stage(work, n, size, pipeline))
        figures["ladder"]["stages"].append(stage)
        yield figures
    for name in args.models:
        changes = data | MODELS[name] | {"data.num_train": args.samples}
        for measured in measure_model(work, kept, name, changes, args.seconds, figures["matrix_product_flops"]):
            figures["models"][name] = measured
            yield figures


def since(started: float) -> float:
    """Seconds."""
    return time.monotonic() - started


def count_samples(folder: Path) -> int:
    """Samples of the store there."""
    from emfm.core.store import Store

    return len(Store(folder / "store").table)


def ceilings(device: str) -> dict[str, float]:
    """The fastest matrix product in each precision that is trained in."""
    import torch

    return {name: product_flops(device, getattr(torch, name)) for name in ("float32", "bfloat16")}


def search_elements(device: str) -> dict[str, Any]:
    """How fast the elements of scenes are found, and how often their number and kinds are right."""
    import torch

    from emfm.settings import load_params
    from emfm.sources.search import PointSearch

    params = load_params(ROOT / "params.yaml")
    geometry = params.data.geometry()
    search = PointSearch(geometry, device=torch.device(device))
    scenes = draw_scenes(params.acquire.simulate, SEARCHED[device])
    fields = fields_of(scenes, geometry, geometry.source.points())
    scans = scanned(scans_in(fields, geometry), NOISE_DB, SEED)
    right = [alike(found, scene) for found, scene in zip(search.find(scans), scenes, strict=True)]
    return {
        "scans": len(scans),
        "found_per_second": len(scans) / seconds(lambda: search.find(scans), SEARCHES),
        "explained_per_second": len(scans) / seconds(lambda: search.explaining(scans), SEARCHES),
        "right": sum(right) / len(right),
    }


def measure_model(
    folder: Path, kept: Kept, name: str, changes: dict[str, Any], limit: float, ceilings: dict[str, float]
) -> Iterator[dict[str, Any]]:
    """A model's figures so far, after each way that the device has; and of what it computes once a sample."""

    figures = kept.figures(name, lambda: prepare(folder, name, changes)) | {"ways": {}}
    for number, way in enumerate(WAYS):
        changes = changes | way.changes
        if way.needs_cuda and changes["device"] != "cuda":
            continue
        measured = kept.figures(
            f"{name}-{number}", lambda number=number, changes=changes: train_way(folder, name, number, changes, limit)
        )
        precision = "bfloat16" if changes.get("amp.enabled") else "float32"
        share = measured["samples_per_second"] * figures["flops_per_sample"] / ceilings[precision]
        figures["ways"][way.name] = measured | {"share_of_matrix_product": share}
        yield figures


def train_way(folder: Path, name: str, number: int, changes: dict[str, Any], limit: float) -> dict[str, Any]:
    """As many epochs as fit into the time."""
    import torch

    torch.compiler.reset()
    trial = train_on(folder, name, f"{number}-trial", changes | {"train.epochs": TRIAL_EPOCHS})
    epochs = max(1, int(limit / trial["epoch_seconds"]))
    run = train_on(folder, name, str(number), changes | {"train.epochs": epochs})
    return {"samples_per_second": run["samples_per_second"], "epochs": epochs, "errors": run["errors"]}


def prepare(folder: Path, name: str, changes: dict[str, Any]) -> dict[str, Any]:
    """Compute once for all ways what is computed once, and count what a step and a search take."""
    import torch

    from ttt.engine.assemble import assemble
    from ttt.engine.checkpoint import save_checkpoint, to_bytes
    from ttt.engine.optional_protocols import Prepared
    from ttt.engine.state import TrainingState
    from ttt.memo import Memo
    from ttt.settings import load_config

    config = load_config(ROOT / "params.yaml", changes)
    task, device, memo = assemble(config), torch.device(config.device), Memo(folder / "memo")
    state = TrainingState(task, config, device)
    if isinstance(task.model, Prepared):
        task.model.prepare(task.train, memo)
    save_checkpoint(folder / f"{name}.pth", to_bytes(state.checkpoint()))
    return {
        "flops_per_sample": step_flops(task, device, memo),
        "searches_per_second": encoded_per_second(task, device),
    }


def train_on(folder: Path, name: str, run: str, changes: dict[str, Any]) -> dict[str, Any]:
    """Train on from what `prepare` has made: the speed of the last epoch, and errors on unseen samples."""
    from emfm.core.sample_lists import open_samples
    from emfm.core.store import Store
    from ttt.engine.assemble import assemble
    from ttt.engine.checkpoint import load_model
    from ttt.engine.loop import fit
    from ttt.engine.start import NewRun
    from ttt.memo import Memo
    from ttt.settings import load_config

    config, run_dir = load_config(ROOT / "params.yaml", changes), folder / f"{name}-{run}"
    shutil.rmtree(run_dir, ignore_errors=True)
    task = assemble(config)
    outcome = fit(task, config, run_dir, NewRun(init_weights=folder / f"{name}.pth"), Memo(folder / "memo"))
    notes = [json.loads(line) for line in (run_dir / "timing.jsonl").read_text().splitlines()]
    epoch_seconds = [note["seconds"] for note in notes if note["kind"] == "epoch"][-1]
    model, _ = load_model(outcome.best)
    val = open_samples(Store(folder / "store"), folder / "val_ids.txt")
    return {
        "epoch_seconds": epoch_seconds,
        "samples_per_second": len(task.train) / epoch_seconds,
        "errors": errors(model, val.batches(64)),
    }


def step_flops(task: "Task", device: "torch.device", memo: "Memo") -> float:
    """Floating-point operations of a training step, a sample; those of matrix products and convolutions.

    torch counts a product of complex numbers as one of real ones, so that the default model's are a little more.
    """
    from torch.utils.flop_counter import FlopCounterMode

    from emfm.models.pod_net.network import PodNet

    model, samples = task.model, task.train
    if isinstance(model, PodNet):
        samples = model.encoded(samples, memo, with_targets=True)  # what its steps are given
    batch = samples.__getitems__(list(range(min(64, len(samples))))).to(device)
    with FlopCounterMode(display=False) as counter:
        task.loss(batch)[0].backward()
    return counter.get_total_flops() / len(batch.x)


def encoded_per_second(task: "Task", device: "torch.device") -> float | None:
    """Scans a second for which the model computes what it needs once; None where it computes nothing so."""
    import torch

    from emfm.models.pod_net.network import PodNet

    if not isinstance(task.model, PodNet):
        return None
    model, scans = task.model, task.train.__getitems__(list(range(min(ENCODED, len(task.train))))).x.to(device)

    def encode() -> None:
        with torch.no_grad():
            model.encode(scans).sum().item()

    return len(scans) / seconds(encode, 2)


def product_flops(device: str, dtype: "torch.dtype") -> float:
    """Floating-point operations a second of a large square matrix product, best of `REPEATS`."""
    import torch

    size = PRODUCT[device]
    one, other = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))

    def multiply() -> None:
        (one @ other)[0, 0].item()

    multiply()
    return float(2 * size**3 / seconds(multiply, REPEATS))


def as_markdown(figures: dict[str, Any]) -> str:
    """The report."""
    ceilings = {name: f"{value / 1e12:.2f}" for name, value in figures["matrix_product_flops"].items()}
    lines = [
        "# Training on a GPU",
        "",
        f"`python benchmarks/gpu.py`: {figures['device']}, {figures['machine']}, torch {figures['torch']}.",
        f"The largest matrix products reach {ceilings['float32']} (float32) and {ceilings['bfloat16']} (bfloat16) "
        f"TFLOP/s. All cores simulate {figures['simulated_per_second_by_all_cores']:,.0f} samples a second.",
    ]
    sections = [elements_lines(figures.get("elements")), ladder_lines(**figures["ladder"]), way_lines(figures)]
    return "\n".join([*lines, *(line for section in sections for line in section), ""])


def elements_lines(elements: dict[str, Any] | None) -> list[str]:
    """The search for elements; none before it was measured."""
    if elements is None:
        return []
    return [
        "",
        f"Elements (1 to 6, noise 40 dB below) are found in {elements['found_per_second']:,.0f} scans a second, number "
        f"and kinds right in {100 * elements['right']:.1f} % of {elements['scans']:,}; where results are asked for of "
        f"those scans alone that elements explain, in {elements['explained_per_second']:,.0f}.",
    ]


def way_lines(figures: dict[str, Any]) -> list[str]:
    """The table of ways; none before one was measured."""
    models = figures["models"]
    if not models:
        return []
    lines = [
        "",
        f"{figures['samples']:,} training samples; each way holds those above it. Samples a second in the last epoch, "
        f"errors on unseen samples (E / H, median) after {figures['seconds']:.0f} s of training.",
        "",
        "| model | way | samples/s | times the first | share of the matrix product | epochs | error E / H |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, model in models.items():
        first = next(iter(model["ways"].values()))["samples_per_second"]
        lines += [
            f"| {name} | {way} | {of['samples_per_second']:,.0f} | {of['samples_per_second'] / first:.2f} "
            f"| {of['share_of_matrix_product']:.3f} | {of['epochs']} "
            f"| {pair(of['errors'])} |"
            for way, of in model["ways"].items()
        ]
    searched = [
        f"{name} computes what it needs once for {model['searches_per_second']:,.0f} scans a second."
        for name, model in models.items()
        if model["searches_per_second"]
    ]
    return [*lines, "", *searched]


def ladder_lines(divisor: int, stages: list[dict[str, Any]]) -> list[str]:
    """The table of stages; none before one was trained."""
    if not stages:
        return []
    seconds = sum(stage["seconds"] for stage in stages)
    samples = sum(stage["samples"] for stage in stages)
    all_samples = sum(stage_sizes(1))
    names = list(stages[0]["references"])
    return [
        "",
        f"Stages of the full scale, their sizes divided by {divisor}, without the time of simulating: {seconds:,.0f} s "
        f"for {samples:,} samples; in proportion {seconds * all_samples / samples / 60:,.1f} minutes for all "
        f"{all_samples:,} of the five stages. Errors: medians, of E / of H, on {VAL} unseen samples and on the "
        "reference sets.",
        "",
        f"| samples | epochs | seconds | of them in epochs | samples/s in epochs | unseen | {' | '.join(names)} |",
        "|---" * (6 + len(names)) + "|",
        *(
            f"| {of['samples']:,} | {of['epochs']} | {of['seconds']:,.0f} | {of['epochs_seconds']:,.0f} "
            f"| {of['samples_per_second']:,.0f} | {pair(of['errors'])} "
            f"| {' | '.join(pair(of['references'][name]) for name in names)} |"
            for of in stages
        ),
    ]


def pair(errors: dict[str, float]) -> str:
    """Medians of E and of H."""
    return f"{errors['rel_l2_e']:.4f} / {errors['rel_l2_h']:.4f}"


if __name__ == "__main__":
    main()
