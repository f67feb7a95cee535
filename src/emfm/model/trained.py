"""A trained model from its checkpoint: the one way by which fields are predicted, in evaluations and by users."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from emfm.core.channels import TARGET_CHANNELS, Channels
from emfm.core.measurement import MeasurementParams
from emfm.model.explained import Explained, ExplainedScans
from emfm.model.field_model import FieldModel
from emfm.model.spec import FieldSpec
from ttt.config import ConfigError
from ttt.engine.checkpoint import data_spec, load_model
from ttt.engine.errors import CheckpointError
from ttt.engine.evaluate import resolve_device
from ttt.files import sha256_file

_DEVICE: Final = re.compile(r"auto|cpu|cuda(:\d+)?")


@dataclass(frozen=True)
class CheckpointFacts:
    """What a checkpoint says of the training that made it."""

    path: Path
    sha256: str
    model: str
    """Name of the model: ``model.name`` of the configuration."""
    epoch: int
    """Epochs done."""
    best_epoch: int
    """The epoch of the best score so far; 0: none yet."""
    best_score: float | None
    monitor: str
    """The figure that the score is: ``ckpt.monitor``."""
    train_samples: int | None
    """The first so many samples of the training list were trained on; None: all of them."""
    calibrated: bool
    """Whether the model says how far to trust it."""


class TrainedModel:
    """Source H ``(n, 4, ny, nx)`` float32, A/m -> target E/H ``(n, 12, ny, nx)``, V/m and A/m, for many calls."""

    def __init__(self, checkpoint: Path, device: torch.device, explained: ExplainedScans | None = None) -> None:
        """Load it; raises CheckpointError for a damaged file, or for one that holds no field model.

        ``explained`` is shared with another model of the same data, which has seen the same scans.
        """
        model, content = load_model(checkpoint)
        spec = data_spec(content, checkpoint)
        if not (isinstance(model, FieldModel) and isinstance(spec, FieldSpec)):
            raise CheckpointError(f"{checkpoint}: holds no field model; name one that emfm.tasks.forward.train made")
        self.geometry = spec.geometry()
        self.facts = CheckpointFacts(
            path=checkpoint,
            sha256=sha256_file(checkpoint),
            model=content.config["model"]["name"],
            epoch=content.place.epoch,
            best_epoch=content.place.best_epoch,
            best_score=content.place.best_score,
            monitor=content.config["ckpt"]["monitor"],
            train_samples=content.config["data"]["num_train"],
            calibrated=bool(model.trust.coefficients.isfinite().all()),
        )
        self._model, self._device = model.requires_grad_(False).to(device), device
        measurement = content.config["data"].get("measurement")
        self.explained = explained or ExplainedScans(
            self.geometry, None if measurement is None else MeasurementParams.model_validate(measurement), device
        )
        """The scans whose field is that of few elements, and not what the model learned."""

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return self._device

    @torch.inference_mode()
    def __call__(self, source_h: NDArray[np.float32]) -> Channels:
        """The field of scans."""
        prediction: Channels = self._model(self._tensor(source_h)).cpu().numpy()
        for place, explained in self._explained(source_h):
            prediction[place] = explained.field
        return prediction

    def predict_with_trust(
        self, source_h: NDArray[np.float32]
    ) -> tuple[Channels, NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """The prediction, and what is known of its error.

        Expected relative errors of E and H ``(n, 2)``, their 90 % bounds ``(n, 2)``, distances from the training
        samples ``(n,)``: see `emfm.model.trust.TrustCalibration`. Where few elements explain a scan all of it is
        theirs, and the distance 0, as nothing that was learned is in it: see `emfm.model.explained`. Where the model
        expects a smaller error of its own field, theirs is as far off as the two fields are apart and the model's is.
        """
        prediction, *learned = self.learned_with_trust(source_h)
        said = self._with_explained(source_h, prediction, learned)
        for place, explained in self._explained(source_h):
            prediction[place] = explained.field
        return prediction, *said

    @torch.inference_mode()
    def learned_with_trust(
        self, source_h: NDArray[np.float32]
    ) -> tuple[Channels, NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """The same of the model alone, whatever explains a scan."""
        prediction, expected, bound, distance = self._model.predict_with_trust(self._tensor(source_h))
        return prediction.cpu().numpy(), _double(expected), _double(bound), _double(distance)

    @torch.inference_mode()
    def trust(
        self, source_h: NDArray[np.float32]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """The last three results of `predict_with_trust`, without the field on the plane."""
        said = [_double(part) for part in self._model.judged(self._model.encode(self._tensor(source_h)))]
        explained = [place for place, _ in self._explained(source_h)]
        field = np.zeros((len(source_h), len(TARGET_CHANNELS), *self.geometry.target.shape), np.float32)
        if explained:
            field[explained] = self.learned_with_trust(source_h[explained])[0]
        return self._with_explained(source_h, field, said)

    def _with_explained(
        self, source_h: NDArray[np.float32], learned: Channels, said: list[NDArray[np.float64]]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """What is said of the ``learned`` field, and in its place what is known of that of few elements."""
        expected, bound, distance = said
        for place, explained in self._explained(source_h):
            expected[place], bound[place] = explained.beside(learned[place], expected[place], bound[place])
            distance[place] = 0.0
        return expected, bound, distance

    def _explained(self, source_h: NDArray[np.float32]) -> Iterator[tuple[int, Explained]]:
        for place, explained in enumerate(self.explained.of(source_h)):
            if explained is not None:
                yield place, explained

    def module(self) -> nn.Module:
        """From a tensor of scans to the four results of `predict_with_trust`, as tensors."""
        return _PredictWithTrust(self._model)

    def _tensor(self, source_h: NDArray[np.float32]) -> torch.Tensor:
        return torch.from_numpy(source_h).to(self._device)


class _PredictWithTrust(nn.Module):
    def __init__(self, model: FieldModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, source_h: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        return self.model.predict_with_trust(source_h)


def _double(numbers: torch.Tensor) -> NDArray[np.float64]:
    array: NDArray[np.float64] = numbers.double().cpu().numpy()
    return array


def find_device(name: str) -> torch.device:
    """The device called ``auto``, ``cpu``, ``cuda`` or ``cuda:N``; raises ConfigError where there is none."""
    if not _DEVICE.fullmatch(name):
        raise ConfigError("device", [f"found '{name}'; allowed: auto, cpu, cuda or cuda:N"])
    return resolve_device(name)
