"""How fast fields are predicted from Python, against the matrix products that the prediction consists of.

    python benchmarks/inference.py [--ckpt models/stage5/best.pth]

loads the model once, predicts single scans and batches of 1,000, and in turn does nothing but the matrix products of
the same calls again: those of the search for sources and of the field on the plane, with the arrays that they had.
Writes reports/benchmarks/inference.json and .md.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from machine import OUT, ROOT, AnonymousPeak, description, pin_libraries, seconds

from ttt.files import write_text

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from emfm.model.trained import TrainedModel

BATCH = 1000
LARGE = 4000
SINGLE_REPEATS = 20
BATCH_REPEATS = 3
PRODUCTS = ("mm", "bmm", "addmm", "matmul", "linear")
FACTORINGS = ("linalg_cholesky_ex", "linalg_solve_triangular", "cholesky_solve", "_cholesky_solve_helper")


def main() -> None:
    """Measure and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ckpt", type=Path, default=ROOT / "models/stage5/best.pth", help="default: %(default)s")
    args = parser.parse_args()
    pin_libraries()
    figures = measure(args.ckpt)
    write_text(OUT / "inference.json", json.dumps(figures, indent=2) + "\n")
    write_text(OUT / "inference.md", as_markdown(figures))
    sys.stdout.write(as_markdown(figures))


def measure(checkpoint: Path) -> dict[str, Any]:
    """The figures of the model in ``checkpoint``; libraries must be pinned before."""
    import_seconds = seconds(lambda: subprocess.run([sys.executable, "-c", "import emfm"], check=True), 3)
    import_seconds -= seconds(lambda: subprocess.run([sys.executable, "-c", ""], check=True), 3)
    import torch

    from emfm.model.trained import TrainedModel, find_device
    from emfm.use.forward_model import CHUNK, ForwardModel

    started = time.perf_counter()
    trained = TrainedModel(checkpoint, find_device("cpu"))
    loaded = time.perf_counter()
    model = ForwardModel(trained)
    scans = simulated_scans()
    first_call = seconds(lambda: model.predict(scans[0]))
    single = compared(lambda: model.predict(scans[0]), trained, [scans[:1]], SINGLE_REPEATS)
    parts = [scans[start : start + CHUNK] for start in range(0, BATCH, CHUNK)]
    batch = compared(lambda: model.predict(scans), trained, parts, BATCH_REPEATS)
    large = scans[[row % BATCH for row in range(LARGE)]]
    return {
        "machine": description(),
        "torch": str(torch.__version__),
        "threads": torch.get_num_threads(),
        "model": model.facts.model,
        "import_seconds": import_seconds,
        "load_seconds": loaded - started,
        "first_call_seconds": first_call,
        "single": single,
        "batch_samples": BATCH,
        "batch": batch,
        "large_batch_samples": LARGE,
        "memory_mb": {str(len(given)): beyond_results(model.predict, given) for given in (scans, large)},
    }


def simulated_scans() -> "NDArray[np.float32]":
    """Scans of the scenes of params.yaml, ``(BATCH, 4, ny, nx)``."""
    import numpy as np

    from emfm.acquire.simulate import SimulatedSource
    from emfm.settings import load_params

    params = load_params(ROOT / "params.yaml")
    simulate = params.acquire.simulate.model_copy(update={"num_samples": BATCH, "duplicate_share": 0.0})
    source = SimulatedSource(params.data.geometry(), simulate, params.acquire.seed)
    return np.stack([source.sample(row).source_h for row in range(BATCH)])


