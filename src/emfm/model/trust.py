"""How far to trust a prediction, from the model alone: an expected error, a bound, and how unlike its training it is.

The expected error is log-linear in a few descriptors of the scan and of the model's own estimate. The bound is the
expected error times what 90 % of the validation samples stay below: split conformal prediction with normalised scores,
for families of alike samples.
How unlike a scan is, is the distance of its descriptors, whitened, from the nearest of those of training samples (S.
Ramaswamy, R. Rastogi and K. Shim, "Efficient algorithms for mining outliers from large data sets", SIGMOD 2000): the
training world has several kinds of scenes, and a scan between two kinds is like neither. No error is named of a scan
that is unlike them: here, so that every use of a model agrees.
"""

from itertools import pairwise
from typing import Final

import torch
from torch import Tensor, nn

from emfm.core.covered import COVERED_PERCENT
from emfm.model.ridge import fit_with_ridge
from ttt.engine.square_root import square_root

SCAN_DESCRIPTORS: Final = ("points that carry the scan", "roughness", "share at the rim", "turn in the plane")
OUTSIDE_PERMILLE: Final = 995
"""A scan farther out than this share of the training samples, and of the validation samples, is called unlike them."""
TOGETHER_PERMILLE: Final = 980
"""The same of all that tells scans apart, taken together."""
MOST_FARTHER: Final = 1.5
"""Than the training samples are from each other may the validation samples be: others are of another world."""
FEWEST_FOR_BOUND: Final = 9
"""With fewer families of validation samples no finite number is known to bound 90 % of unseen ones: 0.9 (k + 1) > k."""

_RIDGE: Final = 1e-3
_SAMPLES_OF_PRIOR: Final = 100.0
"""The slopes that the training errors show weigh as much as so many validation samples. With fewer, 100 of these, of
families of alike samples, made the expected errors follow the true ones less closely than the training errors alone."""
_FOLDS: Final = 10
_REFERENCES: Final = 1000
"""Training samples from which distances are measured."""
_NEIGHBOUR: Final = 5
"""The distance is that from the so manieth nearest."""
_NOWHERE: Final = 1e6
"""Where a reference is that there are no training samples for."""
_AT_ONCE: Final = 256
_FLOOR: Final = 1e-6
_LEAST_RATIO: Final = 1e-6
_TINY: Final = 1e-30


