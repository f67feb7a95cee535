"""What a GPU makes of training: each way of feeding and computing, one on top of the other.

    python benchmarks/gpu.py [--device cuda] [--seconds 8] [--samples 10000] [--models pod_net ...] [--ladder 10]
                             [--out FOLDER]

trains each model with its samples fed by the host, then with them in the device's memory, then in bfloat16, with
torch.compile, and with CUDA graphs. Each way trains as many epochs as fit into the seconds given, without what is
computed once and compiled, and is judged on samples that no training saw. Beside that: the share of the fastest matrix
product that this device does in the same precision, and how many scans a second are searched for sources. (On a GPU
torch does convolutions in float32 as TF32 by default; the matrix product is true float32.) Then come all stages of
the full scale with params.yaml's model, every size divided by ``--ladder``: 10 by default, 1 for the full scale, 0 for
none. Writes gpu.json and gpu.md after each way and each stage, so that one which is stopped leaves those before it.
``--device cpu`` leaves out what needs cuda.
"""

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ladder import stage_sizes, train_stages
from machine import OUT, ROOT, description, pin_libraries, seconds
from scaling import UNET, errors
from training_data import make_samples

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
PRODUCT = {"cpu": 512, "cuda": 8192}


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


def main(arguments: list[str] | None = None) -> None:
    """Measure and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda", help="default: %(default)s")
    parser.add_argument("--seconds", type=float, default=8, help="of training for each error; default: %(default)s")
    parser.add_argument("--samples", type=int, default=10000, help="training samples; default: %(default)s")
    parser.add_argument("--models", nargs="+", choices=list(MODELS), default=list(MODELS), metavar="MODEL")
    parser.add_argument("--ladder", type=int, default=10, metavar="DIVISOR", help="see above; default: %(default)s")
    parser.add_argument("--out", type=Path, default=OUT, metavar="FOLDER", help="default: reports/benchmarks")
    args = parser.parse_args(arguments)
    pin_libraries()
    import torch

    if args.device == "cuda" and not torch.cuda.is_available():
        parser.error("there is no cuda device here; --device cpu tries the script without one")
    args.out.mkdir(parents=True, exist_ok=True)
    for figures in measure(args.device, args.seconds, args.samples, args.models, args.ladder):
        (args.out / "gpu.json").write_text(json.dumps(figures, indent=2) + "\n")
        (args.out / "gpu.md").write_text(as_markdown(figures))
    sys.stdout.write(as_markdown(figures))


def measure(device: str, limit: float, samples: int, models: list[str], divisor: int) -> Iterator[dict[str, Any]]:
    """The figures so far, after each way of each model and each stage; libraries must be pinned before."""
    import torch

    folder = Path(tempfile.mkdtemp(dir=ROOT, prefix=".benchmark-"))
    try:
        data = make_samples(folder, samples) | {"device": device}
        ceilings = {name: product_flops(device, getattr(torch, name)) for name in ("float32", "bfloat16")}
        figures: dict[str, Any] = {
            "machine": description(),
            "device": torch.cuda.get_device_name() if device == "cuda" else "cpu",
            "torch": str(torch.__version__),
            "samples": samples,
            "seconds": limit,
            "matrix_product_flops": ceilings,
            "models": {},
            "ladder": {"divisor": divisor, "stages": []},
        }
        for name in models:
            for measured in measure_model(folder, name, data | MODELS[name], limit, ceilings):
                figures["models"][name] = measured
                yield figures
        if divisor:
            sizes = stage_sizes(divisor)
            ladder = make_samples(folder / "ladder", sizes[-1]) | {"device": device, "scale": "full"}
            for stage in train_stages(folder / "ladder", sizes, ladder):
                figures["ladder"]["stages"].append(stage)
                yield figures
    finally:
        shutil.rmtree(folder)


def measure_model(
    folder: Path, name: str, changes: dict[str, Any], limit: float, ceilings: dict[str, float]
) -> Iterator[dict[str, Any]]:
    """A model's figures so far, after each way that the device has; and of what it computes once a sample."""
    import torch

    figures = prepare(folder, name, changes) | {"ways": {}}
    for number, way in enumerate(WAYS):
        changes |= way.changes
        if way.needs_cuda and changes["device"] != "cuda":
            continue
        torch.compiler.reset()
        trial = train(folder, name, f"{number}-trial", changes | {"train.epochs": TRIAL_EPOCHS})
        epochs = max(1, int(limit / trial["epoch_seconds"]))
        run = train(folder, name, str(number), changes | {"train.epochs": epochs})
        precision = "bfloat16" if changes.get("amp.enabled") else "float32"
        figures["ways"][way.name] = {
            "samples_per_second": run["samples_per_second"],
            "share_of_matrix_product": run["samples_per_second"] * figures["flops_per_sample"] / ceilings[precision],
            "epochs": epochs,
            "errors": run["errors"],
        }
        yield figures


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


def train(folder: Path, name: str, run: str, changes: dict[str, Any]) -> dict[str, Any]:
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
    batch = samples.__getitems__(list(range(64))).to(device)
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
        f"{figures['samples']:,} training samples; each way holds those above it. Samples a second in the last epoch, "
        f"errors on unseen samples (E / H, median) after {figures['seconds']:.0f} s of training; the largest matrix "
        f"products reach {ceilings['float32']} (float32) and {ceilings['bfloat16']} (bfloat16) TFLOP/s.",
        "",
        "| model | way | samples/s | times the first | share of the matrix product | epochs | error E / H |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, model in figures["models"].items():
        first = next(iter(model["ways"].values()))["samples_per_second"]
        lines += [
            f"| {name} | {way} | {of['samples_per_second']:,.0f} | {of['samples_per_second'] / first:.2f} "
            f"| {of['share_of_matrix_product']:.3f} | {of['epochs']} "
            f"| {of['errors']['rel_l2_e']:.4f} / {of['errors']['rel_l2_h']:.4f} |"
            for way, of in model["ways"].items()
        ]
    searched = [
        f"{name} computes what it needs once for {model['searches_per_second']:,.0f} scans a second."
        for name, model in figures["models"].items()
        if model["searches_per_second"]
    ]
    return "\n".join([*lines, "", *searched, "", *ladder_lines(**figures["ladder"])])


def ladder_lines(divisor: int, stages: list[dict[str, Any]]) -> list[str]:
    """The table of stages; none where none has been trained."""
    if not stages:
        return []
    seconds = sum(stage["seconds"] for stage in stages)
    return [
        f"All stages of the full scale at 1/{divisor} of their sizes, samples apart: {seconds:,.0f} s, in proportion "
        f"{seconds * divisor / 60:,.0f} minutes at full size.",
        "",
        "| samples | epochs | seconds | of them in epochs | samples/s in epochs | error E / H |",
        "|---|---|---|---|---|---|",
        *(
            f"| {of['samples']:,} | {of['epochs']} | {of['seconds']:,.0f} | {of['epochs_seconds']:,.0f} "
            f"| {of['samples_per_second']:,.0f} | {of['errors']['rel_l2_e']:.4f} / {of['errors']['rel_l2_h']:.4f} |"
            for of in stages
        ),
        "",
    ]


if __name__ == "__main__":
    main()
