"""The scan that current elements make, and how it changes with their places: batched, on any device.

The formulas of `emfm.core.elements`, of which a scan holds some components. With d from the element to the point, R =
|d| and g = exp(-jkR) / 4 pi R let s = -g'(R) / R, t = -s'(R) / R and u = -t'(R) / R. An electric element of moment m
makes H = s (m x d) and E / eta0 = ((k^2 g - s) m + t (d . m) d) / jk, a magnetic one of moment eta0 m makes H as the
former's E / eta0, and E / eta0 = -s (m x d).

Of the N complex numbers of a scan the real parts come first, then the imaginary parts, ``(..., 2 N)``: torch takes less
than half the time for real arithmetic.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from math import pi

import torch
from torch import Tensor

from emfm.core.channels import E_COMPONENTS, H_COMPONENTS, SOURCE_COMPONENTS
from emfm.core.constants import ETA_0

_NEXT, _LAST = (1, 2, 0), (2, 0, 1)


@dataclass(frozen=True)
class Observed:
    """What a scan holds of the field: components at points, of which some may be unknown."""

    points: Tensor
    """``(P, 3)``, m."""
    components: tuple[str, ...] = SOURCE_COMPONENTS
    """Those of E before those of H."""
    known: Tensor | None = None
    """Places of what is known in the list of all points' first component, then of their second, ...; None: all is."""
    e_weight: float = 1.0
    """What E / eta0 is multiplied by, which sets the noise in E beside that in H."""

    @property
    def count(self) -> int:
        """How many complex numbers a scan has."""
        return len(self.components) * len(self.points) if self.known is None else len(self.known)

    def of_points(self, numbers: Tensor) -> Tensor:
        """``(count,)`` of ``numbers`` ``(P,)`` that belong to the points."""
        return self.kept(numbers.repeat(len(self.components)))

    @property
    def scales(self) -> Tensor:
        """What each component's V/m or A/m are multiplied by, ``(components,)``: E is over eta0, and weighed."""
        of_e = self.e_weight / ETA_0
        scales = [of_e if name in E_COMPONENTS else 1.0 for name in self.components]
        return torch.tensor(scales, dtype=torch.float64, device=self.points.device)

    @property
    def component_places(self) -> Tensor:
        """The place in `components` to which each number belongs, ``(count,)``."""
        places = torch.arange(len(self.components), device=self.points.device)
        return self.kept(places.repeat_interleave(len(self.points)))

    def kept(self, numbers: Tensor) -> Tensor:
        """Of numbers of all components at all points what is known, ``(..., count)``."""
        return numbers if self.known is None else numbers.index_select(-1, self.known)

    def axes(self, names: tuple[str, ...]) -> list[int]:
        """Where the components that are observed of ``names``, those of E or of H, stand in x, y, z."""
        return [names.index(name) for name in self.components if name in names]


class ElementScans:
    """Scans of elements ``(n,)``, electric or magnetic each, per A.m and per eta0 V.m."""

    def __init__(self, observed: Observed, positions: Tensor, magnetic: Tensor, wavenumber: float) -> None:
        """``positions`` are ``(n, 3)``, m, ``magnetic`` is boolean ``(n,)``."""
        self._observed = observed
        self._by_kind = torch.cat([kind.nonzero()[:, 0] for kind in (~magnetic, magnetic)])
        of_e, of_h = observed.axes(E_COMPONENTS), observed.axes(H_COMPONENTS)
        components = (slice(0, len(of_e)), slice(len(of_e), None))
        electric = len(magnetic) - int(magnetic.sum())
        elements = (slice(0, electric), slice(electric, None))
        weight = observed.e_weight
        self._parts: list[tuple[slice, slice, _Part]] = []
        for kind, quantity, axes, make, size, phase in (
            (0, 0, of_e, _Straight, weight / wavenumber, -pi / 2),
            (0, 1, of_h, _Swirl, 1.0, 0.0),
            (1, 0, of_e, _Swirl, weight, pi),
            (1, 1, of_h, _Straight, 1 / wavenumber, -pi / 2),
        ):
            places = positions[self._by_kind[elements[kind]]]
            if axes and len(places):
                waves = _Waves(observed.points, places, wavenumber, size, phase)
                self._parts.append((elements[kind], components[quantity], make(waves, axes)))

    def columns(self) -> Tensor:
        """Of unit moments along x, y and z: a component at all points, then the next, ``(n, 3, 2 count)``."""
        return self._rows(lambda part, _, out: part.columns(out))

    def slopes(self, moments: Tensor) -> Tensor:
        """How the scan of elements with ``moments`` ``(n, 3)`` changes with their x, y and z, 1/m: as `columns`."""
        parts = torch.stack([moments.real, moments.imag]).mT[..., self._by_kind, None]
        return self._rows(lambda part, elements, out: part.slopes(parts[:, :, elements], out))

    def _rows(self, fill: "Callable[[_Part, slice, Tensor], None]") -> Tensor:
        points = self._observed.points
        rows = points.new_empty(len(self._by_kind), 3, 2, len(self._observed.components), len(points))
        for elements, components, part in self._parts:
            fill(part, elements, rows[elements, :, :, components])
        ordered = torch.empty_like(rows).index_copy_(0, self._by_kind, rows)
        return self._observed.kept(ordered.flatten(-2)).flatten(-2)


def apart(numbers: Tensor) -> Tensor:
    """Complex ``(..., N)`` as real ``(..., 2 N)``."""
    return torch.cat([numbers.real, numbers.imag], -1)


