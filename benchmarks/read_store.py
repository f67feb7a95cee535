"""How fast samples are read from the packed store in random batches, and what that adds to a training epoch.

    python benchmarks/read_store.py 20000

packs so many simulated samples, which stay in the page cache, reads them batch by batch in the order of an epoch, and
trains a plain U-Net for an epoch on a few of them, read from the store and held in memory. (The default model reads
each sample once; what it trains on is in memory.) Channel statistics are computed from all of them.
"""

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from machine import ROOT, AnonymousPeak, run_part, seconds

BATCHES = (64, 512)
TRAINED, TRAINED_BATCH = 256, 32
REPEATS = 3
UNET = {"name": "forward_unet_lite", "width": 16, "levels": 4}


def measure(samples: int) -> dict[str, Any]:
    """Samples a second of reading, of training on the store and in memory, of statistics; memory beyond the start."""
    import torch

    from emfm.acquire.pack import pack
    from emfm.acquire.simulate import SimulatedSource
    from emfm.compute_norm_stats.moments import compute_norm_stats
    from emfm.core.sample_lists import whole_store
    from emfm.core.store import Store
    from emfm.model.spec import FieldSpec
    from emfm.settings import load_params
    from emfm.training.dataset import FieldSamples
    from ttt.engine.batches import Feed
    from ttt.engine.ranks import Ranks
    from ttt.engine.task import Batch, BatchDataset
    from ttt.parts import MODELS

    params = load_params(ROOT / "params.yaml")
    geometry, data = params.data.geometry(), params.data
    changes = {"num_samples": samples, "duplicate_share": 0.0}
    source = SimulatedSource(geometry, params.acquire.simulate.model_copy(update=changes), params.acquire.seed)
    folder = Path(tempfile.mkdtemp(dir=ROOT, prefix=".benchmark-"))
    try:
        pack(source, geometry, "benchmark", folder / "store", folder / "work", 1024, params.acquire.workers)
        listed = whole_store(Store(folder / "store"))

        def rate(dataset: BatchDataset, size: int, step: Callable[[Batch], object]) -> float:
            feed = Feed(dataset, size, 0, 0, torch.device("cpu"), Ranks())

            def epoch() -> None:
                for share in feed.epoch(1, 0):
                    step(share.batch)

            return len(dataset) / seconds(epoch, REPEATS)

        with AnonymousPeak() as before:
            seconds(lambda: listed.store.target([0]))
        with AnonymousPeak() as peak:
            reading = {size: rate(FieldSamples.of(listed), size, lambda _: None) for size in BATCHES}
        with AnonymousPeak() as peak_of_statistics:
            statistics = seconds(lambda: compute_norm_stats(listed.batches(), data.scale_by_source, 1e-6))

        few = FieldSamples.of(listed.first(TRAINED))
        norm = compute_norm_stats(listed.first(TRAINED).batches(), data.scale_by_source, 1e-6)
        planes = {"source_plane": data.source_plane, "target_plane": data.target_plane}
        spec = FieldSpec(frequency_hz=data.frequency_hz, norm=norm, **planes)
        part = MODELS.get("forward_unet_lite", "model.name")
        unet = part.build(part.params.model_validate(UNET), spec=spec)
        optimizer = torch.optim.AdamW(unet.parameters())

        def train(batch: Batch) -> None:
            optimizer.zero_grad()
            torch.nn.functional.mse_loss(unet(batch.x), batch.y).backward()
            optimizer.step()

        return {
            "samples": samples,
            "samples_per_second": reading,
            "memory_mb": peak.megabytes - before.megabytes,
            "training_from_store": rate(few, TRAINED_BATCH, train),
            "training_in_memory": rate(_Held(few.__getitems__(list(range(TRAINED)))), TRAINED_BATCH, train),
            "statistics_samples_per_second": samples / statistics,
            "statistics_memory_mb": peak_of_statistics.megabytes - before.megabytes,
        }
    finally:
        shutil.rmtree(folder)


class _Held:
    """Samples that are tensors in memory."""

    fingerprint = ""

    def __init__(self, samples: Any) -> None:
        self._samples = samples

    def __len__(self) -> int:
        return len(self._samples.x)

    def __getitems__(self, indices: list[int]) -> Any:
        return type(self._samples)(self._samples.x[indices], self._samples.y[indices])


if __name__ == "__main__":
    run_part(measure)
