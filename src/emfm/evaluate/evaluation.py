"""Evaluate a predictor on a set of samples: the one path by which every reported metric is computed."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from emfm.core.channels import Channels
from emfm.core.errors import DataError
from emfm.core.field_errors import FieldErrors, SampleErrors
from emfm.core.grid import Geometry, differences
from emfm.core.measurement import MeasuredSamples, Measurement
from emfm.core.noise import with_noise
from emfm.core.sample_lists import SampleList
from emfm.evaluate.agreement import Expectation
from emfm.evaluate.groups import Group, sample_groups
from emfm.evaluate.set_metrics import SetMetrics
from emfm.evaluate.set_results import model_result, predictor_result, trust_metrics
from emfm.model.trained import TrainedModel
from emfm.results.definitions import Grouping
from emfm.results.sample_errors import ErrorTable, Judged
from emfm.results.schema import ModelResult, Result
from ttt.files import sha256_file

Predictor = Callable[[NDArray[np.float32]], Channels]
"""From source H ``(n, 4, ny, nx)``, A/m, to target E/H ``(n, 12, ny, nx)``, V/m and A/m."""


class Samples(Protocol):
    """Samples to evaluate on: a `SampleList`, or cases that are in no store."""

    @property
    def ids(self) -> Sequence[str]:
        """The samples' names, in order."""
        ...

    @property
    def geometry(self) -> Geometry:
        """Frequency and planes of the samples."""
        ...

    def __len__(self) -> int: ...

    def batches(self, size: int) -> Iterator[tuple[NDArray[np.float32], Channels]]:
        """Source H and target, ``size`` samples at a time, in the order of ``ids``."""
        ...


def shown_batches(samples: Samples, size: int, name: str) -> Iterator[tuple[NDArray[np.float32], Channels]]:
    """The batches of ``samples``, with a progress bar called ``name`` once the first is asked for."""
    with tqdm(total=len(samples), desc=name, unit="sample", mininterval=1.0) as bar:
        for source_h, target in samples.batches(size):
            yield source_h, target
            bar.update(len(source_h))


def set_metrics(predict: Predictor, samples: Samples, batch_size: int, name: str) -> SetMetrics:
    """The figures of ``predict`` on ``samples``; shows progress under ``name``."""
    figures = SetMetrics(samples.geometry)
    for prediction, target in _predictions(predict, samples, batch_size, None, name):
        figures.update(prediction, target)
    return figures


def errors_with_noise(predict: Predictor, samples: Samples, batch_size: int, snr_db: float, name: str) -> FieldErrors:
    """The errors of ``predict`` on ``samples`` with noise in their source H: see `emfm.core.noise`."""
    errors = FieldErrors()
    for prediction, target in _predictions(predict, samples, batch_size, snr_db, f"{name}, {snr_db:g} dB"):
        errors.update(prediction, target)
    return errors


def refuse_other_geometry(predict: TrainedModel, samples: Geometry, where: str) -> None:
    """Raise DataError where the model was made for another frequency or other planes than the samples in ``where``."""
    if found := differences(predict.geometry, samples):
        raise DataError(
            f"{predict.facts.path}: its model was made for another {' and another '.join(found)} than the samples in "
            f"{where}. The model: {predict.geometry.described()}; the samples: {samples.described()}. Judge it on "
            "samples of its own kind"
        )


def collect_with_trust(
    predict: TrainedModel,
    samples: Samples,
    batch_size: int,
    errors: FieldErrors | SetMetrics,
    name: str,
    snr_db: float | None = None,
) -> Expectation:
    """Add the model's predictions of ``samples`` to ``errors``; what the model says of them.

    With noise in source H at the ratio ``snr_db``, if given. Shows progress under ``name``.
    """
    said: list[NDArray[np.float64]] = []

    def noting(source_h: NDArray[np.float32]) -> Channels:
        prediction, *of_batch = predict.predict_with_trust(source_h)
        said.append(np.column_stack(of_batch))
        return prediction

    for prediction, target in _predictions(noting, samples, batch_size, snr_db, name):
        errors.update(prediction, target)
    return Expectation(*np.concatenate(said).T)