def compared(
    predict: Callable[[], object], trained: "TrainedModel", parts: "list[NDArray[np.float32]]", repeats: int
) -> dict[str, float]:
    """The best seconds of ``predict``, of the products of its ``parts``, and of those with factorings; in turn."""
    sizes = {len(part): sum(len(other) == len(part) for other in parts) for part in parts}
    kept = {len(part): part for part in parts}
    work = {size: recorded(trained, kept[size]) for size in sizes}
    best = dict.fromkeys(("predict", "products", "factorings"), float("inf"))
    for _ in range(repeats):
        best["predict"] = min(best["predict"], seconds(predict))
        for number, name in enumerate(("products", "factorings")):
            taken = sum(seconds(replay(work[size][number])) * times for size, times in sizes.items())
            best[name] = min(best[name], taken)
    return {f"{name}_seconds": value for name, value in best.items()} | {
        "times_the_products": best["predict"] / best["products"],
        "times_products_and_factorings": best["predict"] / (best["products"] + best["factorings"]),
    }


Calls = list[tuple[Any, tuple[Any, ...], dict[str, Any]]]


def recorded(trained: "TrainedModel", scans: "NDArray[np.float32]") -> tuple[Calls, Calls]:
    """The matrix products and the factorings, with their arguments, of one prediction without its trust.

    By one thread, as what other threads do is not seen; they are done again by all threads, each product in turn.
    """
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode

    products: Calls = []
    factorings: Calls = []

    class Recorder(TorchDispatchMode):
        def __torch_dispatch__(self, call: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            name = call.overloadpacket.__name__
            for names, calls in ((PRODUCTS, products), (FACTORINGS, factorings)):
                if name in names:
                    calls.append((call, args, kwargs or {}))
            return call(*args, **(kwargs or {}))

    trained(scans)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with Recorder():
        trained(scans)
    torch.set_num_threads(threads)
    return products, factorings


def replay(calls: Calls) -> Callable[[], None]:
    """What does ``calls`` again, and nothing else."""
    import torch

    def work() -> None:
        with torch.inference_mode():
            for call, args, kwargs in calls:
                call(*args, **kwargs)

    return work


def beyond_results(predict: Callable[[Any], Any], scans: "NDArray[np.float32]") -> float:
    """The memory that predicting ``scans`` takes beside the fields that it returns, MB."""
    with AnonymousPeak() as before:
        time.sleep(0.1)
    with AnonymousPeak() as peak:
        prediction = predict(scans)
    return peak.megabytes - before.megabytes - (prediction.E.nbytes + prediction.H.nbytes) / 2**20


def as_markdown(figures: dict[str, Any]) -> str:
    """The figures as a page."""
    count, large = figures["batch_samples"], figures["large_batch_samples"]
    rows = []
    for name, found, samples in (("one scan", figures["single"], 1), (f"{count:,} scans", figures["batch"], count)):
        milliseconds = [found[f"{key}_seconds"] / samples * 1e3 for key in ("predict", "products", "factorings")]
        rows.append(
            f"| {name} | {milliseconds[0]:.2f} | {milliseconds[1]:.2f} | {milliseconds[2]:.2f} | "
            f"{found['times_the_products']:.2f} | {found['times_products_and_factorings']:.2f} |"
        )
    lines = [
        "# Predicting from Python",
        "",
        f"`python benchmarks/inference.py`: {figures['machine']}, PyTorch {figures['torch']}, "
        f"{figures['threads']} threads; `{figures['model']}` at the sizes of params.yaml.",
        "",
        "`emfm.load_model(...).predict(...)`, checks and trust included, beside its own matrix products alone and its",
        "Cholesky factorings and triangular solves alone; milliseconds a scan, best of several, taken in turn.",
        "",
        "| call | predict | products | factorings | predict / products | predict / (products + factorings) |",
        "|---|---|---|---|---|---|",
        *rows,
        "",
        f"`import emfm` takes {figures['import_seconds'] * 1e3:.0f} ms; loading the model "
        f"{figures['load_seconds']:.2f} s, once; the first call {figures['first_call_seconds']:.2f} s.",
        f"Beside the fields that it returns, a call needs {figures['memory_mb'][str(count)]:.0f} MB for {count:,} "
        f"scans and {figures['memory_mb'][str(large)]:.0f} MB for {large:,}.",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
