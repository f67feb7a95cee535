"""How far to trust a prediction, from the model alone: an expected error, and how unlike the training set a scan is.

The expected error is log-linear in a few descriptors of the scan and of the model's own estimate, fitted to the errors
on val_fixed. How unlike a scan is, is the Mahalanobis distance of its descriptors from those of the training samples.
"""

from typing import Final

import torch
from torch import Tensor, nn

SCAN_DESCRIPTORS: Final = ("points that carry the scan", "roughness", "share at the rim")
OUTSIDE: Final = 0.999
"""A scan farther out than this share of the training samples is called unlike them."""

_RIDGE: Final = 1e-2
_TINY: Final = 1e-30


class Trust(nn.Module):
    """From descriptors ``(n, d)`` to expected relative errors and the distance from the training samples.

    Before `calibrate` the expected errors are NaN and nothing is called unlike the training samples.
    """

    def __init__(self, descriptors: int) -> None:
        super().__init__()
        self.mean: Tensor
        self.whitening: Tensor
        self.farthest: Tensor
        self.coefficients: Tensor
        self.register_buffer("mean", torch.zeros(descriptors))
        self.register_buffer("whitening", torch.zeros(descriptors, descriptors))
        self.register_buffer("farthest", torch.tensor(float("inf")))
        self.register_buffer("coefficients", torch.full((descriptors + 1, 2), float("nan")))

    def calibrate(self, train: Tensor, val: Tensor, errors: Tensor) -> None:
        """Fit to the descriptors of training and validation samples and the latter's errors of E and H ``(n, 2)``."""
        train, val = train.double(), val.double()
        mean = train.mean(0)
        centred = train - mean
        covariance = centred.T @ centred / len(train)
        floor = 1e-6 * covariance.diagonal().mean().clamp_min(_TINY)
        covariance.diagonal().add_(floor)
        values, vectors = torch.linalg.eigh(covariance)
        whitening = vectors / values.sqrt()
        self.mean.copy_(mean)
        self.whitening.copy_(whitening)
        self.farthest.copy_((centred @ whitening).norm(dim=1).quantile(OUTSIDE))
        x = torch.cat([torch.ones(len(val), 1, dtype=torch.float64), (val - mean) @ whitening], 1)
        y = errors.double().clamp_min(_TINY).log()
        gram = x.T @ x
        gram.diagonal()[1:].add_(_RIDGE * len(val))
        self.coefficients.copy_(torch.linalg.solve(gram, x.T @ y))

    def forward(self, descriptors: Tensor) -> tuple[Tensor, Tensor]:
        """Expected relative errors of E and H ``(n, 2)``, and the distance relative to `farthest` ``(n,)``.

        A distance above 1 says that the scan is unlike the training samples.
        """
        white = (descriptors - self.mean) @ self.whitening
        expected = (self.coefficients[0] + white @ self.coefficients[1:]).exp()
        return expected, white.norm(dim=1) / self.farthest


def scan_descriptors(source_h: Tensor) -> Tensor:
    """`SCAN_DESCRIPTORS` of scans ``(n, 4, ny, nx)``, natural logarithms, ``(n, 3)``; no change with the scan's size.

    The perplexity of the points' shares in |H|^2; the mean square of neighbours' differences, and of the outermost
    points, relative to the mean square of all.
    """
    power = source_h.square().sum(1)
    total = power.sum((1, 2)) + _TINY
    shares = power.flatten(1) / total[:, None]
    spread = -(shares * (shares + _TINY).log()).sum(1)
    rough = source_h.diff(dim=2).square().sum((1, 2, 3)) + source_h.diff(dim=3).square().sum((1, 2, 3))
    rim = total - power[:, 1:-1, 1:-1].sum((1, 2))
    return torch.stack([spread, (rough / total + _TINY).log(), (rim / total).clamp_min(1e-6).log()], 1)
