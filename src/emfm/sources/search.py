"""The few current elements that make a scan: how many, of which kind, where, by the evidence.

One element after the other is added where the scan's rest looks most like one, and all of them slide to where they fit
best (`emfm.sources.slide`; the way of sliding Frank-Wolfe, Q. Denoyelle, V. Duval, G. Peyre and E. Soubies, Inverse
Problems 36 (2020), and ADCG, N. Boyd, G. Schiebinger and B. Recht, SIAM J. Optim. 27 (2017)). Each number of them is
judged by the likelihood of what they leave, as noise or as noise over a background of weak elements
(`emfm.sources.background`), less half the logarithm of the number of observations for each of their real numbers
(G. Schwarz, "Estimating the dimension of a model", Ann. Stat. 6 (1978)). The likeliest is what is found.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from emfm.core.channels import Complex, Real
from emfm.core.constants import ETA_0
from emfm.core.errors import DataError
from emfm.core.grid import Geometry
from emfm.sources.background import Background
from emfm.sources.found import FREEDOMS, CurrentElements, PointSources
from emfm.sources.instrument import Instrument
from emfm.sources.precision import Estimated, Precision
from emfm.sources.scan_of_elements import apart, made_by, together
from emfm.sources.slide import Fit, LeastSquares, Region, slide
from emfm.sources.views import ScanView
from ttt.engine.on_device import free_memory
from ttt.engine.side_by_side import side_by_side
from ttt.engine.square_root import square_root

MOST_ELEMENTS: Final = 8
"""Fewer on scans that do not have twice as many numbers as so many elements."""
PATIENCE: Final = 2
"""Elements that are added in vain before the search ends."""
_LEAST_TRIED: Final = 2
"""Elements that are added in any case: of six, the first may gain little."""
_NEAREST, _DEEPEST, _ASIDE = 0.85, 2.7, 0.3
"""Where elements may lie below the scan, and beside it, in pitches."""
_DEEPEST_OF_SPAN: Final = 0.25
"""The same of the scan's larger side, if that is deeper: a larger scan sees deeper."""
_STEP: Final = 0.5
"""Between the places at which an element is tried first, along x and y, in pitches."""
_MOST_PLACES: Final = 31
"""Such places along an axis; on larger scans they lie further apart."""
_LAYERS: Final = 4
"""Of such places, each deeper than the one above by the same factor."""
_HOPEFUL: Final = 0.55
"""Of what one element more must gain to be likely, what it gains by its first steps: in white noise it is less."""
_TRIAL_STEPS: Final = 3
_ALIKE: Final = 1.0
"""Of the same: as near each other, an electric and a magnetic element beside the others say little of the kind."""
_STEPS: Final = 6
_TRIALS: Final = ((0, 16.0, 2e-3), (1, 2.5, 1e-5))
"""A change that after so many steps leaves so many times the noise is not tried further.

The last numbers are the same as a mean square relative to the scan's: where there is no noise, places are still far
from exact then."""
_FIELD_STEP: Final = 5
"""Every fifth point of the target plane along x and y says how strong a field is."""
_LOUDEST: Final = 10**-2.5
"""Of the noise, as a mean square relative to the scan's: in more, boards look like a few elements, too."""
_Result = TypeVar("_Result")
_Change = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]
"""Makes places and kinds from those there are and the element to change, of each scan."""

_SCANS_AT_ONCE: Final = 512
"""By one thread. Fewer wait for each other's turns to start the many small steps: then all threads share each step."""
_SCANS_AT_ONCE_ON_GPU: Final = 16384
"""A step takes as long to start for few scans as for so many."""
_GPU_SHARE: Final = 0.5
"""Of a GPU's free memory that scans may take."""
_COLUMNS_HELD: Final = 8
"""Arrays of the size of an element's columns that are there at a time."""
_DOUBLE: Final = 8
"""Bytes of a number."""
_CHANGED_AT_ONCE: Final = 1024
"""Changes that are tried together, or as many as there are scans, if these are more."""
_RESULTS_AT_ONCE: Final = 32
_RESULT_PARTS: Final = 8
"""Or so many parts of the scans, if these are more: how the field changes takes that much more memory than a scan."""
_EXACT: Final = 3e-14
"""A mean square, relative to the scan's, that rounding to single precision leaves."""