class TrustCalibration(nn.Module):
    """From descriptors ``(n, d)`` to expected relative errors, their bound and the distance from the training samples.

    Before `calibrate` errors and bounds are NaN and nothing is called unlike the training samples.
    """

    def __init__(self, descriptors: int) -> None:
        super().__init__()
        self.mean: Tensor
        self.whitening: Tensor
        self.lowest: Tensor
        self.highest: Tensor
        self.references: Tensor
        self.farthest: Tensor
        self.coefficients: Tensor
        self.bound_over_expected: Tensor
        self.register_buffer("mean", torch.zeros(descriptors))
        self.register_buffer("whitening", torch.zeros(descriptors, descriptors))
        self.register_buffer("lowest", torch.zeros(descriptors))
        self.register_buffer("highest", torch.zeros(descriptors))
        self.register_buffer("references", torch.full((_REFERENCES, descriptors), _NOWHERE))
        self.register_buffer("farthest", torch.tensor(float("inf")))
        self.register_buffer("coefficients", torch.full((descriptors + 1, 2), float("nan")))
        self.register_buffer("bound_over_expected", torch.full((2,), float("nan")))

    def calibrate(
        self,
        train: Tensor,
        train_errors: Tensor,
        val: Tensor,
        val_errors: Tensor,
        families: Tensor,
        others: tuple[Tensor, Tensor] | None = None,
    ) -> float:
        """Fit to descriptors and to errors of E and H ``(n, 2)``; ``families`` ``(n,)`` number the validation samples'.

        How the error goes with the descriptors say the training samples, which are many, and the validation samples,
        which the model did not see: the more there are, the less counts what a model that fits its training samples too
        well says of them. How large the error is, say the validation samples alone. Of these only those count that are
        like the training samples, as of others no error is named; with fewer families than `FEWEST_FOR_BOUND` there is
        no bound (NaN), with none all of them say how large the error is.

        ``others`` are what else tells the same training and validation samples from those that are unlike them: above
        1, too far. A sample must be far out in none of all: how much farther each may reach than alone is returned.
        """
        train, train_errors, val, val_errors = (
            part.to(self.mean.device, torch.float64) for part in (train, train_errors, val, val_errors)
        )
        known, farther = self._learn_distance(train, val, others)
        logs, unseen_logs = (errors.clamp_min(_TINY).log() for errors in (train_errors, val_errors))
        slopes = fit_with_ridge(known, logs - logs.mean(0), _RIDGE)
        unseen, distance = self._whitened(val)
        like = distance <= 1
        bounded = _distinct(families[like.cpu()]) >= FEWEST_FOR_BOUND
        if not bool(like.any()):
            like = torch.ones_like(like)
        unseen, unseen_logs, families = unseen[like], unseen_logs[like], families[like.cpu()]
        self.coefficients.copy_(_log_linear(unseen, unseen_logs, slopes))
        if bounded:
            scores = _scores(unseen, unseen_logs, slopes)
            self.bound_over_expected.copy_(_conformal_quantile(scores, _distinct(families)))
        else:
            self.bound_over_expected.fill_(float("nan"))
        return farther

    def forward(self, descriptors: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Expected relative errors of E and H and their 90 % bounds ``(n, 2)``, distances from the training ``(n,)``.

        The distance is relative to `farthest`: above 1 the scan is unlike the training samples, nothing is known of its
        error, and both numbers are NaN.
        """
        white, distance = self._whitened(descriptors)
        expected = (self.coefficients[0] + white @ self.coefficients[1:]).exp()
        expected = torch.where(distance[:, None] > 1, torch.full_like(expected, float("nan")), expected)
        return expected, expected * self.bound_over_expected, distance

    def _learn_distance(self, train: Tensor, val: Tensor, others: tuple[Tensor, Tensor] | None) -> tuple[Tensor, float]:
        """Keep what the distance from ``train`` needs; the whitened descriptors of ``train``, and see `calibrate`.

        Scans of one family are near each other, so that a training sample is nearer to others than an unseen sample
        is: the validation samples, of other families, say too how far the training world reaches, within reason.
        """
        mean = train.mean(0)
        covariance = (train - mean).T @ (train - mean) / len(train)
        covariance.diagonal().add_(_FLOOR * covariance.diagonal().mean().clamp_min(_TINY))
        values, vectors = torch.linalg.eigh(covariance)
        whitening = vectors / square_root(values)
        known: Tensor = (train - mean) @ whitening
        self.mean.copy_(mean)
        self.whitening.copy_(whitening)
        self.lowest.copy_(known.amin(0))
        self.highest.copy_(known.amax(0))
        chosen = torch.randperm(len(known), generator=torch.Generator().manual_seed(0))[:_REFERENCES].to(known.device)
        self.references.fill_(_NOWHERE)
        self.references[: len(chosen)] = known[chosen].to(self.references)
        seen = _neighbours(known, self.references, _NEIGHBOUR + 1)
        apart = seen[:, _NEIGHBOUR - 1]
        apart[chosen] = seen[chosen, _NEIGHBOUR]  # the nearest of a reference is itself
        unseen = _neighbours((val - mean) @ whitening, self.references, _NEIGHBOUR)[:, -1]
        alone = usual_reach(apart, unseen)
        together = torch.ones_like(alone)
        if others is not None:
            of_train, of_val = (other.to(alone) for other in others)
            known_most, unseen_most = torch.maximum(apart / alone, of_train), torch.maximum(unseen / alone, of_val)
            together = usual_reach(known_most, unseen_most, TOGETHER_PERMILLE)
        self.farthest.copy_(alone * together)
        return known, float(together)

    def _whitened(self, descriptors: Tensor) -> tuple[Tensor, Tensor]:
        """Whitened descriptors, none beyond the range of the training samples, and the distances of all."""
        mean, whitening, lowest, highest, farthest = (
            part.to(descriptors.dtype) for part in (self.mean, self.whitening, self.lowest, self.highest, self.farthest)
        )
        white: Tensor = (descriptors - mean) @ whitening
        distance = _neighbours(white, self.references, _NEIGHBOUR)[:, -1] / farthest
        return torch.minimum(torch.maximum(white, lowest), highest), distance


def _neighbours(white: Tensor, references: Tensor, count: int) -> Tensor:
    """Distances of ``white (n, d)`` from the ``count`` nearest references, ascending ``(n, count)``."""
    references = references.to(white.dtype)
    parts = [white] if torch.compiler.is_exporting() else torch.split(white, _AT_ONCE)
    squares = [(part[:, None] - references).square().sum(2) for part in parts]
    nearest = [torch.topk(part, count, dim=1, largest=False).values for part in squares]
    return square_root(torch.cat(nearest))


def of_rank(values: Tensor, permille: int) -> Tensor:
    """The ceil(permille (n + 1))-th smallest of ``values (n,)``, or the largest: an unseen one is rarely larger."""
    rank = min(-(-permille * (len(values) + 1) // 1000), len(values))
    found: Tensor = values.sort().values[rank - 1]
    return found


def _distinct(families: Tensor) -> int:
    return len(set(families.tolist()))


def usual_reach(known: Tensor, unseen: Tensor, permille: int = OUTSIDE_PERMILLE) -> Tensor:
    """What nearly all training samples ``(n,)`` are below, and validation samples too, within reason; not nothing."""
    reach, unseen_reach = (of_rank(part, permille).clamp_min(_TINY) for part in (known, unseen))
    return torch.minimum(torch.maximum(reach, unseen_reach), MOST_FARTHER * reach)


def _log_linear(white: Tensor, logs: Tensor, slopes: Tensor) -> Tensor:
    """Coefficients ``(1 + d, 2)`` of log errors ``(n, 2)``: their offset, and ``slopes`` corrected for what they miss.

    The offset makes half of the errors larger than expected; it is a median of sorted numbers, since torch's own does
    not repeat on a GPU.
    """
    missed = logs - white @ slopes
    corrected = slopes + fit_with_ridge(white - white.mean(0), missed - missed.mean(0), _SAMPLES_OF_PRIOR / len(white))
    middle = (len(logs) - 1) // 2
    return torch.cat([(logs - white @ corrected).sort(0).values[middle : middle + 1], corrected])


def _scores(white: Tensor, logs: Tensor, slopes: Tensor) -> Tensor:
    """True / expected error ``(n, 2)`` of each sample, expected by what all parts of the samples but its own say.

    A score by a fit to the sample itself would be too small: cross-conformal prediction (Barber, Candes, Ramdas,
    Tibshirani, Predictive inference with the jackknife+, Annals of Statistics 2021). The parts are stretches of the
    samples' order, since samples of one family stand side by side.
    """
    scores, folds = torch.empty_like(logs), min(_FOLDS, len(logs))
    edges = [len(logs) * fold // folds for fold in range(folds + 1)]
    for start, stop in pairwise(edges):
        others = torch.cat([white[:start], white[stop:]]), torch.cat([logs[:start], logs[stop:]])
        coefficients = _log_linear(*others, slopes)
        scores[start:stop] = (logs[start:stop] - coefficients[0] - white[start:stop] @ coefficients[1:]).exp()
    return scores


def _conformal_quantile(scores: Tensor, families: int) -> Tensor:
    """The ceil(0.9 n (k + 1) / k)-th smallest of ``scores (n, 2)`` of k families: one of an unseen family is at most

    that in 90 % of cases. Lei, G'Sell, Rinaldo, Tibshirani, Wasserman, Distribution-free predictive inference for
    regression, JASA 2018, section 2.2; divided by what is expected of each sample as in its section 5.2. Not samples
    but families are exchangeable, so the unseen one counts as much as a family (Lee, Barber, Willett,
    Distribution-free inference with hierarchical data, JRSS B 2025, section 3).
    """
    rank = -(-COVERED_PERCENT * len(scores) * (families + 1) // (100 * families))
    quantile: Tensor = scores.sort(0).values[rank - 1]
    return quantile


def scan_descriptors(source_h: Tensor) -> Tensor:
    """`SCAN_DESCRIPTORS` of scans ``(n, 4, ny, nx)``, ``(n, 4)``; none changes with the scan's size.

    Natural logarithms of the perplexity of the points' shares in |H|^2; of the mean square of neighbours' differences,
    and of the outermost points, relative to the mean square of all. The last is the mean square of dHy/dx - dHx/dy
    relative to those of both terms together, 0 to 2: H turns by jw eps0 E alone (Ampere's law), which is little where
    sources are much nearer than a wavelength. A component of the other sign, or in the other's place, makes it large.
    """
    power = source_h.square().sum(1)
    total = power.sum((1, 2)).clamp_min(_TINY)
    shares = power.flatten(1) / total[:, None]
    spread = -(shares * shares.clamp_min(_TINY).log()).sum(1)  # ONNX's exporter drops the sum with a number as small
    rough = source_h.diff(dim=2).square().sum((1, 2, 3)) + source_h.diff(dim=3).square().sum((1, 2, 3))
    rim = total - power[:, 1:-1, 1:-1].sum((1, 2))
    hx, hy = source_h.chunk(2, 1)
    along_x, along_y = _halfway(hy.diff(dim=3), 2), _halfway(hx.diff(dim=2), 3)
    both = (along_x.square() + along_y.square()).sum((1, 2, 3)).clamp_min(_TINY)
    turn = (along_x - along_y).square().sum((1, 2, 3)) / both
    logs = torch.stack([(rough / total).clamp_min(_TINY), (rim / total).clamp_min(_LEAST_RATIO)], 1).log()
    return torch.cat([spread[:, None], logs, turn[:, None]], 1)


def _halfway(values: Tensor, dim: int) -> Tensor:
    """Means of neighbours."""
    count = values.shape[dim] - 1
    return (values.narrow(dim, 0, count) + values.narrow(dim, 1, count)) / 2
