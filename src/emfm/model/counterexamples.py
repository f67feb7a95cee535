"""Scans that the training did not have, made of those it had: components in each other's place, sources elsewhere.

Whoever calibrates a model knows how scans go wrong: a column of a file is taken for another, an axis points the other
way, a probe is not connected, a cable passes by. What each of these does to the signs of a scan
(`emfm.model.scan_signs`) is learned from the training scans themselves, which go wrong here on purpose: the direction
in which the wrong ones differ most from the right ones (R. A. Fisher, "The use of multiple measurements in taxonomic
problems", Annals of Eugenics 7 (1936)), with the spread of the right ones. A scan that is farther out in one of these
directions than nearly all right ones is unlike the training.
"""

from typing import Final

import numpy as np
import torch
from torch import Tensor, nn

from emfm.core.channels import Complex, Real, to_channels, to_components
from emfm.core.grid import Geometry
from emfm.model.scan_signs import SIGNS, element_scans
from emfm.model.trust import usual_reach

KINDS: Final = ("exchanged", "flipped", "missing", "elements around", "lines")
"""Hx and Hy in each other's place; y the other way round; one of them 0; current elements beside the searched region
and long, straight lines below or beside the scan, both on top of it."""
_REACH: Final = 5.0
"""Of elements around, and of the middles of lines (3/5 of it), in half-widths of the scan."""
_FREE: Final = 1.2
"""Elements around are no nearer to the middle, in half-widths."""
_DEEPEST: Final = 0.8
_SHARES_OF_ELEMENTS: Final = (0.02, 3.0)
_SHARES_OF_LINES: Final = (0.05, 30.0)
"""Least and greatest size of what is added, relative to the scan."""
_LINE_POINTS: Final = 40
_RIDGE: Final = 1e-4
_FLOOR: Final = 1e-6
_AT_ONCE: Final = 64


def wrong_scans(scans: Complex, geometry: Geometry) -> list[Complex]:
    """Of each of `KINDS`, scans complex ``(n, 2, ny, nx)`` made of as many right ones; the same for the same ones."""
    rng = np.random.default_rng(0)
    missing = scans.copy()
    missing[0::2, 0], missing[1::2, 1] = 0, 0
    return [
        scans[:, ::-1],
        scans[:, :, ::-1],
        missing,
        _with_more(scans, _elements(len(scans), geometry, rng), _SHARES_OF_ELEMENTS, rng),
        _with_more(scans, _lines(len(scans), geometry, rng), _SHARES_OF_LINES, rng),
    ]


class Oddness(nn.Module):
    """`SIGNS` ``(n, signs)`` -> how far they are out in the direction of any of `KINDS`, ``(n,)``: above 1, too far.

    Before `calibrate` 0.
    """

    def __init__(self) -> None:
        super().__init__()
        self.mean: Tensor
        self.directions: Tensor
        self.register_buffer("mean", torch.zeros(len(SIGNS), dtype=torch.float64))
        self.register_buffer("directions", torch.zeros(len(SIGNS), len(KINDS), dtype=torch.float64))

    def calibrate(self, right: Tensor, wrong: list[Tensor], unseen: Tensor) -> None:
        """Find the directions from the signs of right scans ``(n, signs)`` and of `wrong_scans`.

        The ``unseen`` ones, of validation scans, say too how far right ones reach, within reason.
        """
        right, unseen = right.double(), unseen.double()
        mean, spread = right.mean(0), right.std(0, correction=0) + _FLOOR
        scaled = (right - mean) / spread
        covariance = scaled.mT @ scaled / len(scaled)
        covariance.diagonal().add_(_RIDGE * covariance.diagonal().mean() + _FLOOR)
        apart = torch.stack([(part.double().mean(0) - mean) / spread for part in wrong], 1)
        directions = torch.linalg.solve(covariance, apart) / spread[:, None]
        scores = ((part - mean) @ directions for part in (right, unseen))
        reach = [usual_reach(*of_kind) for of_kind in zip(*(part.mT for part in scores), strict=True)]
        self.mean.copy_(mean)
        self.directions.copy_(directions / torch.stack(reach).clamp_min(_FLOOR))

    def reach_farther(self, times: float) -> None:
        """Let right scans be so many times as far out as `calibrate` found."""
        self.directions.div_(times)

    def forward(self, signs: Tensor) -> Tensor:
        """See the class."""
        return ((signs.double() - self.mean) @ self.directions).clamp_min(0).amax(1).float()


