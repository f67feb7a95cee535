"""Elements at free places: where they must lie to leave least of a scan, with their moments eliminated.

For any places the moments follow by least squares, so that the places alone are looked for, by Levenberg's and
Marquardt's damped steps (variable projection: G. H. Golub and V. Pereyra, SIAM J. Numer. Anal. 10 (1973); L. Kaufman's
simplification of its Jacobian, BIT 15 (1975)). Scans go through together, each until it gains no more.
"""

from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Final

import torch
from torch import Tensor

from emfm.sources.scan_of_elements import ElementScans, Observed, made_by, turned
from ttt.engine.square_root import square_root

_FIRST_DAMPING: Final = 1e-3
_LEAST_DAMPING: Final = 1e-9
_MOST_DAMPING: Final = 1e4
_FACTOR: Final = 5.0
_LONGEST: Final = 0.6
"""Of a step along an axis, in units of length."""
_LEAST_GAIN: Final = 1e-4
"""Of the squared misfit in a step; less is as good as none."""
_ROUNDING: Final = 1e-13
"""Of Gram matrices of columns of size one."""
_EXACT: Final = 1e-15
"""A squared misfit, relative to the scan's, that single precision scans do not reach."""


@dataclass(frozen=True)
class Region:
    """What is known of the scan, and where elements may lie; all in m."""

    observed: Observed
    low: Tensor
    """``(3,)``."""
    high: Tensor
    """``(3,)``."""
    wavenumber: float
    """1/m."""
    unit: float
    """A length that moves the scan noticeably: the pitch, m."""

    @cached_property
    def single(self) -> "Region":
        """The same in single precision, and in units of length, so that no power of a distance is too large for it."""
        low, high, points = (length / self.unit for length in (self.low, self.high, self.observed.points))
        observed = replace(self.observed, points=points.float())
        return Region(observed, low.float(), high.float(), self.wavenumber * self.unit, 1.0)

    def columns(self, positions: Tensor, magnetic: Tensor) -> tuple[ElementScans, Tensor]:
        """Scans, of N numbers each, of unit moments of elements ``(scans, n, 3)``: ``(scans, 3 n, 2 N)``."""
        scans, count = magnetic.shape
        elements = self.elements(positions, magnetic)
        return elements, elements.columns().view(scans, 3 * count, 2 * self.observed.count)

    def elements(self, positions: Tensor, magnetic: Tensor) -> ElementScans:
        """Scans of elements ``(scans, n, 3)``, one after the other."""
        places = positions.flatten(0, 1).to(self.low.dtype)
        return ElementScans(self.observed, places, magnetic.flatten(), self.wavenumber)


@dataclass(frozen=True)
class Fit:
    """Elements of many scans, ``n`` each, and what they leave."""

    positions: Tensor
    """``(scans, n, 3)``, m."""
    magnetic: Tensor
    """``(scans, n)``."""
    moments: Tensor
    """``(scans, 3 n)``, A.m, or eta0 V.m of magnetic ones."""
    residual: Tensor
    """``(scans, 2 N)``, A/m."""

    @property
    def misfit(self) -> Tensor:
        """Squared size of the residual, ``(scans,)``."""
        return self.residual.square().sum(1)

    def __getitem__(self, some: Tensor | slice) -> "Fit":
        return Fit(*(getattr(self, field.name)[some] for field in fields(self)))

    def or_where(self, better: Tensor, other: "Fit") -> "Fit":
        """The ``other`` where it is ``better`` ``(scans,)``."""
        pairs = ((getattr(self, field.name), getattr(other, field.name)) for field in fields(self))
        return Fit(*(torch.where(better.view(-1, *[1] * (ours.ndim - 1)), theirs, ours) for ours, theirs in pairs))


@dataclass(frozen=True)
class LeastSquares:
    """The moments of columns ``(scans, c, 2 N)`` that leave least of scans ``(scans, 2 N)``."""

    columns: Tensor
    moments: Tensor
    """``(scans, c)``; that of a column that is zero, which the scan does not see, is zero."""
    residual: Tensor
    """``(scans, 2 N)``."""
    factor: Tensor
    """Cholesky's, of the Gram matrix of columns of size one, ``(scans, c, c)``."""
    sizes: Tensor
    """Of the columns, ``(scans, c)``."""

    @classmethod
    def of(cls, columns: Tensor, scans: Tensor) -> "LeastSquares":
        """See the class."""
        real, imaginary = columns.chunk(2, 2)
        crossed = real @ imaginary.mT
        gram = torch.complex(columns @ columns.mT, crossed - crossed.mT)
        sizes = square_root(gram.diagonal(dim1=1, dim2=2).real)
        sizes = torch.where(sizes > 0, sizes, 1)
        gram = gram / (sizes[:, :, None] * sizes[:, None])
        gram.diagonal(dim1=1, dim2=2).add_(_ROUNDING)
        factor = torch.linalg.cholesky_ex(gram)[0]
        seen = torch.view_as_complex(columns @ torch.stack([scans, turned(scans)], 2)) / sizes
        moments = torch.cholesky_solve(seen[:, :, None], factor)[:, :, 0] / sizes
        return cls(columns, moments, scans - made_by(moments[:, None], columns)[:, 0], factor, sizes)

    def __getitem__(self, some: Tensor) -> "LeastSquares":
        return LeastSquares(*(getattr(self, field.name)[some] for field in fields(self)))

    def orthonormal(self) -> Tensor:
        """Real rows of size one that make what the columns make, ``(scans, 2 c, 2 N)``."""
        inverse = torch.linalg.inv_ex(self.factor)[0] / self.sizes[:, None]
        rows = made_by(inverse, self.columns)
        return torch.cat([rows, turned(rows)], 1)


