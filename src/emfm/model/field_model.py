"""What every field model is: physical units outside, numbers of size one inside, and an error that can be weighed."""

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor, nn

from emfm.core.channels import E_CHANNELS, H_CHANNELS
from emfm.core.grid import Geometry
from emfm.core.norm_stats import NormStats
from emfm.model.encoding import families_of
from emfm.model.odd_scans import OddScans
from emfm.model.trust import SCAN_DESCRIPTORS, TrustCalibration, scan_descriptors
from ttt.engine.square_root import square_root
from ttt.engine.task import Batch, BatchDataset

_FROM_TRAINING = 2000
"""Training samples that say how the error goes with the descriptors."""
_TINY = 1e-30

SquaredErrors = Callable[[Batch], tuple[Tensor, Tensor]]
"""From a batch to each sample's weighed squared errors of E and of H, ``(n,)`` each."""


class FieldModel(nn.Module, ABC):
    """Source H ``(n, 4, ny, nx)``, A/m -> target ``(n, 12, ny, nx)``, E in V/m and H in A/m.

    With ``scale_by_source`` a sample is divided by the root mean square of its own source H before anything else and
    the prediction multiplied by it, so that f(a x) = a f(x) for every a > 0. One that knows the ``geometry`` warns of
    scans that went wrong, too: see `emfm.model.counterexamples`.
    """

    def __init__(self, norm: NormStats, descriptors: int, geometry: Geometry | None = None) -> None:
        super().__init__()
        self._scale_by_source = norm.scale_by_source
        self.source_mean: Tensor
        self.source_std: Tensor
        self.target_mean: Tensor
        self.target_std: Tensor
        for name in ("source_mean", "source_std", "target_mean", "target_std"):
            self.register_buffer(name, torch.tensor(getattr(norm, name)).view(1, -1, 1, 1), persistent=False)
        self.trust = TrustCalibration(descriptors)
        self.odd = None if geometry is None else OddScans(geometry)

    @abstractmethod
    def forward(self, source_h: Tensor) -> Tensor:
        """The field of scans."""

    @abstractmethod
    def squared_errors(self, weights: Tensor, normalized: bool) -> SquaredErrors:
        """How to measure errors: each sample's mean square by channel, times ``weights``, averaged over E and over H.

        ``normalized``: of the field divided by the sample's scale and the channel's std, not of V/m and A/m.
        """

    @abstractmethod
    def descriptors(self, source_h: Tensor) -> Tensor:
        """What the trust in a prediction depends on, ``(n, d)``; needs no truth."""

    @torch.no_grad()
    def calibrate(self, train: BatchDataset, val: BatchDataset, batch_size: int) -> None:
        """Fit `trust` to the errors on ``val``, and to what the scans of ``train`` are like."""
        was_training = self.training
        self.eval()
        step = -(-len(train) // _FROM_TRAINING)
        known = self._described(train, range(0, len(train), step), batch_size)
        unseen = self._described(val, range(len(val)), batch_size)
        self.train(was_training)
        if self.odd is None:
            self.trust.calibrate(*known, *unseen, families_of(val))
            return
        scans = self._scans(train, range(0, len(train), step), batch_size)
        odd = self.odd.learn(scans, self._scans(val, range(len(val)), batch_size))
        self.odd.reach_farther(self.trust.calibrate(*known, *unseen, families_of(val), odd))

    def _scans(self, samples: BatchDataset, chosen: range, batch_size: int) -> Tensor:
        """The scans of some samples, which may be encoded, ``(n, 4, ny, nx)``."""
        starts = range(0, len(chosen), batch_size)
        batches = [samples.__getitems__(list(chosen[start : start + batch_size])) for start in starts]
        return torch.cat([self.decode(batch.x).cpu() for batch in batches])

    def _described(self, samples: BatchDataset, chosen: range, batch_size: int) -> tuple[Tensor, Tensor]:
        """Descriptors and errors of some samples."""
        described, errors = [], []
        for start in range(0, len(chosen), batch_size):
            batch = samples.__getitems__(list(chosen[start : start + batch_size])).to(self.target_std.device)
            described.append(self.descriptors(batch.x))
            errors.append(self.relative_errors(batch))
        return torch.cat(described), torch.cat(errors)

    def encode(self, source_h: Tensor) -> Tensor:
        """What of a prediction can be computed once and be given to the model in the place of the scan."""
        return source_h

    def decode(self, encoded: Tensor) -> Tensor:
        """The scans ``(n, 4, ny, nx)`` that `encode` got, but for their size."""
        return encoded

    def predict_with_trust(self, source_h: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The field of scans, and what `trust` says of it: expected errors, bounds ``(n, 2)``, distances ``(n,)``."""
        encoded = self.encode(source_h)
        return self(encoded), *self.judged(encoded)

    def judged(self, encoded: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What is known of the error of scans or of what `encode` makes of them: see `predict_with_trust`.

        The distance is the larger one of those from the training samples and towards scans that went wrong.
        """
        expected, bound, distance = self.trust(self.descriptors(encoded))
        if self.odd is None:
            return expected, bound, distance
        distance = torch.maximum(distance, self.odd(self.decode(encoded)).to(distance))
        unlike = (distance > 1)[:, None]
        expected, bound = (torch.where(unlike, torch.full_like(part, float("nan")), part) for part in (expected, bound))
        return expected, bound, distance

    def relative_errors(self, batch: Batch) -> Tensor:
        """||prediction - target|| / ||target|| of each sample's E and H, ``(n, 2)``."""
        return square_root(self.relative_squares(batch))

    def relative_squares(self, batch: Batch) -> Tensor:
        """Their squares."""
        return relative_squares(self(batch.x), batch.y)

    def scale(self, source_h: Tensor) -> Tensor:
        """What each sample is divided by, ``(n, 1, 1, 1)``, A/m: see `emfm.core.norm_stats.source_scale`."""
        if not self._scale_by_source:
            return source_h.new_ones(len(source_h), 1, 1, 1)
        return square_root(source_h.square().sum(1, keepdim=True).mean((2, 3), keepdim=True))


def relative_squares(prediction: Tensor, target: Tensor) -> Tensor:
    """||prediction - target||^2 / ||target||^2 of each sample's E and H, ``(n, 2)``, of fields ``(n, 12, ny, nx)``."""
    prediction, parts = prediction.double(), []
    for channels in (E_CHANNELS, H_CHANNELS):
        true = target[:, channels].double()
        wrong = prediction[:, channels] - true
        parts.append(wrong.square().sum((1, 2, 3)) / true.square().sum((1, 2, 3)).clamp_min(_TINY))
    return torch.stack(parts, 1)


def in_float32(like: Tensor) -> torch.autocast:
    """A context without autocast on the device of ``like``: for physics and errors, whatever a network computes in."""
    return torch.autocast(like.device.type, enabled=False)


def channel_errors(error: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Each sample's mean squares of the channels of ``error``, times ``weights``, averaged over E and over H."""
    by_channel = weights.to(error.device) * error.float().square().mean((2, 3))
    return by_channel[:, E_CHANNELS].mean(1), by_channel[:, H_CHANNELS].mean(1)


class NetworkFieldModel(FieldModel):
    """A network of normalised channels in its normalising wrapper."""

    def __init__(self, network: nn.Module, norm: NormStats, geometry: Geometry | None = None) -> None:
        super().__init__(norm, len(SCAN_DESCRIPTORS), geometry)
        self.network = network

    def forward(self, source_h: Tensor) -> Tensor:
        """See the class."""
        scale = self.scale(source_h)
        return self.denormalize(self.normalized(source_h, scale), scale)

    def normalized(self, source_h: Tensor, scale: Tensor) -> Tensor:
        """The network's own output: the normalised field."""
        prediction: Tensor = self.network((source_h / scale - self.source_mean) / self.source_std)
        return prediction.float()

    def normalize(self, target: Tensor, scale: Tensor) -> Tensor:
        """A field in physical units as the network should output it."""
        return (target / scale - self.target_mean) / self.target_std

    def denormalize(self, normalized: Tensor, scale: Tensor) -> Tensor:
        """The inverse of `normalize`."""
        return (normalized * self.target_std + self.target_mean) * scale

    def squared_errors(self, weights: Tensor, normalized: bool) -> SquaredErrors:
        """See `FieldModel.squared_errors`."""

        def measure(batch: Batch) -> tuple[Tensor, Tensor]:
            scale = self.scale(batch.x)
            prediction = self.normalized(batch.x, scale)
            if normalized:
                error = prediction - self.normalize(batch.y, scale)
            else:
                error = self.denormalize(prediction, scale) - batch.y
            return channel_errors(error, weights)

        return measure

    def descriptors(self, source_h: Tensor) -> Tensor:
        """See `emfm.model.trust.scan_descriptors`."""
        return scan_descriptors(source_h)
