"""The data set `em_forward`: batches of samples from a packed store, by lists of IDs."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from emfm.compute_norm_stats.moments import compute_norm_stats
from emfm.core.errors import DataError
from emfm.core.measurement import FIXED, Measurement, epoch_draw, measured_identity
from emfm.core.norm_stats import NormStats, read_norm_stats
from emfm.core.sample_lists import SampleList, open_samples
from emfm.core.store import Store
from emfm.model.spec import FieldSpec
from emfm.training.params import DataParams, FieldLossParams
from ttt.engine.task import Batch, Data, Task
from ttt.settings import TrainingConfig


@dataclass(frozen=True)
class FieldSamples:
    """Stored samples as batches of tensors: a `ttt.engine.task.BatchDataset`."""

    samples: SampleList
    measurement: Measurement | None
    """How scans are read; None: as stored."""
    draw: str
    """See `emfm.core.measurement.Measurement.read`."""
    fingerprint: str

    @classmethod
    def of(cls, samples: SampleList, measurement: Measurement | None = None, draw: str = FIXED) -> "FieldSamples":
        """The batches of ``samples``."""
        return cls(samples, measurement, draw, measured_identity(samples, measurement, draw))

    def __len__(self) -> int:
        return len(self.samples)

    @property
    def families(self) -> NDArray[np.int64]:
        """The number of each sample's family, ``(n,)``."""
        return self.samples.families

    def identity(self, indices: list[int]) -> str:
        """Identity of the content and the order of some of the samples."""
        return measured_identity(self.samples.part(indices), self.measurement, self.draw)

    def __getitems__(self, indices: list[int]) -> Batch:
        chosen = self.samples.part(indices)
        source_h, target = chosen.store.source_h(chosen.rows), chosen.store.target(chosen.rows)
        if self.measurement is not None:
            source_h = self.measurement.read(source_h, chosen.ids, self.draw)
        return Batch(torch.from_numpy(source_h), torch.from_numpy(target))


@dataclass(frozen=True)
class RemeasuredSamples:
    """Samples whose scans are measured anew in each epoch: a `ttt.engine.task.DrawnEachEpoch`."""

    fixed: FieldSamples
    seed: int

    @property
    def fingerprint(self) -> str:
        """Also that the draws change, and with which seed."""
        return f"{self.fixed.fingerprint}, then anew each epoch by seed {self.seed}"

    def __len__(self) -> int:
        return len(self.fixed)

    def identity(self, indices: list[int]) -> str:
        """That of the one draw that does not change."""
        return self.fixed.identity(indices)

    def __getitems__(self, indices: list[int]) -> Batch:
        return self.fixed.__getitems__(indices)

    def of_epoch(self, epoch: int) -> FieldSamples:
        """The samples as measured for an epoch."""
        draw = epoch_draw(self.seed, epoch)
        return replace(self.fixed, draw=draw, fingerprint=f"{self.fingerprint}: {draw}")


def open_em_forward(params: DataParams, config: TrainingConfig) -> Data:
    """Training and validation samples, and the facts a model must fit.

    Channel statistics are of the scans as stored: errors of measurement hardly change them.
    Raises DataError where a file is missing or damaged, where the store's planes are not the configuration's, or where
    training and validation share samples.
    """
    store = Store(Path(params.data_root))
    if store.geometry != params.geometry():
        raise DataError(
            f"{store.folder}: its frequency and planes are {store.geometry.described()}, but the section data says "
            f"{params.geometry().described()}; make the store anew with `dvc repro acquire`, or mend data"
        )
    train = open_samples(store, Path(params.train_ids), params.num_train)
    val = open_samples(store, Path(params.val_ids))
    _refuse_shared(params, train, val)
    spec = FieldSpec(
        frequency_hz=params.frequency_hz,
        source_plane=params.source_plane,
        target_plane=params.target_plane,
        norm=_norm_stats(params, config, train),
    )
    measurement = Measurement.of(params.measurement, store.geometry)
    measured = FieldSamples.of(train, measurement)
    redraws = measurement is not None and measurement.redraws
    return Data(
        RemeasuredSamples(measured, config.seed) if redraws else measured, FieldSamples.of(val, measurement), spec
    )


def _refuse_shared(params: DataParams, train: SampleList, val: SampleList) -> None:
    known = set(train.ids)
    shared = [identifier for identifier in val.ids if identifier in known]
    if shared:
        raise DataError(
            f"{params.val_ids}: lists {len(shared)} of the training samples of {params.train_ids}, the first is "
            f"{shared[0]}; a model must not be judged on what it was trained on: remove them from one of the two"
        )


def field_spec(task: Task) -> FieldSpec:
    """The facts of the data of a task that was assembled from `open_em_forward`."""
    if not isinstance(task.spec, FieldSpec):
        raise TypeError(f"the task's spec is {type(task.spec).__name__}, not FieldSpec")
    return task.spec


def _norm_stats(params: DataParams, config: TrainingConfig, train: SampleList) -> NormStats:
    if params.norm_stats is None:
        loss = config.loss
        if not isinstance(loss, FieldLossParams):
            raise DataError(
                "data.norm_stats: null needs a loss of fields (loss.name: weighted_mse), which says how to compute them"
            )
        most = loss.norm_max_batches
        measured = train.first(None if most is None else most * config.train.batch_size).in_store_order()
        return compute_norm_stats(measured.batches(), params.scale_by_source, loss.norm_eps)
    stats = read_norm_stats(Path(params.norm_stats))
    if stats.scale_by_source != params.scale_by_source:
        raise DataError(
            f"{params.norm_stats}: computed with scale_by_source {stats.scale_by_source}, but "
            f"data.scale_by_source is {params.scale_by_source}; run `dvc repro compute_norm_stats`"
        )
    return stats
