"""Limits of radiated disturbance, and how far the elements found below a scan stay under them.

Only the field of what was scanned is compared. A cable that leaves the board, a second board, or a seam of the case
was not scanned and is not in the figure, and below some hundred MHz a cable is often what radiates most.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from emfm.core.errors import DataError
from emfm.sources.draws import Draws
from emfm.sources.found import CurrentElements, PointSources
from emfm.sources.sites import Site, Strongest, dbuv_per_m

NOT_SCANNED: Final = "A cable or another part that was not scanned is not in this figure."
INTERVAL_PERCENT: Final = 90
"""How much of the draws of the sources an interval holds; half of the rest lies on either side."""

DRAWS: Final = 100
_MHZ: Final = 1e6


@dataclass(frozen=True)
class Band:
    """A limit between two frequencies."""

    low_mhz: float
    high_mhz: float
    dbuv_per_m: float
    distance: float
    """Of the antenna, m."""
    floor: bool
    """Whether it is measured above a conducting floor: below 1 GHz it is; above, absorbers cover the floor."""


@dataclass(frozen=True)
class Limit:
    """A limit of radiated disturbance in all its bands."""

    name: str
    source: str
    bands: tuple[Band, ...]

    def band_at(self, frequency: float) -> Band:
        """The band at a frequency, Hz; on the edge of two the lower limit holds.

        Raises DataError where the limit says nothing of the frequency.
        """
        there = self._bands_at(frequency)
        if not there:
            low, high = min(band.low_mhz for band in self.bands), max(band.high_mhz for band in self.bands)
            raise DataError(
                f"{self.name} says nothing of {frequency / _MHZ:g} MHz; it reaches from {low:g} to {high:g} MHz"
            )
        return min(there, key=lambda band: band.dbuv_per_m)

    def reaches(self, frequency: float) -> bool:
        """Whether the limit says something of a frequency, Hz."""
        return bool(self._bands_at(frequency))

    def _bands_at(self, frequency: float) -> list[Band]:
        return [band for band in self.bands if band.low_mhz <= frequency / _MHZ <= band.high_mhz]


def _fcc(name: str, distance: float, microvolts: tuple[float, float, float, float]) -> Limit:
    """Of 15.109, which gives uV/m; above 960 MHz there is one limit up to the end of what is measured (15.33)."""
    edges = ((30, 88), (88, 216), (216, 960), (960, 1000), (1000, 40_000))
    levels = dbuv_per_m(np.sqrt(2) * 1e-6 * np.array([*microvolts, microvolts[-1]]))
    bands = (
        Band(low, high, float(level), distance, high <= 1000) for (low, high), level in zip(edges, levels, strict=True)
    )
    return Limit(name, "47 CFR 15.109 (a) and (b); above 1 GHz of the average detector (15.35)", tuple(bands))


def _cispr_32(name: str, tables: str, at_10_m: tuple[float, float], above: tuple[float, float]) -> Limit:
    """Quasi-peak at 10 m up to 1 GHz, average at 3 m above."""
    return Limit(
        name,
        f"CISPR 32:2015, {tables}; quasi-peak to 1 GHz, average above",
        (
            Band(30, 230, at_10_m[0], 10.0, True),
            Band(230, 1000, at_10_m[1], 10.0, True),
            Band(1000, 3000, above[0], 3.0, False),
            Band(3000, 6000, above[1], 3.0, False),
        ),
    )


def _cispr_32_at_3_m(name: str, table: str, low: float, high: float) -> Limit:
    """What may be kept at 3 m, up to 1 GHz, instead of the limit at 10 m; above 1 GHz there is no choice."""
    bands = Band(30, 230, low, 3.0, True), Band(230, 1000, high, 3.0, True)
    return Limit(name, f"CISPR 32:2015, {table}; quasi-peak", bands)


LIMITS: Final = (
    _fcc("FCC 15.109 class A", 10.0, (90, 150, 210, 300)),
    _fcc("FCC 15.109 class B", 3.0, (100, 150, 200, 500)),
    _cispr_32("CISPR 32 class A", "tables A.2 and A.3", (40, 47), (56, 60)),
    _cispr_32_at_3_m("CISPR 32 class A, 3 m", "table A.2", 50, 57),
    _cispr_32("CISPR 32 class B", "tables A.4 and A.5", (30, 37), (50, 54)),
    _cispr_32_at_3_m("CISPR 32 class B, 3 m", "table A.4", 40, 47),
)


@dataclass(frozen=True)
class Comparison:
    """A level beside its limit; margins above 0 dB are below the limit."""

    limit: Limit
    band: Band
    strongest: Strongest
    interval: tuple[float, float]
    """Of the level, dB(uV/m): `INTERVAL_PERCENT` of the draws of the sources lie in it."""

    @property
    def margin_db(self) -> float:
        """How far the level is below the limit."""
        return self.band.dbuv_per_m - self.strongest.dbuv_per_m

    @property
    def margin_interval_db(self) -> tuple[float, float]:
        """From the smallest to the largest."""
        low, high = self.interval
        return self.band.dbuv_per_m - high, self.band.dbuv_per_m - low

    @property
    def verdict(self) -> str:
        """``below``, ``above``, or ``open`` where the interval holds the limit."""
        low, high = self.margin_interval_db
        return "below" if low > 0 else "above" if high < 0 else "open"

    def __str__(self) -> str:
        low, high = self.margin_interval_db
        return (
            f"{self.limit.name} at {self.band.distance:g} m: {self.strongest.dbuv_per_m:.1f} dB(uV/m), limit "
            f"{self.band.dbuv_per_m:.1f}, margin {self.margin_db:.1f} dB ({low:.1f} to {high:.1f}). {NOT_SCANNED}"
        )


def limits_at(frequency: float) -> tuple[Limit, ...]:
    """Those of `LIMITS` that say something of a frequency, Hz."""
    return tuple(limit for limit in LIMITS if limit.reaches(frequency))


def compare(
    sources: PointSources | CurrentElements,
    limits: Sequence[Limit],
    relative_error: float = 0.0,
    up: tuple[float, float, float] = (0.0, 0.0, 1.0),
    seed: int = 0,
) -> list[Comparison]:
    """The strongest field of ``sources``, and of their background, on each limit's own site, beside the limit.

    The interval is that of places and moments as they may just as well be (`emfm.sources.draws`). It knows of noise
    and of the instrument: not of sources that the search missed, nor of a board that is no free space. Of elements
    that come without a doubt, as those of a board whose ground plane is known, it is what ``relative_error`` makes.

    Args:
        sources: what was found below a scan.
        limits: some of `LIMITS`, for instance `limits_at` the frequency.
        relative_error: of the field, of which 0.1 is 10 %; it widens the interval by 20 log10(1 + it) upwards and
            20 log10(1 - it) downwards.
        up: the direction of the scan's coordinates that points upwards on the turntable.
        seed: of the draws.

    Raises:
        DataError: a limit says nothing of the sources' frequency.
    """
    if not relative_error >= 0:
        raise ValueError(f"relative_error must be 0 or more, found {relative_error}")
    bands = [limit.band_at(sources.frequency) for limit in limits]
    sites = [Site(band.distance, band.floor, up) for band in bands]
    found = {site: _strongest(sources, site, seed) for site in set(sites)}
    return [
        Comparison(limit, band, found[site][0], _widened(found[site][1], relative_error))
        for limit, band, site in zip(limits, bands, sites, strict=True)
    ]


def _widened(interval: tuple[float, float], relative_error: float) -> tuple[float, float]:
    with np.errstate(divide="ignore"):
        down, up = 20 * np.log10([max(0.0, 1 - relative_error), 1 + relative_error])
    return interval[0] + float(down), interval[1] + float(up)


def _strongest(sources: PointSources | CurrentElements, site: Site, seed: int) -> tuple[Strongest, tuple[float, float]]:
    """The strongest level, and the interval of it over draws of the elements, with the background as it was found."""
    if isinstance(sources, CurrentElements):
        strongest = site.strongest(sources)
        return strongest, (strongest.dbuv_per_m, strongest.dbuv_per_m)
    background = site.signals(sources.background)
    found = site.strongest_of(background + site.signals(sources.elements))
    if not len(sources):
        return found, (found.dbuv_per_m, found.dbuv_per_m)
    rng, rest = np.random.default_rng(seed), (100 - INTERVAL_PERCENT) / 2
    draws = Draws(sources)
    peaks = [np.abs(background + site.signals(draws.elements(rng))).max() for _ in range(DRAWS)]
    low, high = np.percentile(dbuv_per_m(np.array(peaks)), [rest, 100 - rest])
    return found, (float(low), float(high))