def slide(
    region: Region, positions: Tensor, magnetic: Tensor, scans: Tensor, steps: int, beside: Tensor | None = None
) -> Fit:
    """Move elements from ``positions``, for so many steps at most, to what fits ``scans`` ``(scans, 2 N)`` best.

    What `LeastSquares.orthonormal` rows ``beside`` make, of which the scans have nothing, fits as well as nothing.
    """
    solved = _solved(region, positions, magnetic, scans, beside)
    fit = settled = Fit(positions, magnetic, solved.moments, solved.residual)
    if not steps:
        return settled
    normal, downhill = _normal_equations(region, fit, solved, beside)
    damping = scans.new_full((len(scans),), _FIRST_DAMPING)
    exact = _EXACT * scans.square().sum(1)
    live = torch.arange(len(scans), device=scans.device)
    for step in range(1, steps + 1):
        places = _moved(region, fit.positions, normal, downhill, damping)
        solved = _solved(region, places, fit.magnetic, scans, beside)
        trial = Fit(places, fit.magnetic, solved.moments, solved.residual)
        before, after = fit.misfit, trial.misfit
        better = after < before
        fit = fit.or_where(better, trial)
        settled = _with(settled, live, fit)
        damping = torch.where(better, (damping / _FACTOR).clamp_min(_LEAST_DAMPING), damping * _FACTOR)
        gaining = ~better | (before - after > _LEAST_GAIN * before)
        going = gaining & (fit.misfit > exact) & (damping < _MOST_DAMPING)
        if step == steps or not bool(going.any()):
            break
        live, damping, exact, fit, scans = live[going], damping[going], exact[going], fit[going], scans[going]
        beside = None if beside is None else beside[going]
        normal, downhill, new = normal[going], downhill[going], better[going]
        beside_new = None if beside is None else beside[new]
        normal[new], downhill[new] = _normal_equations(region, fit[new], solved[better & going], beside_new)
    return settled


def _solved(region: Region, positions: Tensor, magnetic: Tensor, scans: Tensor, beside: Tensor | None) -> LeastSquares:
    _, columns = region.columns(positions, magnetic)
    return LeastSquares.of(_less(columns, beside), scans)


def _normal_equations(region: Region, fit: Fit, solved: LeastSquares, beside: Tensor | None) -> tuple[Tensor, Tensor]:
    """Of the next step: ``(scans, 3 n, 3 n)`` and ``(scans, 3 n)``.

    In single precision, as a step that is a little off is corrected by the next one.
    """
    elements = region.single.elements(fit.positions / region.unit, fit.magnetic)
    moments = (fit.moments / region.unit**2).to(torch.complex64)
    slopes = elements.slopes(moments.view(-1, 3)).view(solved.columns.shape)
    downhill = (slopes @ fit.residual.float()[:, :, None])[:, :, 0]
    slopes = _less(slopes, None if beside is None else beside.float())
    columns = (solved.columns / solved.sizes[:, :, None]).float()
    along = torch.complex(columns @ slopes.mT, columns @ turned(slopes).mT).to(solved.factor.dtype)
    explained = torch.linalg.solve_triangular(solved.factor, along, upper=False)
    explained = torch.cat([explained.real, explained.imag], 1)
    normal = (slopes @ slopes.mT).to(explained.dtype) - explained.mT @ explained
    return normal, downhill.to(explained.dtype)


def _moved(region: Region, positions: Tensor, normal: Tensor, downhill: Tensor, damping: Tensor) -> Tensor:
    diagonal = normal.diagonal(dim1=1, dim2=2)
    extra = damping[:, None] * diagonal + 1e-12 * diagonal.sum(1, keepdim=True)
    way = torch.linalg.solve_ex(normal + torch.diag_embed(extra), downhill[:, :, None])[0]
    moved = positions + region.unit * way.view_as(positions).clamp(-_LONGEST, _LONGEST)
    return torch.maximum(torch.minimum(moved, region.high), region.low)


def _less(rows: Tensor, beside: Tensor | None) -> Tensor:
    """``rows`` without what orthonormal ones make."""
    return rows if beside is None else rows - (rows @ beside.mT) @ beside


def _with(settled: Fit, some: Tensor, fit: Fit) -> Fit:
    """``settled`` with ``some`` of its scans replaced."""
    pairs = ((getattr(settled, field.name), getattr(fit, field.name)) for field in fields(fit))
    return Fit(*(ours.index_copy(0, some, theirs) for ours, theirs in pairs))