def signs_of(signs: nn.Module, scans: Complex) -> Tensor:
    """What ``signs`` says of scans ``(n, 2, ny, nx)``, whatever their size."""
    sizes = np.abs(scans).max((1, 2, 3), keepdims=True)
    channels = torch.from_numpy(to_channels(scans / np.where(sizes > 0, sizes, 1.0)))
    device = next(signs.buffers()).device
    return torch.cat([signs(part.to(device)) for part in torch.split(channels, _AT_ONCE)])


def complex_scans(source_h: Tensor) -> Complex:
    """Complex ``(n, 2, ny, nx)`` of channels ``(n, 4, ny, nx)``."""
    return np.asarray(to_components(source_h.double().cpu().numpy()), np.complex128)


def _with_more(scans: Complex, more: Complex, shares: tuple[float, float], rng: np.random.Generator) -> Complex:
    low, high = np.log(shares)
    share = np.exp(rng.uniform(low, high, len(scans)))[:, None, None, None]
    return np.asarray(_of_size_one(scans) + share * _of_size_one(more))


def _of_size_one(scans: Complex) -> Complex:
    size = np.linalg.norm(scans.reshape(len(scans), -1), axis=1)[:, None, None, None]
    return np.asarray(scans / np.where(size > 0, size, 1.0))


def _elements(count: int, geometry: Geometry, rng: np.random.Generator) -> Complex:
    """The scan of one element each beside the region below the scan, electric or magnetic."""
    middle, half = _frame(geometry)
    places = rng.uniform([-_REACH, -_REACH, -_DEEPEST], [_REACH, _REACH, 0.0], (count, 3))
    out = rng.choice([-1, 1], count) * rng.uniform(_FREE, _REACH, count)
    places[np.arange(count), rng.integers(2, size=count)] = out
    moments = rng.standard_normal((count, 12)).view(np.complex128)
    moments *= np.repeat(np.where(rng.random(count)[:, None] < 0.5, [1.0, 0.0], [0.0, 1.0]), 3, axis=1)
    return _radiated(middle + half * places[:, None], moments[:, None], geometry)


def _lines(count: int, geometry: Geometry, rng: np.random.Generator) -> Complex:
    """The scan of one straight line each, with a wave that travels along it."""
    middle, half = _frame(geometry)
    angle = rng.uniform(0, np.pi, count)
    along = np.stack([np.cos(angle), np.sin(angle), np.zeros(count)], 1)
    length = rng.uniform(3, 8, count)
    centre = rng.uniform([-3.0, -3.0, -0.4], [3.0, 3.0, -0.04], (count, 3))
    path = np.linspace(-1, 1, _LINE_POINTS)[None, :, None] * length[:, None, None]
    wavenumber = geometry.wavenumber * half.mean() * np.sqrt(rng.uniform(1, 3, count))
    moments = np.exp(-1j * wavenumber[:, None, None] * path) * along[:, None]
    moments = np.concatenate([moments, np.zeros_like(moments)], 2)
    return _radiated(middle + half * (centre[:, None] + path * along[:, None]), moments, geometry)


def _frame(geometry: Geometry) -> tuple[Real, Real]:
    """The middle of the scan one fifth of its width below it, m, and its half-widths along x, y and, their mean, z."""
    plane = geometry.source
    half = np.array([plane.x[-1] - plane.x[0], plane.y[-1] - plane.y[0]]) / 2
    middle = np.array([plane.x[0] + half[0], plane.y[0] + half[1], plane.z - 0.2 * half.mean()])
    return middle, np.array([*half, half.mean()])


def _radiated(places: Real, moments: Complex, geometry: Geometry) -> Complex:
    """The scans ``(n, 2, ny, nx)`` of sources of ``k`` elements at ``(n, k, 3)`` with moments ``(n, k, 6)``."""
    scans = [
        np.einsum("km,kmcp->cp", of_one, element_scans(geometry, at))
        for at, of_one in zip(places, moments, strict=True)
    ]
    return np.asarray(np.array(scans).reshape(len(places), 2, *geometry.source.shape))
