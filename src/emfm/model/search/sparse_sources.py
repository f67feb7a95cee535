"""Source reconstruction that looks for few sources: sparse Bayesian learning on cells below the scan.

The scan is modelled as h = sum over groups g of A_g m_g + noise, m_g complex normal with variance w_g 1, noise white
with variance v. The variances start equal and are found by the fixed point of the evidence (D. J. C. MacKay, "Bayesian
interpolation", Neural Computation 4 (1992); M. E. Tipping, "Sparse Bayesian learning and the relevance vector
machine", J. Mach. Learn. Res. 1 (2001)), with S = sum w_g A_g A_g^H + v 1 the covariance of the scan::

    w_g <- w_g ||A_g^H S^-1 h||^2 / tr(A_g^H S^-1 A_g),    v <- v ||S^-1 h||^2 / tr(S^-1)

Most w_g then go to zero. The field is that of the mean moments m_g = w_g A_g^H S^-1 h. Scaling the scan by any complex
number scales the field by it.

All of it is computed in double precision: S is as ill-conditioned as the scan is clean, and in single precision the
field would depend by up to a percent on the order in which a processor adds, and so on the scans beside it.

Scans are seen in patterns that are even or odd in x and in y. There the A_g of mirrored cells differ by signs alone,
and entry i, j of A_g A_g^H changes its sign with the parity of i times that of j. So the sums over all groups are
products with a quarter of them: see `emfm.model.search.mirrors`.
"""

from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from tqdm import tqdm

from emfm.core.channels import SOURCE_COMPONENTS
from emfm.core.grid import Geometry
from emfm.model.search.mirrors import IMAGES, exchange, in_parities, in_proportion, parity_bases, parity_sizes
from emfm.model.search.modes import FieldModes
from emfm.model.search.params import SourceRegionParams
from emfm.model.search.source_cells import (
    KEPT,
    SourceCells,
    cell_fields,
    quarter_in_parts,
    source_cells,
    unit_scans,
)
from ttt.engine.side_by_side import side_by_side
from ttt.log import LOG

DESCRIPTORS: Final = ("misfit", "unsettled", "active cells", "outermost cells", "deepest cells", "magnetic elements")
"""What `SparseSources.forward` says of each estimate, natural logarithms: see there."""

_FIRST_NOISE: Final = 0.1
_NOISE_FLOOR: Final = 1e-5
"""Of v, relative to the mean diagonal of S: no scan is taken to be cleaner than 50 dB."""
_LEAST_OPEN: Final = 1e-3
"""Share of a group's variance that is taken as open where the difference of nearly equal numbers would say less."""
_LEAST_SHARE: Final = 1e-3
"""Of the field: places that make less are as good as empty."""
_ATTEMPTS: Final = 6
"""To factor S, each with ten times the noise that is added; a scan that holds NaN never succeeds."""
_VARIANCE_FLOOR: Final = 1e-9
_TINY: Final = 1e-30
_GROUPS_AT_ONCE: Final = 64
_PARTS_AT_ONCE: Final = 8
_MATRICES: Final = 6
_MOMENTS: Final = 3
"""Arrays of the size of S, and of all moments, that a step of the search holds at a time, about."""
_MUCH_LEFT_OUT: Final = 0.15
_SMALL: Final = 15
"""Triangles of less than twice this size are inverted at once."""


@dataclass(frozen=True)
class _Derived:
    """What follows from the fields of the cells alone, computed once for all scans."""

    covariances: list[Tensor]
    """A_g A_g^H of a quarter of the groups, packed: of each parity ``(groups / IMAGES, entries)``."""
    projections: list[Tensor]
    """A^H of a quarter of the groups: for the patterns of each parity ``(patterns, kept / IMAGES)``."""
    patterns: Tensor
    """The conjugate patterns of the scan, ``(inputs, rank)``."""
    fields: Tensor
    """What each kept combination makes, ``(kept, modes)``."""
    strengths: Tensor
    """The squared size of each group's fields, ``(groups,)``."""


