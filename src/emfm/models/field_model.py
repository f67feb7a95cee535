"""The normalising wrapper: physical units outside, numbers of size one inside."""

import torch
from torch import Tensor, nn

from emfm.data.stats import NormStats


class FieldModel(nn.Module):
    """Source H in A/m -> target E in V/m and H in A/m, around a network of normalised numbers.

    With ``scale_by_source`` a sample is divided by the root mean square of its own source H before
    normalisation and multiplied by it afterwards, so that f(a x) = a f(x) for every a > 0.
    """

    def __init__(self, network: nn.Module, norm: NormStats) -> None:
        super().__init__()
        self.network = network
        self._scale_by_source = norm.scale_by_source
        self.source_mean: Tensor
        self.source_std: Tensor
        self.target_mean: Tensor
        self.target_std: Tensor
        for name in ("source_mean", "source_std", "target_mean", "target_std"):
            self.register_buffer(name, torch.tensor(getattr(norm, name)).view(1, -1, 1, 1), persistent=False)

    def forward(self, source_h: Tensor) -> Tensor:
        """The field ``(n, 12, ny, nx)`` of scans ``(n, 4, ny, nx)``."""
        scale = self.scale(source_h)
        return self.denormalize(self.normalized(source_h, scale), scale)

    def normalized(self, source_h: Tensor, scale: Tensor) -> Tensor:
        """The network's own output: the normalised field."""
        prediction: Tensor = self.network((source_h / scale - self.source_mean) / self.source_std)
        return prediction

    def scale(self, source_h: Tensor) -> Tensor:
        """What each sample is divided by, ``(n, 1, 1, 1)``, A/m: see `emfm.data.stats.source_scale`."""
        if not self._scale_by_source:
            return source_h.new_ones(len(source_h), 1, 1, 1)
        return source_h.square().sum(1, keepdim=True).mean((2, 3), keepdim=True).sqrt()

    def normalize(self, target: Tensor, scale: Tensor) -> Tensor:
        """A field in physical units as the network should output it."""
        return (target / scale - self.target_mean) / self.target_std

    def denormalize(self, normalized: Tensor, scale: Tensor) -> Tensor:
        """The inverse of `normalize`."""
        return (normalized * self.target_std + self.target_mean) * scale
