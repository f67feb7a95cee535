"""A packed store of simulated samples with lists of IDs, for benchmarks that train."""

from pathlib import Path
from typing import Any

from machine import ROOT

VAL = 200
SHARD = 512
"""Samples in a file: few, so that many processes are done at the same time."""


def make_samples(folder: Path, train: int, workers: int | None = None) -> dict[str, Any]:
    """``train`` samples for training and `VAL` others in ``folder``, by so many processes (None: as params.yaml says);

    the keys of params.yaml that name them. What a stopped call has finished is not made again.
    """
    from emfm.acquire.pack import pack
    from emfm.acquire.simulate import SimulatedSource
    from emfm.core.store import Store
    from emfm.settings import load_params

    params = load_params(ROOT / "params.yaml")
    geometry = params.data.geometry()
    changes = {"num_samples": train + VAL, "duplicate_share": 0.0}
    source = SimulatedSource(geometry, params.acquire.simulate.model_copy(update=changes), params.acquire.seed)
    if not (folder / "store").exists():
        pack(source, geometry, "benchmark", folder / "store", folder / "work", SHARD, workers or params.acquire.workers)
    ids = Store(folder / "store").table["id"].tolist()
    (folder / "train_ids.txt").write_text("\n".join(ids[:train]) + "\n")
    (folder / "val_ids.txt").write_text("\n".join(ids[-VAL:]) + "\n")
    return {
        "data.data_root": str(folder / "store"),
        "data.train_ids": str(folder / "train_ids.txt"),
        "data.val_ids": str(folder / "val_ids.txt"),
        "data.norm_stats": None,
        "data.measurement": None,
        "loss.norm_max_batches": 40,
    }
