"""How far to trust a prediction, from the model alone: an expected error, and how unlike the training set a scan is.

The expected error is log-linear in a few descriptors of the scan and of the model's own estimate, and calibrated on
val_fixed. How unlike a scan is, is the Mahalanobis distance of its descriptors from those of the training samples.
"""

from typing import Final

import torch
from torch import Tensor, nn

from emfm.model.ridge import fit_with_ridge

SCAN_DESCRIPTORS: Final = ("points that carry the scan", "roughness", "share at the rim")
OUTSIDE: Final = 0.999
"""A scan farther out than this share of the training samples is called unlike them."""

_RIDGE: Final = 1e-3
_FLOOR: Final = 1e-6
_TINY: Final = 1e-30


class TrustCalibration(nn.Module):
    """From descriptors ``(n, d)`` to expected relative errors and the distance from the training samples.

    Before `calibrate` the expected errors are NaN and nothing is called unlike the training samples.
    """

    def __init__(self, descriptors: int) -> None:
        super().__init__()
        self.mean: Tensor
        self.whitening: Tensor
        self.lowest: Tensor
        self.highest: Tensor
        self.farthest: Tensor
        self.coefficients: Tensor
        self.register_buffer("mean", torch.zeros(descriptors))
        self.register_buffer("whitening", torch.zeros(descriptors, descriptors))
        self.register_buffer("lowest", torch.zeros(descriptors))
        self.register_buffer("highest", torch.zeros(descriptors))
        self.register_buffer("farthest", torch.tensor(float("inf")))
        self.register_buffer("coefficients", torch.full((descriptors + 1, 2), float("nan")))

    def calibrate(self, train: Tensor, train_errors: Tensor, val: Tensor, val_errors: Tensor) -> None:
        """Fit to descriptors and to errors of E and H ``(n, 2)``.

        The training samples, of which there are more, say how the error goes with the descriptors; the validation
        samples, which the model did not see, how large it is.
        """
        train, train_errors, val, val_errors = (
            part.to(self.mean.device, torch.float64) for part in (train, train_errors, val, val_errors)
        )
        mean = train.mean(0)
        covariance = (train - mean).T @ (train - mean) / len(train)
        covariance.diagonal().add_(_FLOOR * covariance.diagonal().mean().clamp_min(_TINY))
        values, vectors = torch.linalg.eigh(covariance)
        whitening = vectors / values.sqrt()
        known = (train - mean) @ whitening
        self.mean.copy_(mean)
        self.whitening.copy_(whitening)
        self.lowest.copy_(known.amin(0))
        self.highest.copy_(known.amax(0))
        self.farthest.copy_(known.norm(dim=1).quantile(OUTSIDE).clamp_min(_TINY))
        logs, unseen_logs = (errors.clamp_min(_TINY).log() for errors in (train_errors, val_errors))
        slopes = fit_with_ridge(known, logs - logs.mean(0), _RIDGE)
        self.coefficients.copy_(torch.cat([torch.zeros_like(slopes[:1]), slopes]))
        expected, _ = self(val.to(self.mean.dtype))
        ratios = (unseen_logs - expected.double().log()).sort(0).values
        self.coefficients[0] = ratios[(len(ratios) - 1) // 2]  # the median, by a way that repeats on a GPU

    def forward(self, descriptors: Tensor) -> tuple[Tensor, Tensor]:
        """Expected relative errors of E and H ``(n, 2)``, and the distance relative to `farthest` ``(n,)``.

        A distance above 1 says that the scan is unlike the training samples: nothing is known of its error then, and
        what is said of the nearest training samples is raised in proportion to the distance.
        """
        white = (descriptors - self.mean) @ self.whitening
        distance = white.norm(dim=1) / self.farthest
        inside = torch.minimum(torch.maximum(white, self.lowest), self.highest)
        expected = (self.coefficients[0] + inside @ self.coefficients[1:]).exp()
        return expected * distance.clamp_min(1)[:, None], distance


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