@dataclass
class _Best:
    """The likeliest so far, of each scan."""

    score: Tensor
    count: Tensor
    ratio: Tensor
    """Of the background to the noise."""
    noise: Tensor
    positions: Tensor
    """``(scans, most, 3)``, m."""
    magnetic: Tensor

    @classmethod
    def nothing(cls, scans: Tensor, most: int) -> "_Best":
        numbers = scans.new_zeros(len(scans))
        return cls(
            numbers - torch.inf,
            numbers.long(),
            numbers.clone(),
            numbers.clone(),
            scans.new_zeros(len(scans), most, 3),
            torch.zeros(len(scans), most, dtype=torch.bool, device=scans.device),
        )


@dataclass(frozen=True)
class _Elements:
    """Elements of scans of size one, ``n`` each."""

    positions: Real
    """``(scans, n, 3)``, m."""
    magnetic: NDArray[np.bool_]
    """``(scans, n)``."""
    moments: Complex
    """``(scans, n, 3)``, A.m, or eta0 V.m of magnetic ones."""


class ElementSearch:
    """The search in scans of one view, for any number of calls; several threads may call it at a time."""

    def __init__(
        self,
        view: ScanView,
        looked_at: Real,
        instrument: Instrument | None = None,
        depths: tuple[float, float] | None = None,
    ) -> None:
        """``instrument`` says how scans may be wrong, None: by white noise alone.

        ``looked_at`` ``(Q, 3)``, m, are points of which shares and errors of the field are said. ``depths`` are the
        least and the largest of the elements below the lowest point, m; None: as pitch and span suggest.
        """
        self._device = view.device
        pitch = view.pitch
        nearest, deepest = depths or _depths(view)
        low = (view.x[0] - _ASIDE * pitch, view.y[0] - _ASIDE * pitch, view.lowest - deepest)
        high = (view.x[1] + _ASIDE * pitch, view.y[1] + _ASIDE * pitch, view.lowest - nearest)
        self._region = Region(
            observed=view.observed,
            low=self._numbers(low),
            high=self._numbers(high),
            wavenumber=view.wavenumber,
            unit=pitch,
        )
        self._most = min(MOST_ELEMENTS, 2 * view.observed.count // (2 * FREEDOMS))
        self._most_settled = self._most - PATIENCE
        self._nats = float(np.log(2 * view.observed.count)) / 2
        # One component alone says so little at first that all elements move with a new one, and every change is tried
        # to its end.
        self._alone = len(view.observed.components) == 1
        self._trials = () if self._alone else _TRIALS
        self._places = self._numbers(_first_places(view, nearest, deepest))
        self._looks = self._first_looks()
        self._background = Background(view)
        self.precision = Precision(view, self._region, self._background, instrument or Instrument(), looked_at)
        """How well places, moments and the field are known."""

    def find_in(self, rows: Complex) -> list[PointSources]:
        """What is found below scans ``(n, N)``, A/m; raises DataError for one that is zero or not finite."""
        return self._in_parts(self._found, rows)

    def explaining_in(self, rows: Complex) -> list[PointSources | None]:
        """The same of the scans that elements and noise explain (`PointSources.explain_the_scan`); None for others."""
        return self._in_parts(self._explained, rows)

    def _in_parts(self, search: Callable[[Complex], list[_Result]], rows: Complex) -> list[_Result]:
        """What ``search`` makes of scans, of as many at a time as the device is fastest with."""
        if self._device.type == "cuda":
            room = int(_GPU_SHARE * free_memory(self._device) / self._bytes_per_scan)
            most = min(max(1, room), _SCANS_AT_ONCE_ON_GPU)
            parts = [search(rows[start : start + most]) for start in range(0, len(rows), most)]
        else:
            parts = side_by_side(search, _parts(rows))
        return [sources for part in parts for sources in part]

    @property
    def _bytes_per_scan(self) -> int:
        """Of a GPU's memory: the columns of all elements, some times over."""
        return _COLUMNS_HELD * FREEDOMS * self._most * 2 * self._region.observed.count * _DOUBLE

    def _found(self, rows: Complex) -> list[PointSources]:
        scans, sizes = self._scaled(rows)
        best = self._likeliest(scans)
        found = self._sources(best, torch.arange(len(scans), device=scans.device), scans, sizes)
        return [found[place] for place in range(len(scans))]

    def _explained(self, rows: Complex) -> list[PointSources | None]:
        scans, sizes = self._scaled(rows)
        best = self._likeliest(scans, countable_alone=True)
        explained = (best.ratio == 0) & (best.count > 0) & self._settled(best)
        found = self._sources(best, explained.nonzero()[:, 0], scans, sizes)
        return [found.get(place) for place in range(len(scans))]

    def _settled(self, best: _Best) -> Tensor:
        return (best.count <= self._most_settled) & (best.noise < _LOUDEST)

    def _scaled(self, given: Complex) -> tuple[Tensor, Tensor]:
        """Scans as rows ``(scans, 2 N)`` of size one, and their sizes, A/m."""
        rows = self._numbers(given)
        sizes = square_root(rows.abs().square().mean(1))
        if not bool((sizes.isfinite() & (sizes > 0)).all()):
            raise DataError("a scan is zero or not finite: no sources can be found")
        return apart(rows / sizes[:, None]), sizes

    def _likeliest(self, scans: Tensor, countable_alone: bool = False) -> _Best:
        """``countable_alone``: of scans that cannot be explained any more nothing else has to be known."""
        best = _Best.nothing(scans, self._most)
        vain = torch.zeros(len(scans), dtype=torch.long, device=scans.device)
        live = torch.arange(len(scans), device=scans.device)
        none = scans.new_zeros(len(scans), 0, 3)
        fit = Fit(none, none[:, :, 0].bool(), together(scans[:, :0]), scans)
        for count in range(self._most + 1):
            if count:
                alone = (best.count[live] == count - 1) & (best.ratio[live] == 0)
                hopeful, positions, magnetic = self._one_more(fit, scans[live], alone)
                live = live[hopeful]
                fit = slide(self._region, positions[hopeful], magnetic[hopeful], scans[live], _STEPS)
            better = self._judge(best, live, fit, count)
            vain[live] = torch.where(better, 0, vain[live] + 1) if count > _LEAST_TRIED else 0
            going = (vain[live] < PATIENCE) & (fit.misfit > _EXACT * self._region.observed.count)
            if countable_alone and count > self._most_settled:
                going &= best.ratio[live] == 0
            live, fit = live[going], fit[going]
            if not len(live):
                break
        self._reconsider(best, scans)
        return best

    def _reconsider(self, best: _Best, scans: Tensor) -> None:
        """Leave out each element, and change the kind of each, where that is likelier.

        Scans that no countable elements explain are left as they are, but for those that any number explains exactly.
        """
        countable = (best.ratio == 0) & ((best.count <= self._most_settled + 1) | (best.noise < _EXACT))
        for count in range(self._most, 0, -1):
            some = (countable & (best.count == count)).nonzero()[:, 0]
            for change in (_without, _of_other_kind) if count > 1 else (_of_other_kind,):
                self._change(best, some[best.count[some] == count], scans, count, change)

    def _change(self, best: _Best, some: Tensor, scans: Tensor, count: int, change: _Change) -> None:
        """Try a change at each element of ``some`` scans, which have ``count``, and note what is likelier."""
        at_once = max(len(scans), _CHANGED_AT_ONCE) // count
        for part in torch.split(some, at_once) if len(some) else ():
            self._change_together(best, part, scans, count, change)

    def _change_together(self, best: _Best, some: Tensor, scans: Tensor, count: int, change: _Change) -> None:
        of, element = some.repeat(count), torch.arange(count, device=some.device).repeat_interleave(len(some))
        positions, magnetic = change(best.positions[of, :count], best.magnetic[of, :count], element)
        for steps, times, promising in self._trials:
            fit = slide(self._region, positions, magnetic, scans[of], steps)
            wanted = self._region.observed.count * (times * best.noise[of]).clamp_min(promising)
            near = fit.misfit < wanted
            of, element, positions, magnetic = of[near], element[near], fit.positions[near], fit.magnetic[near]
            if not len(of):
                return
        fit = slide(self._region, positions, magnetic, scans[of], _STEPS)
        for place in range(count):
            here = element == place
            self._judge(best, of[here], fit[here], magnetic.shape[1])

    def _one_more(self, fit: Fit, scans: Tensor, doubtful: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Where an element more is hopeful; places and kinds with it, electric or magnetic, whichever fits better.

        It is chosen beside the elements that there are. All of them move where that says little of its kind, where one
        component is all that is known, or where noise is most likely what they leave, so that one more is ``doubtful``:
        then it is hopeful unless they gain no more than in noise.
        """
        electric, magnetic = self._beside_others(fit, scans)
        new = electric.or_where(magnetic.misfit < electric.misfit, magnetic)
        positions, kinds = self._with_new(fit, new)
        apart = self._region.observed.count * (electric.misfit / magnetic.misfit).log().abs()
        some = (doubtful | self._alone | (apart < _ALIKE * FREEDOMS * self._nats)).nonzero()[:, 0]
        steps = _STEPS if self._alone else _TRIAL_STEPS
        electric, magnetic = (
            slide(self._region, *self._with_new(fit[some], one[some]), scans[some], steps)
            for one in (electric, magnetic)
        )
        moved = electric.or_where(magnetic.misfit < electric.misfit, magnetic)
        positions[some], kinds[some] = moved.positions, moved.magnetic
        gain = self._region.observed.count * (fit.misfit[some] / moved.misfit).log()
        hopeful = torch.ones_like(doubtful)
        hopeful[some] = ~doubtful[some] | (gain >= _HOPEFUL * FREEDOMS * self._nats)
        return hopeful, positions, kinds

    def _with_new(self, fit: Fit, new: Fit) -> tuple[Tensor, Tensor]:
        """Places and kinds of ``fit`` and of one of `_beside_others`."""
        places = self._region.unit * new.positions.double()
        return torch.cat([fit.positions, places], 1), torch.cat([fit.magnetic, new.magnetic], 1)

    def _beside_others(self, fit: Fit, scans: Tensor) -> tuple[Fit, Fit]:
        """An electric and a magnetic element where they fit best beside those that stay where they are."""
        seen = (self._looks @ together(fit.residual).mT.to(torch.complex64)).abs().square()
        likeness = seen.view(2, len(self._places), 3, len(scans)).sum(2)
        region = self._region.single
        positions = (self._places / self._region.unit).float()[likeness.argmax(1)].flatten(0, 1)[:, None]
        magnetic = torch.arange(2, device=scans.device).bool().repeat_interleave(len(scans))[:, None]
        beside = self._beside(fit, scans)
        trials = slide(region, positions, magnetic, fit.residual.float().repeat(2, 1), _TRIAL_STEPS, beside)
        return trials[: len(scans)], trials[len(scans) :]

    def _beside(self, fit: Fit, scans: Tensor) -> Tensor | None:
        if not fit.magnetic.shape[1]:
            return None
        _, columns = self._region.columns(fit.positions, fit.magnetic)
        return LeastSquares.of(columns, scans).orthonormal().float().repeat(2, 1, 1)

    def _judge(self, best: _Best, live: Tensor, fit: Fit, count: int) -> Tensor:
        """Note what is likelier than all before; where it is."""
        evidence = self._background.evidence(together(fit.residual))
        without = evidence.without - FREEDOMS * count * self._nats
        with_it = evidence.best - (FREEDOMS * count + 1) * self._nats
        score = torch.maximum(without, with_it)
        better = score > best.score[live]
        some, alone = live[better], (without >= with_it)[better]
        best.score[some], best.count[some] = score[better], count
        best.ratio[some] = torch.where(alone, 0, evidence.ratio[better])
        quiet, beside = evidence.noise[better].unbind(1)
        best.noise[some] = torch.where(alone, quiet, beside)
        best.positions[some, :count], best.magnetic[some, :count] = fit.positions[better], fit.magnetic[better]
        return better

    def _sources(self, best: _Best, some: Tensor, scans: Tensor, sizes: Tensor) -> dict[int, PointSources]:
        """The results of ``some`` scans, in A/m, by their places."""
        found: dict[int, PointSources] = {}
        at_once = max(_RESULTS_AT_ONCE, len(scans) // _RESULT_PARTS)
        alike = 2 * best.count[some] + (best.ratio[some] > 0)
        for value in set(alike.tolist()):
            for part in torch.split(some[alike == value], at_once):
                results = self._alike_sources(best, part, scans[part], sizes[part].tolist())
                found |= dict(zip(part.tolist(), results, strict=True))
        return found

    def _alike_sources(self, best: _Best, some: Tensor, scans: Tensor, sizes: list[float]) -> list[PointSources]:
        """Of scans with as many elements each, all of them with a background or none."""
        count, ratio, noise = int(best.count[some[0]]), best.ratio[some], best.noise[some]
        positions, magnetic = best.positions[some, :count], best.magnetic[some, :count]
        _, columns = self._region.columns(positions, magnetic)
        whitened = self._background.whitened(torch.cat([columns, scans[:, None]], 1), noise, ratio)
        moments = LeastSquares.of(whitened[:, :-1], whitened[:, -1]).moments
        left = together(scans - made_by(moments[:, None], columns)[:, 0])
        moments = moments.view(*magnetic.shape, 3)
        # What least squares leaves underrates the noise by the share of numbers that it fitted.
        noise = noise / (1 - FREEDOMS * count / scans.shape[1])
        return _results(
            sizes,
            _Elements(*(of_all.cpu().numpy() for of_all in (positions, magnetic, moments))),
            self.precision.of(positions, magnetic, moments, noise, ratio),
            self._background.elements(left, ratio),
            noise.tolist(),
            self._settled(best)[some].tolist(),
        )

    def _first_looks(self) -> Tensor:
        """Patterns that the moments of an element of each kind at each first place make, orthonormal, conjugate."""
        rows = []
        for magnetic in (False, True):
            kind = torch.full((len(self._places), 1), magnetic, device=self._device)
            _, columns = self._region.columns(self._places[:, None], kind)
            patterns, sizes = torch.linalg.qr(together(columns).mT)
            seen = (sizes.diagonal(dim1=1, dim2=2) != 0)[:, None]
            rows.append(torch.where(seen, patterns, 0).mH.flatten(0, 1))
        return torch.cat(rows).to(torch.complex64)

    def _numbers(self, values: object) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(values)).to(self._device)


class PointSearch(ElementSearch):
    """The search on one pair of planes, in Hx and Hy on all points of the source plane."""

    def __init__(
        self, geometry: Geometry, instrument: Instrument | None = None, device: torch.device | None = None
    ) -> None:
        """``instrument`` says how scans may be wrong; None: by white noise alone."""
        self.geometry = geometry
        points = geometry.target.points().reshape(*geometry.target.shape, 3)[::_FIELD_STEP, ::_FIELD_STEP]
        view = ScanView.of_grid(geometry.source, geometry.frequency, device or torch.device("cpu"))
        super().__init__(view, np.ascontiguousarray(points.reshape(-1, 3)), instrument)

    def find(self, source_h: NDArray[np.floating]) -> list[PointSources]:
        """What is found below scans ``(n, 4, ny, nx)``, A/m; raises DataError for one that is zero or not finite."""
        return self.find_in(_rows(source_h))

    def explaining(self, source_h: NDArray[np.floating]) -> list[PointSources | None]:
        """The same of the scans that elements and noise explain (`PointSources.explain_the_scan`); None for others."""
        return self.explaining_in(_rows(source_h))


def _rows(source_h: NDArray[np.floating]) -> Complex:
    """Channels ``(n, 4, ny, nx)`` as complex rows ``(n, 2 ny nx)``."""
    channels = np.asarray(source_h, np.float64)
    return (channels[:, 0::2] + 1j * channels[:, 1::2]).reshape(len(channels), -1)


def _results(
    sizes: list[float],
    elements: _Elements,
    estimated: Estimated,
    backgrounds: list[CurrentElements],
    variances: list[float],
    settled: list[bool],
) -> list[PointSources]:
    """Of scans of such ``sizes``, A/m; all else is of scans of size one."""
    order = np.argsort(-estimated.share, axis=1, kind="stable")
    positions = np.take_along_axis(elements.positions, order[..., None], 1)
    magnetic = np.take_along_axis(elements.magnetic, order, 1)
    units = np.array(sizes)[:, None] * np.where(magnetic, ETA_0, 1.0)
    moments = np.take_along_axis(elements.moments, order[..., None], 1) * units[..., None]
    scales = np.ones((*order.shape, FREEDOMS))
    scales[:, :, 3:] = units[..., None]
    scales = scales.reshape(len(order), -1)
    freedoms = (order[..., None] * FREEDOMS + np.arange(FREEDOMS)).reshape(len(order), -1)
    of_scan = np.arange(len(order))[:, None, None]
    covariance = estimated.covariance[of_scan, freedoms[:, :, None], freedoms[:, None]]
    covariance *= scales[:, :, None] * scales[:, None]
    share = np.take_along_axis(estimated.share, order, 1)
    return [
        PointSources(
            positions=positions[scan],
            magnetic=magnetic[scan],
            moments=moments[scan],
            covariance=covariance[scan],
            share=share[scan],
            background=backgrounds[scan].scaled(size),
            noise=variances[scan] ** 0.5 * size,
            settled=settled[scan],
            expected_rel_l2=estimated.expected[scan],
            bound_rel_l2=estimated.bound[scan],
        )
        for scan, size in enumerate(sizes)
    ]


def _without(positions: Tensor, magnetic: Tensor, element: Tensor) -> tuple[Tensor, Tensor]:
    """Places and kinds ``(scans, n, ...)`` with an ``element`` of each left out."""
    count = magnetic.shape[1]
    kept = torch.arange(count - 1, device=element.device).expand(len(element), -1)
    kept = kept + (kept >= element[:, None])
    return positions.gather(1, kept[:, :, None].expand(-1, -1, 3)), magnetic.gather(1, kept)


def _of_other_kind(positions: Tensor, magnetic: Tensor, element: Tensor) -> tuple[Tensor, Tensor]:
    """The same with an element that is magnetic instead of electric, or the other way round."""
    chosen = torch.arange(magnetic.shape[1], device=element.device) == element[:, None]
    return positions, magnetic ^ chosen


def _parts(rows: Complex) -> list[Complex]:
    """Even ones: as many as there are threads, or a multiple, where one is too much for all."""
    parts, threads = -(-len(rows) // _SCANS_AT_ONCE), torch.get_num_threads()
    return np.array_split(rows, parts if parts == 1 else -(-parts // threads) * threads)


def _depths(view: ScanView) -> tuple[float, float]:
    """Of the region below the scan, from and to, m."""
    span = max(view.x[1] - view.x[0], view.y[1] - view.y[0])
    return _NEAREST * view.pitch, max(_DEEPEST * view.pitch, _DEEPEST_OF_SPAN * float(span))


def _first_places(view: ScanView, nearest: float, deepest: float) -> Real:
    """Where an element is tried first, between two depths, ``(places, 3)``, m."""
    counts = (min(round((high - low) / (_STEP * view.pitch)) + 1, _MOST_PLACES) for low, high in (view.x, view.y))
    x, y = (np.linspace(low, high, count) for (low, high), count in zip((view.x, view.y), counts, strict=True))
    depths = nearest * (deepest / nearest) ** ((np.arange(_LAYERS) + 0.5) / _LAYERS)
    z, y, x = np.meshgrid(view.lowest - depths, y, x, indexing="ij")
    return np.stack([x.ravel(), y.ravel(), z.ravel()], axis=1)
