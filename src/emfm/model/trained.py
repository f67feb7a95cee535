"""A trained model from its checkpoint: the one way by which fields are predicted, in evaluations and by users."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from emfm.core.channels import Channels
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

    def __init__(self, checkpoint: Path, device: torch.device) -> None:
        """Load it; raises CheckpointError for a damaged file, or for one that holds no field model."""
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

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return self._device

    @torch.inference_mode()
    def __call__(self, source_h: NDArray[np.float32]) -> Channels:
        """The field of scans."""
        prediction: Channels = self._model(self._tensor(source_h)).cpu().numpy()
        return prediction

    @torch.inference_mode()
    def predict_with_trust(
        self, source_h: NDArray[np.float32]
    ) -> tuple[Channels, NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """The prediction, and what the model says of it.

        Expected relative errors of E and H ``(n, 2)``, their 90 % bounds ``(n, 2)``, distances from the training
        samples ``(n,)``: see `emfm.model.trust.TrustCalibration`.
        """
        prediction, expected, bound, distance = self._model.predict_with_trust(self._tensor(source_h))
        return prediction.cpu().numpy(), _double(expected), _double(bound), _double(distance)

    @torch.inference_mode()
    def trust(
        self, source_h: NDArray[np.float32]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """The last three results of `predict_with_trust`, without the field on the plane."""
        expected, bound, distance = self._model.trust(self._model.descriptors(self._tensor(source_h)))
        return _double(expected), _double(bound), _double(distance)

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