@dataclass(frozen=True)
class SetEvaluation:
    """What every predictor of one set goes through: its figures, its errors by group and its errors with noise."""

    samples: SampleList
    batch_size: int
    noise_snr_db: Sequence[float]
    """In scans as stored: an axis of its own."""
    measurement: Measurement | None = None
    """How scans are read for all other figures; None: as stored."""

    def evaluate(self, predict: Predictor, name: str) -> tuple[Result, SampleErrors]:
        """The result of ``predict``, and its errors on the samples; shows progress under ``name``."""
        figures = set_metrics(predict, self.measured, self.batch_size, name)
        noise = {
            snr_db: (errors_with_noise(predict, self.samples, self.batch_size, snr_db, name), None)
            for snr_db in self.noise_snr_db
        }
        return predictor_result(figures, self.families, self._groups, noise), figures.per_sample()

    def evaluate_model(
        self, predict: TrainedModel, checkpoint: Path, train_samples: int, name: str
    ) -> tuple[ModelResult, SampleErrors]:
        """The result of ``predict``, the model in ``checkpoint``, with its hash; and its errors on the samples.

        Raises DataError where it was made for another frequency or other planes than the samples have.
        """
        refuse_other_geometry(predict, self.samples.geometry, str(self.samples.store.folder))
        figures = SetMetrics(self.samples.geometry)
        said = collect_with_trust(predict, self.measured, self.batch_size, figures, name)
        noise = {snr_db: self._with_noise(predict, snr_db, name) for snr_db in self.noise_snr_db}
        result = predictor_result(figures, self.families, self._groups, noise)
        errors = figures.per_sample()
        trust = trust_metrics(said, errors)
        return model_result(result, train_samples, sha256_file(checkpoint), trust), errors

    def error_table(self, errors: Mapping[str, SampleErrors]) -> ErrorTable:
        """The errors of each predictor by its name, with what tells the samples apart."""
        fingerprints = self.samples.store.fingerprints[self.samples.rows]
        facts = zip(self.samples.ids, self.samples.family_names, fingerprints, strict=True)
        return ErrorTable([Judged(name, str(family), _content(numbers)) for name, family, numbers in facts], errors)

    def _with_noise(self, predict: TrainedModel, snr_db: float, name: str) -> tuple[FieldErrors, Expectation]:
        """The model's errors with noise in the stored scans, and what it says of them."""
        errors = FieldErrors()
        said = collect_with_trust(
            predict, self.samples, self.batch_size, errors, f"{name}, {snr_db:g} dB", snr_db=snr_db
        )
        return errors, said

    @cached_property
    def measured(self) -> MeasuredSamples:
        """The samples as they are evaluated."""
        return MeasuredSamples(self.samples, self.measurement)

    @cached_property
    def _groups(self) -> dict[Grouping, list[Group]]:
        return sample_groups(self.samples)

    @cached_property
    def families(self) -> NDArray[np.int64]:
        """Which scene family each sample is of, ``(n,)``, by number."""
        return self.samples.families


def _content(fingerprint: NDArray[np.float64]) -> str:
    """A short hash of a sample's fields; of 7 digits, as the last bits of a simulation differ between processors."""
    return hashlib.sha256(" ".join(f"{number:.6e}" for number in fingerprint).encode()).hexdigest()[:12]


def _predictions(
    predict: Predictor, samples: Samples, batch_size: int, snr_db: float | None, name: str
) -> Iterator[tuple[Channels, Channels]]:
    """Prediction and truth, batch by batch."""
    done = 0
    for source_h, target in shown_batches(samples, batch_size, name):
        ids = samples.ids[done : done + len(source_h)]
        yield predict(source_h if snr_db is None else with_noise(source_h, ids, snr_db)), target
        done += len(source_h)