def together(parts: Tensor) -> Tensor:
    """Real ``(..., 2 N)`` as complex ``(..., N)``."""
    real, imaginary = parts.chunk(2, -1)
    return torch.complex(real, imaginary)


def turned(parts: Tensor) -> Tensor:
    """Real ``(..., 2 N)``, times -j."""
    real, imaginary = parts.chunk(2, -1)
    return torch.cat([imaginary, -real], -1)


def made_by(moments: Tensor, columns: Tensor) -> Tensor:
    """What moments ``(scans, m, c)`` of columns ``(scans, c, 2 N)`` make, ``(scans, m, 2 N)``."""
    real, imaginary = (torch.cat([moments.real, moments.imag], 1) @ columns).chunk(2, 1)
    return real - turned(imaginary)


class _Waves:
    """Of some elements at all points, times a factor: real and imaginary parts, ``(2, elements, points)`` each."""

    def __init__(self, points: Tensor, positions: Tensor, wavenumber: float, size: float, phase: float) -> None:
        """``size`` and ``phase`` are those of the factor."""
        self.wavenumber = wavenumber
        self.along = points.T[:, None] - positions.T[:, :, None]
        """d, ``(3, elements, points)``, m."""
        inverse = self.along.square().sum(0).rsqrt()
        self._inverse_squared = inverse * inverse
        angle = phase - wavenumber / inverse
        self.g = torch.stack([angle.cos(), angle.sin()]).mul_(inverse * (size / (4 * pi)))
        around = self.g * (wavenumber * inverse)
        self.s = self.g * self._inverse_squared
        self.s[0] -= around[1]
        self.s[1] += around[0]

    @cached_property
    def t(self) -> Tensor:
        """See the module; by derivatives of spherical Hankel functions."""
        return (3 * self.s - self.wavenumber**2 * self.g).mul_(self._inverse_squared)

    @cached_property
    def u(self) -> Tensor:
        """See `t`."""
        return (5 * self.t - self.wavenumber**2 * self.s).mul_(self._inverse_squared)


@dataclass(frozen=True)
class _Part(ABC):
    """What some elements make of some components ``axes`` (0 to 2: x to z) of E or of H."""

    waves: _Waves
    axes: list[int]

    @abstractmethod
    def columns(self, out: Tensor) -> None:
        """Write those of unit moments to ``(elements, 3, 2, axes, points)``."""

    @abstractmethod
    def slopes(self, moments: Tensor, out: Tensor) -> None:
        """The same of slopes with ``moments`` ``(2, 3, elements, 1)``, real and imaginary parts."""


class _Swirl(_Part):
    """s (m x d)."""

    def columns(self, out: Tensor) -> None:
        x_y_z = [self.waves.s * along for along in self.waves.along]
        for place, axis in enumerate(self.axes):
            ahead, behind = _NEXT[axis], _LAST[axis]
            _entry(out, axis, place).zero_()
            _entry(out, ahead, place).copy_(x_y_z[behind])
            torch.neg(x_y_z[ahead], out=_entry(out, behind, place))

    def slopes(self, moments: Tensor, out: Tensor) -> None:
        along, t = self.waves.along, self.waves.t
        turned = [_product(self.waves.s, moments[:, axis]) for axis in range(3)]
        for place, axis in enumerate(self.axes):
            ahead, behind = _NEXT[axis], _LAST[axis]
            across = _product(t, moments[:, ahead] * along[behind] - moments[:, behind] * along[ahead])
            torch.mul(across, along[axis], out=_entry(out, axis, place))
            torch.addcmul(turned[behind], across, along[ahead], out=_entry(out, ahead, place))
            torch.mul(across, along[behind], out=_entry(out, behind, place)).sub_(turned[ahead])


class _Straight(_Part):
    """(k^2 g - s) m + t (d . m) d."""

    def columns(self, out: Tensor) -> None:
        waves = self.waves
        own = torch.sub(waves.g * waves.wavenumber**2, waves.s)
        for place, axis in enumerate(self.axes):
            along_axis = waves.t * waves.along[axis]
            for moment in range(3):
                torch.mul(along_axis, waves.along[moment], out=_entry(out, moment, place))
            _entry(out, axis, place).add_(own)

    def slopes(self, moments: Tensor, out: Tensor) -> None:
        waves, along = self.waves, self.waves.along
        own_falls = torch.sub(waves.s * waves.wavenumber**2, waves.t)
        toward = (moments * along).sum(1)
        through, through_falls = _product(waves.t, toward), _product(waves.u, toward)
        parts = [_product(waves.t, moments[:, axis]) for axis in range(3)]
        for place, axis in enumerate(self.axes):
            change = _product(own_falls, moments[:, axis]).addcmul_(through_falls, along[axis])
            for moved in range(3):
                entry = torch.mul(change, along[moved], out=_entry(out, moved, place))
                entry.addcmul_(parts[moved], along[axis], value=-1)
            _entry(out, axis, place).sub_(through)


def _entry(out: Tensor, moment: int, place: int) -> Tensor:
    return out[:, moment, :, place].transpose(0, 1)


def _product(first: Tensor, second: Tensor) -> Tensor:
    """Of complex numbers as real and imaginary parts ``(2, elements, ...)``."""
    a, b, c, d = *first, *second
    return torch.stack([(a * c).addcmul_(b, d, value=-1), (a * d).addcmul_(b, c)])
