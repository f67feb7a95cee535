"""How well a scan says where elements are and what field they make: the Fisher matrix at the estimate.

With the scan's errors normal, of the covariance of noise and background, the inverse of the Fisher matrix is the least
covariance that any unbiased estimate can have (H. L. Van Trees, Detection, Estimation, and Modulation Theory I, ch. 2),
and for small errors that of least squares. What an instrument may do wrong, and least squares follows, comes on top.
"""

from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Final

import numpy as np
import torch
from torch import Tensor

from emfm.core.channels import E_COMPONENTS, H_COMPONENTS, TARGET_COMPONENTS, Real
from emfm.core.covered import COVERED_PERCENT
from emfm.sources.background import Background
from emfm.sources.found import FREEDOMS
from emfm.sources.instrument import Instrument
from emfm.sources.scan_of_elements import Observed, made_by, turned
from emfm.sources.slide import Region
from emfm.sources.views import ScanView
from ttt.engine.square_root import square_root

_CUTOFF: Final = 1e-12
"""Of the Fisher matrix's eigenvalues, with a diagonal of ones: what is below is not known at all."""
_WELL_CONDITIONED: Final = 1e10
"""A condition number in which no eigenvalue is near `_CUTOFF`: no eigenvalues are needed, which take a GPU a hundred
times as long."""


@dataclass(frozen=True)
class Estimated:
    """Of some scans, see the module; elements in the order given."""

    covariance: Real
    """``(scans, 9 n, 9 n)`` of all elements' `FREEDOMS`, in m and for scans of size one."""
    share: Real
    """Of the power of the field, ``(scans, n)``."""
    expected: Real
    """Relative L2 errors of E and H, at the points of `Precision`, that half are below, ``(scans, 2)``.

    NaN of none."""
    bound: Real
    """The same for `COVERED_PERCENT` of the errors."""


class Precision:
    """Of one view, with the field at some points."""

    def __init__(
        self, view: ScanView, region: Region, background: Background, instrument: Instrument, points: Real
    ) -> None:
        """Fields are looked at at ``points`` ``(Q, 3)``, m."""
        self._view, self._region, self._background = view, region, background
        self._instrument, self._points = instrument, torch.from_numpy(points).to(view.device)
        self._looked_at = replace(region, observed=Observed(self._points, TARGET_COMPONENTS))

    def of(self, positions: Tensor, magnetic: Tensor, moments: Tensor, noise: Tensor, ratio: Tensor) -> Estimated:
        """Of elements ``(scans, n, ...)`` of scans of size one, with the errors' variance ``noise`` and ``ratio``.

        The ratios are all 0 or none is.
        """
        scans, count = magnetic.shape
        if not count:
            nothing = np.full((scans, 2), np.nan)
            return Estimated(np.zeros((scans, 0, 0)), np.zeros((scans, 0)), nothing, nothing)
        rows, _ = _changes(self._region, positions, magnetic, moments)
        wrong = self._instrument.errors(self._region, self._view.progress, positions, magnetic, moments)
        whitened = self._background.whitened(torch.cat([rows.flatten(1, 2), wrong], 1), noise, ratio)
        seen, wrong = whitened[:, : count * FREEDOMS], whitened[:, count * FREEDOMS :]
        inverse = _inverse(_with_unseen(2 * seen @ seen.mT, moments))
        # By how much least squares follows each error of the instrument.
        followed = inverse @ (2 * seen @ wrong.mT)
        covariance = inverse + followed @ followed.mT
        parts, shares = self._fields(positions, magnetic, moments)
        errors = [_errors(*part, covariance) for part in parts]
        expected, bound = (torch.stack(of_fields, 1).cpu().numpy() for of_fields in zip(*errors, strict=True))
        lengths = np.tile(np.r_[np.full(3, self._region.unit), np.ones(6)], count)
        scaled = covariance.cpu().numpy() * lengths[:, None] * lengths
        return Estimated(scaled, shares.cpu().numpy(), expected, bound)

    def _fields(
        self, positions: Tensor, magnetic: Tensor, moments: Tensor
    ) -> tuple[list[tuple[Tensor, Tensor]], Tensor]:
        """Of E and of H: how the field changes with all freedoms, as Gram matrices, and its squared size; shares."""
        changes, made = _changes(self._looked_at, positions, magnetic, moments)
        changes = changes.flatten(1, 2).view(len(changes), -1, 2, len(TARGET_COMPONENTS), len(self._points))
        total = made.sum(1).square().view(len(made), 2, len(TARGET_COMPONENTS), -1)
        parts = []
        for names in (E_COMPONENTS, H_COMPONENTS):
            some = slice(TARGET_COMPONENTS.index(names[0]), TARGET_COMPONENTS.index(names[-1]) + 1)
            rows = changes[:, :, :, some].flatten(2)
            parts.append((rows @ rows.mT, total[:, :, some].sum((1, 2, 3))))
        return parts, made.square().sum(2) / total.sum((1, 2, 3))[:, None]