class SparseSources(nn.Module):
    """Scans, complex ``(n, 2 * ny * nx)`` of size one -> modal coefficients of the field, complex ``(n, modes)``."""

    def __init__(self, params: SourceRegionParams, geometry: Geometry, modes: int) -> None:
        super().__init__()
        self._params, self._geometry = params, geometry
        self._cells = source_cells(params, geometry)
        inputs = len(SOURCE_COMPONENTS) * geometry.source.ny * geometry.source.nx
        rank, kept = min(params.rank, inputs), self._cells.groups * KEPT
        self.patterns: Tensor
        self.scans: Tensor
        """Of a quarter of the cells, in the patterns; ``fields`` are of all."""
        self.fields: Tensor
        self.register_buffer("patterns", torch.zeros(inputs, rank, dtype=torch.complex64))
        self.register_buffer("scans", torch.zeros(kept // IMAGES, rank, dtype=torch.complex64))
        self.register_buffer("fields", torch.zeros(kept, modes, dtype=torch.complex64))
        # Patterns, and entries of a packed covariance, stand parity by parity, so many each.
        self._patterns_by_parity = in_proportion(rank, parity_sizes(geometry.source))
        parity = torch.arange(IMAGES).repeat_interleave(torch.tensor(self._patterns_by_parity))
        lower = torch.tril_indices(rank, rank)
        of_product = parity[lower[0]] ^ parity[lower[1]]
        self._entries_by_parity = [2 * count for count in torch.bincount(of_product, minlength=IMAGES).tolist()]
        lower = lower[:, of_product.argsort(stable=True)]
        self._places: Tensor
        self._diagonal: Tensor
        self._twice: Tensor
        on_diagonal = lower[0] == lower[1]
        self.register_buffer("_places", lower[0] * rank + lower[1], persistent=False)
        self.register_buffer("_diagonal", 2 * on_diagonal.nonzero()[:, 0], persistent=False)
        self.register_buffer("_twice", 2.0 - on_diagonal.double()[:, None], persistent=False)
        self._places_of_note: Tensor
        self.register_buffer("_places_of_note", torch.from_numpy(_places_of_note(self._cells)), persistent=False)
        self._derived: _Derived | None = None
        self.register_load_state_dict_post_hook(_forget_derived)  # type: ignore[no-untyped-call]

    def find(self, modes: FieldModes) -> None:
        """Compute the fields of all cells and the leading patterns of their scans, parity by parity.

        The cells' scans are not kept but computed twice: of a scan of 41 x 41 points they would take gigabytes.
        """
        cells, geometry = self._cells, self._geometry
        powers = [torch.zeros(size, size, dtype=torch.complex128) for size in parity_sizes(geometry.source)]
        chosen, fields = [], []
        parts = quarter_in_parts(cells)
        for some in tqdm(_some_at_a_time(parts), desc="fields of the cells", mininterval=1.0, leave=False):
            for found in side_by_side(partial(cell_fields, cells, geometry, modes), some):
                chosen.append(found.chosen)
                fields.append(found.fields)
                rows = found.scans.flatten(0, 1).to(torch.complex128)
                for power, coordinates in zip(powers, in_parities(rows, geometry.source), strict=True):
                    power += coordinates.mT @ coordinates.conj()
        self.fields.copy_(torch.cat(fields, 1).flatten(0, 2))
        self.patterns.copy_(self._leading(powers))
        project = partial(self._pattern_rows, self.patterns.cpu().conj().resolve_conj().to(torch.complex128))
        self.scans.copy_(torch.cat(side_by_side(project, list(zip(parts, chosen, strict=True)))))
        self._derived = None

    def _leading(self, powers: list[Tensor]) -> Tensor:
        """The strongest patterns of each parity, side by side; says how much of the cells' scans they leave out."""
        bases, leading, kept = parity_bases(self._geometry.source), [], 0.0
        for power, basis, count in zip(powers, bases, self._patterns_by_parity, strict=True):
            values, vectors = torch.linalg.eigh(power)
            leading.append(basis @ vectors[:, vectors.shape[1] - count :].flip(1))
            kept += float(values[len(values) - count :].sum())
        left_out = max(0.0, 1 - kept / sum(float(power.trace().real) for power in powers)) ** 0.5
        if left_out > _MUCH_LEFT_OUT:
            LOG.warning(
                "sources.rank: %d patterns leave out %.2g %% of what cells make on this scan; more "
                "of them make the search finer and slower",
                *(self.patterns.shape[1], 100 * left_out),
            )
        return torch.cat(leading, 1)

    def _pattern_rows(self, patterns: Tensor, cells: tuple[slice, Tensor]) -> Tensor:
        """The kept combinations of some cells in the patterns, complex64 ``(kept, rank)``."""
        part, chosen = cells
        indices = np.arange(len(self._cells) // IMAGES)[part]
        rows = (chosen @ unit_scans(self._cells, self._geometry, indices)).flatten(0, 1)
        return (rows.to(torch.complex128) @ patterns).to(torch.complex64)

    @property
    def bytes_per_scan(self) -> int:
        """Memory that the search takes for a scan, about: matrices of the patterns, and moments of all groups."""
        rank = self.patterns.shape[1]
        return 16 * (_MATRICES * rank**2 + _MOMENTS * self._cells.groups * KEPT)

    def forward(self, scans: Tensor) -> tuple[Tensor, Tensor]:
        """Modal coefficients, complex64 ``(n, modes)``, and `DESCRIPTORS` ``(n, 6)``, natural logarithms of

        the noise v relative to the mean diagonal of S; the field's variance that the scan leaves open, relative to
        the field; the number of cells that radiate (the perplexity of their shares of the field); the shares of the
        cells at the region's rim, of those in its lowest layer, and of magnetic elements.
        """
        scans = scans.to(torch.complex128)
        if torch.compiler.is_exporting():  # in full precision anyway, and autocast cannot be stored
            coefficients, described = self._search(scans)
        else:
            with torch.autocast(scans.device.type, enabled=False):
                coefficients, described = self._search(scans)
        return coefficients.to(torch.complex64), described.float()

    def _search(self, scans: Tensor) -> tuple[Tensor, Tensor]:
        count, groups = len(scans), self._cells.groups
        derived = self._of_fields()
        scans = scans @ derived.patterns
        variances = scans.real.new_full((1, groups), 1 / groups)  # all scans begin alike: their first S is one
        noise = scans.real.new_zeros(1)
        for step in range(self._params.iterations):
            by_parity = exchange(variances).chunk(IMAGES, 1)
            packed = torch.cat([part @ derived.covariances[parity] for parity, part in enumerate(by_parity)], 1)
            level = packed.index_select(1, self._diagonal).mean(1) + _TINY
            noise = torch.maximum(noise, level * (_NOISE_FLOOR if step else _FIRST_NOISE))
            factor = self._factor(packed, noise, level)
            inverse = _inverse(factor)
            solved = torch.cholesky_solve(scans[:, :, None], factor)[:, :, 0]  # S is too ill-conditioned for inverse @
            moments = self._moments(solved, derived.projections)
            spread = self._spread(inverse, derived.covariances)
            if step == self._params.iterations - 1:
                break
            power = moments.square().sum(2)
            variances = variances * (power / spread.clamp_min(_TINY))
            variances = torch.maximum(variances, variances.amax(1, keepdim=True) * _VARIANCE_FLOOR)
            noise = noise * solved.abs().square().sum(1) / inverse.diagonal(dim1=1, dim2=2).real.sum(1)
        weighed = (moments * variances[:, :, None]).reshape(count, -1, 2)
        coefficients = torch.view_as_complex(weighed) @ derived.fields
        variances, misfit = variances.expand(count, -1), (noise / level).expand(count)
        return coefficients, self._describe(coefficients, variances, spread, misfit)

    def _moments(self, solved: Tensor, projections: list[Tensor]) -> Tensor:
        """A_g^H S^-1 h of all groups, real and imaginary parts side by side: ``(n, groups, 2 * KEPT)``."""
        parts = zip(torch.split(solved, self._patterns_by_parity, 1), projections, strict=True)
        by_parity = torch.cat([torch.view_as_real(part @ projection).flatten(1) for part, projection in parts], 1)
        return exchange(by_parity).view(len(solved), self._cells.groups, -1)

    def _spread(self, inverse: Tensor, covariances: list[Tensor]) -> Tensor:
        """tr(A_g^H S^-1 A_g) of all groups, ``(n, groups)``."""
        packed = torch.split((self._lower(inverse) * self._twice).flatten(1), self._entries_by_parity, 1)
        return exchange(torch.cat([part @ of.mT for part, of in zip(packed, covariances, strict=True)], 1))

    def _describe(self, coefficients: Tensor, variances: Tensor, spread: Tensor, misfit: Tensor) -> Tensor:
        field_of_group = self._of_fields().strengths
        open_share = (1 - variances * spread / KEPT).clamp(_LEAST_OPEN, 1)
        unsettled = (variances * open_share) @ field_of_group / (coefficients.abs().square().sum(1) + _TINY)
        shares = variances * field_of_group
        shares = shares / (shares.sum(1, keepdim=True) + _TINY)
        entropy = -(shares * (shares + _TINY).log()).sum(1)
        of_note = (shares @ self._places_of_note).clamp_min(_LEAST_SHARE).log()
        return torch.cat([torch.stack([(misfit + _TINY).log(), (unsettled + _TINY).log(), entropy], 1), of_note], 1)

    def _factor(self, packed: Tensor, noise: Tensor, level: Tensor) -> Tensor:
        """The Cholesky factor of S; where rounding has made S indefinite, of S with more noise."""
        covariance = self._unpack(packed)
        covariance.diagonal(dim1=1, dim2=2).add_(noise[:, None])
        factor: Tensor
        factor, failed = torch.linalg.cholesky_ex(covariance)
        if torch.compiler.is_exporting():
            operands = (covariance, factor, failed, level)
            return torch.cond(failed.any(), _factor_again, _as_factored, operands)  # type: ignore[no-any-return]
        return _factor_again(covariance, factor, failed, level) if failed.any() else factor

    def _of_fields(self) -> _Derived:
        if self._derived is None or self._derived.strengths.device != self.scans.device:
            scans, fields = self.scans.to(torch.complex128), self.fields.to(torch.complex128)
            packed = [
                torch.split(self._lower(part.mT @ part.conj()).flatten(1), self._entries_by_parity, 1)
                for part in torch.split(scans.view(-1, KEPT, scans.shape[1]), _GROUPS_AT_ONCE)
            ]
            self._derived = _Derived(
                covariances=[torch.cat(of_parity) for of_parity in zip(*packed, strict=True)],
                projections=[
                    part.contiguous() for part in torch.split(scans.mH.resolve_conj(), self._patterns_by_parity)
                ],
                patterns=self.patterns.conj().resolve_conj().to(torch.complex128),
                fields=fields,
                strengths=fields.abs().square().reshape(self._cells.groups, -1).sum(1),
            )
        return self._derived

    def _lower(self, matrices: Tensor) -> Tensor:
        """The lower triangles of complex matrices, parity by parity: ``(n, rank * (rank + 1) / 2, 2)``, real."""
        return torch.view_as_real(matrices.resolve_conj()).flatten(1, 2).index_select(1, self._places)

    def _unpack(self, packed: Tensor) -> Tensor:
        """The lower triangles of Hermitian matrices; above them zeros."""
        rank = self.scans.shape[1]
        matrices = packed.new_zeros(len(packed), rank * rank, dtype=torch.complex128)
        matrices.index_copy_(1, self._places, torch.view_as_complex(packed.view(len(packed), -1, 2)))
        return matrices.view(len(packed), rank, rank)


def _places_of_note(cells: SourceCells) -> NDArray[np.float64]:
    """Which groups are at the rim of the region, in its lowest layer, and magnetic: ones and zeros ``(groups, 3)``."""
    middles, size = cells.middles, cells.size
    reach = np.abs(middles - (middles.max(0) + middles.min(0)) / 2)
    at_rim = (reach[:, :2] > reach[:, :2].max(0) - size[:2] / 2).any(1)
    lowest = middles[:, 2] < middles[:, 2].min() + size[2] / 2
    magnetic = np.tile([0.0, 1.0], len(cells))
    return np.column_stack([np.repeat(at_rim, 2), np.repeat(lowest, 2), magnetic])


def _some_at_a_time(parts: list[slice]) -> list[list[slice]]:
    return [parts[start : start + _PARTS_AT_ONCE] for start in range(0, len(parts), _PARTS_AT_ONCE)]


def _inverse(factor: Tensor) -> Tensor:
    """The lower triangles of the inverses of matrices with the Cholesky factors ``factor``; above them zeros.

    LAPACK's own routine, cholesky_inverse, works on columns and takes up to five times as long.
    """
    half = factor.shape[1] // 2
    whitening = _inverse_triangles(factor)
    upper, lower = whitening[:, :, :half], whitening[:, half:]
    inverse: Tensor = torch.zeros_like(factor)
    inverse[:, :half, :half] = upper.mH @ upper
    inverse[:, half:] = lower[:, :, half:].mH @ lower
    return inverse


def _inverse_triangles(factor: Tensor) -> Tensor:
    """The inverses of lower triangles, half by half: products are faster than to solve for a whole triangle."""
    size = factor.shape[1]
    half = size // 2
    if half < _SMALL:
        identity = torch.eye(size, dtype=factor.dtype, device=factor.device)
        solved: Tensor = torch.linalg.solve_triangular(factor, identity.expand_as(factor), upper=False)
        return solved
    inverse = torch.zeros_like(factor)
    first, second = _inverse_triangles(factor[:, :half, :half]), _inverse_triangles(factor[:, half:, half:])
    inverse[:, :half, :half] = first
    inverse[:, half:, half:] = second
    inverse[:, half:, :half] = -second @ (factor[:, half:, :half] @ first)
    return inverse


def _factor_again(covariance: Tensor, factor: Tensor, failed: Tensor, level: Tensor) -> Tensor:
    """The factors of ``covariance`` where those that have ``failed`` get more noise, step by step."""
    covariance, extra = covariance.clone(), level * _NOISE_FLOOR
    for _ in range(_ATTEMPTS):
        if not (torch.compiler.is_exporting() or failed.any()):
            break
        covariance.diagonal(dim1=1, dim2=2).add_(((failed > 0) * extra)[:, None])
        factor, failed = torch.linalg.cholesky_ex(covariance)
        extra = extra * 10
    return factor


def _as_factored(_covariance: Tensor, factor: Tensor, _failed: Tensor, _level: Tensor) -> Tensor:
    return factor.clone()


def _forget_derived(sources: SparseSources, _: object) -> None:
    """What followed from the fields before loading."""
    sources._derived = None
