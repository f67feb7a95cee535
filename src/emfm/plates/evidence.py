"""Few groups of currents that explain a scan best: sparse Bayesian learning, for one scan at a time.

The scan is h = sum over groups g of A_g m_g + noise, m_g complex normal with variance w_g 1, noise white with variance
v. The variances start equal and follow the fixed point of the evidence, as in `emfm.model.search.sparse_sources`, where
the formulas and their sources are. There many scans share cells that are mirror images; a board has none.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from emfm.core.channels import Complex

_PATTERNS: Final = 120
_LEAST_PATTERN: Final = 1e-4
"""Of the scan that are used at most, and their size against the strongest."""
_STEPS: Final = 30
_FIRST_NOISE: Final = 0.1
_NOISE_FLOOR: Final = 1e-5
"""Of v, relative to the mean diagonal of the covariance S."""
_VARIANCE_FLOOR: Final = 1e-9
_TINY: Final = 1e-300


@dataclass(frozen=True, eq=False)
class Posterior:
    """What a scan says of the currents: a mean, and how far from it they may be."""

    mean: Complex
    """``(candidates,)``, A."""
    _rows: Tensor
    """The scans of the candidates in the patterns, ``(candidates, patterns)``."""
    _variances: Tensor
    """Of the candidates before the scan, ``(candidates,)``, A^2."""
    _noise: float
    _factor: Tensor
    """Cholesky factor of S."""

    def deviations(self, count: int, rng: np.random.Generator) -> Complex:
        """Draws of the currents less their mean, ``(count, candidates)``, A.

        A draw of currents and noise before the scan, less what its own scan would say of it (A. Doucet, "A note on
        efficient conditional simulation of Gaussian distributions", 2010).
        """
        drawn = self._variances.sqrt() * _normal(rng, count, len(self._variances))
        scans = drawn @ self._rows + self._noise**0.5 * _normal(rng, count, self._rows.shape[1])
        solved = torch.cholesky_solve(scans.mT, self._factor)
        told = self._variances[:, None] * (self._rows.conj() @ solved)
        return np.asarray((drawn - told.mT).numpy())


class SparseCurrents:
    """The search for currents whose scans are the rows of ``scans``, ``(candidates, inputs)``."""

    def __init__(self, scans: Complex, groups: NDArray[np.int64]) -> None:
        """``groups`` numbers the group of each candidate from 0 on."""
        rows = torch.from_numpy(scans)
        strengths, patterns = torch.linalg.eigh(rows.mT @ rows.conj())
        strong = strengths > _LEAST_PATTERN**2 * strengths[-1]
        self._patterns = patterns[:, strong][:, -_PATTERNS:].conj()
        self._rows = rows @ self._patterns
        self._groups = torch.from_numpy(groups)

    def find(self, scan: Complex) -> Posterior:
        """The currents that explain a ``scan`` ``(inputs,)``, A/m, which is not zero."""
        size = float(np.linalg.norm(scan))
        seen = torch.from_numpy(scan / size) @ self._patterns
        rows = self._rows
        start = seen.abs().square().sum() / rows.abs().square().sum()
        variances = start.expand(int(self._groups.max()) + 1)
        noise = start.new_zeros(())
        for step in range(_STEPS):
            spread_out = variances[self._groups]
            covariance = (rows.mT * spread_out) @ rows.conj()
            level = covariance.diagonal().real.mean()
            noise = torch.maximum(noise, level * (_NOISE_FLOOR if step else _FIRST_NOISE))
            covariance.diagonal().add_(noise)
            factor = torch.linalg.cholesky(covariance)
            solved = torch.cholesky_solve(seen[:, None], factor)[:, 0]
            moments = rows.conj() @ solved
            if step == _STEPS - 1:
                break
            inverse = torch.cholesky_inverse(factor)
            spread = self._sums(((rows.conj() @ inverse) * rows).sum(1).real)
            variances = variances * self._sums(moments.abs().square()) / spread.clamp_min(_TINY)
            variances = torch.maximum(variances, variances.max() * _VARIANCE_FLOOR)
            noise = noise * solved.abs().square().sum() / inverse.diagonal().real.sum()
        mean = np.asarray((size * spread_out * moments).numpy())
        return Posterior(mean, rows, size**2 * spread_out, size**2 * float(noise), size * factor)

    def _sums(self, values: Tensor) -> Tensor:
        """Over each group."""
        return values.new_zeros(int(self._groups.max()) + 1).index_add_(0, self._groups, values)


def _normal(rng: np.random.Generator, rows: int, columns: int) -> Tensor:
    """Complex, of variance 1."""
    pairs = rng.standard_normal((rows, columns, 2)) / np.sqrt(2)
    return torch.view_as_complex(torch.from_numpy(pairs))