def _changes(region: Region, positions: Tensor, magnetic: Tensor, moments: Tensor) -> tuple[Tensor, Tensor]:
    """How the scan changes with the `FREEDOMS` of each element, ``(scans, n, 9, 2 N)``, and what each element makes.

    Places are in units of length.
    """
    elements, columns = region.columns(positions, magnetic)
    slopes = region.unit * elements.slopes(moments.flatten(0, 1))
    columns = columns.view_as(slopes)
    rows = torch.cat([slopes, columns, -turned(columns)], 1)
    made = made_by(moments.flatten(0, 1)[:, None], columns)
    return rows.view(*magnetic.shape, FREEDOMS, -1), made.view(*magnetic.shape, -1)


def _with_unseen(fisher: Tensor, moments: Tensor) -> Tensor:
    """Fisher matrices of elements with ``moments`` ``(scans, n, 3)``, with what is supposed of those no number shows.

    One component of the field does not show an element of a kind along an axis at all. Each part of its moment there
    is supposed to be as large, root mean square, as the parts that are known.
    """
    unseen = (fisher.diagonal(dim1=1, dim2=2) == 0).view(*moments.shape[:2], FREEDOMS)
    seen = (~unseen[..., 3:]).sum(2).clamp_min(1)
    supposed = (moments.abs().square().sum(2) / seen)[..., None].expand_as(unseen)
    extra = torch.where(unseen & (supposed > 0), 1 / supposed, 0)
    return fisher + torch.diag_embed(extra.flatten(1))


def _inverse(fisher: Tensor) -> Tensor:
    sizes = square_root(fisher.diagonal(dim1=1, dim2=2))
    sizes = sizes[:, :, None] * sizes[:, None]
    scaled = fisher / sizes
    factor, failed = torch.linalg.cholesky_ex(scaled)
    factor[failed > 0] = torch.eye(factor.shape[1]).to(factor)  # cholesky_inverse refuses a zero on the diagonal
    inverse = torch.cholesky_inverse(factor)
    condition = torch.linalg.matrix_norm(scaled, 1) * torch.linalg.matrix_norm(inverse, 1)
    doubtful = (failed > 0) | ~(condition < _WELL_CONDITIONED)
    if bool(doubtful.any()):
        inverse[doubtful] = torch.linalg.pinv(scaled[doubtful], rtol=_CUTOFF, hermitian=True)
    return inverse / sizes


def _errors(changes: Tensor, squared_size: Tensor, covariance: Tensor) -> tuple[Tensor, Tensor]:
    """The median and the bound of the relative error of each scan.

    Its square is nearly a chi-square variable of as many degrees of freedom as its mean and variance ask for (F. E.
    Satterthwaite, Biometrics Bulletin 2 (1946)), whose cube root is nearly normal (E. B. Wilson and M. M. Hilferty,
    Proc. Natl. Acad. Sci. 17 (1931)).
    """
    spread = covariance @ changes
    mean, variance = spread.diagonal(dim1=1, dim2=2).sum(1), 2 * (spread * spread.mT).sum((1, 2))
    narrow = 2 / (9 * 2 * mean**2 / variance)
    roots = [
        (1 - narrow + NormalDist().inv_cdf(share) * square_root(narrow)).clamp_min(0)
        for share in (0.5, COVERED_PERCENT / 100)
    ]
    expected, bound = (square_root(mean / squared_size * root**3) for root in roots)
    return expected, bound
