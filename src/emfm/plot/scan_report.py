"""What a picture or page of one scan shows: the scan, where it comes from, the predicted field, how far to trust it."""

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
from matplotlib.image import imread
from numpy.typing import NDArray

from emfm.core.channels import Channels, Real, to_components
from emfm.core.errors import DataError
from emfm.core.grid import Geometry
from emfm.plot.origins.origin import Origin
from emfm.plot.style import with_prefix
from emfm.plot.text import Table
from emfm.sources.far_field import radiated_power
from emfm.sources.limits import NOT_SCANNED, Comparison, compare, limits_at
from emfm.sources.sites import dbuv_per_m

PHASORS: Final = "Levels, moments and currents are effective values (rms), as test receivers show them."

_IMAGES: Final = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}


@dataclass(frozen=True, eq=False)
class BoardPicture:
    """A picture of the board, seen from above, and where it lies in the scan's coordinates."""

    content: bytes
    kind: str
    """As browsers name it, ``image/png`` or ``image/jpeg``."""
    pixels: NDArray[Any]
    extent_mm: tuple[float, float, float, float]
    """x and y of the lower left corner, x and y of the upper right one."""

    @classmethod
    def read(cls, path: Path, extent_mm: tuple[float, float, float, float]) -> Self:
        """A PNG or JPEG file; raises DataError where it is none or its corners are no rectangle."""
        x0, y0, x1, y1 = extent_mm
        if not (np.isfinite(extent_mm).all() and x0 < x1 and y0 < y1):
            raise DataError(
                f"--board_mm: found {x0:g} {y0:g} {x1:g} {y1:g}; give the lower left corner of the picture, then the "
                "upper right one, in mm: x0 y0 x1 y1"
            )
        try:
            content = path.read_bytes()
            kind = next(kind for magic, kind in _IMAGES.items() if content.startswith(magic))
            return cls(content, kind, imread(BytesIO(content), kind.removeprefix("image/")), extent_mm)
        except (OSError, StopIteration, ValueError, SyntaxError) as error:
            raise DataError(f"{path}: no picture that can be read; give a PNG or JPEG file of the board") from error


@dataclass(frozen=True, eq=False)
class ScanReport:
    """One scan and what was made of it."""

    name: str
    geometry: Geometry
    scan: Channels
    """``(4, ny, nx)``, A/m."""
    prediction: Channels
    """``(12, ny, nx)``, V/m and A/m."""
    origin: Origin
    """What was found below the scan."""
    trust: str
    """What is expected of the prediction's error, a sentence."""
    warnings: tuple[str, ...]
    power: float
    """That is radiated in free space, W."""
    comparisons: tuple[Comparison, ...]
    """With the limits that reach the frequency; their intervals include the origin's doubt."""

    @classmethod
    def of(
        cls,
        name: str,
        geometry: Geometry,
        scan: Channels,
        prediction: Channels,
        origin: Origin,
        trust: str,
        warnings: tuple[str, ...],
    ) -> Self:
        """With what follows from where it comes from."""
        limits = limits_at(geometry.frequency)
        compared = tuple(compare(origin.doubted, limits, relative_error=origin.doubt))
        power = radiated_power(origin.elements)
        return cls(name, geometry, scan, prediction, origin, trust, warnings, power, compared)

    @property
    def scan_levels(self) -> Real:
        """Of the tangential H, ``(ny, nx)``, dB(uA/m)."""
        return levels(to_components(self.scan.astype(np.float64)))

    @property
    def facts(self) -> tuple[str, ...]:
        """What was scanned and predicted, and how that and what was found below agree."""
        geometry = self.geometry
        return (
            f"{geometry.frequency * 1e-9:g} GHz; scan: {geometry.source.described()}; predicted field: "
            f"{geometry.target.described()}. {PHASORS}",
            f"{self.trust[0].upper()}{self.trust[1:]}.",
            *self.origin.remarks,
        )

    @property
    def about_power(self) -> str:
        """What is radiated, in words."""
        factor, unit = with_prefix(self.power, "W")
        dbm = f", {10 * np.log10(self.power / 1e-3):.1f} dBm" if self.power > 0 else ""
        return f"{self.origin.radiator} {factor * self.power:.3g} {unit} in free space{dbm}."

    @property
    def about_levels(self) -> str:
        """How levels far away were computed, and what is not in them."""
        return (
            "Strongest level of horizontal and vertical polarisation, antenna 1 to 4 m high, board level on a "
            "turntable at 0.8 m; up to 1 GHz with the reflection of the floor. In brackets the interval "
            f"{self.origin.interval}. {NOT_SCANNED} Levels hold for a frequency that is always there."
        )

    def limits_table(self) -> Table:
        """A row a limit: its distance, the level there, the limit, and the margin with its interval."""
        heads = [
            "",
            "distance",
            "level [dB(\N{MICRO SIGN}V/m)]",
            "limit [dB(\N{MICRO SIGN}V/m)]",
            "margin [dB]",
            "verdict",
        ]
        return Table(heads, [_limit_row(each) for each in self.comparisons])


def levels(components: NDArray[Any]) -> Real:
    """Of the length of the complex vector ``(c, ...)``, V/m or A/m, peak: dB above 1 uV/m or 1 uA/m, rms."""
    return dbuv_per_m(np.linalg.norm(components, axis=0))


def _limit_row(found: Comparison) -> list[str]:
    low, high = found.margin_interval_db
    return [
        found.limit.name,
        f"{found.band.distance:g} m",
        f"{found.strongest.dbuv_per_m:.1f} ({_bound(found.interval[0])} to {found.interval[1]:.1f})",
        f"{found.band.dbuv_per_m:.1f}",
        f"{found.margin_db:+.1f} ({_bound(low)} to {_bound(high)})",
        {"below": "below the limit", "above": "above the limit", "open": "open"}[found.verdict],
    ]


def _bound(value: float) -> str:
    """An end of an interval; a field that may be zero has no level."""
    return "\N{INFINITY}" if value == np.inf else "\N{MINUS SIGN}\N{INFINITY}" if value == -np.inf else f"{value:.1f}"
