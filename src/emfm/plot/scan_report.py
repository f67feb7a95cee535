"""What a picture or page of one scan shows: the scan, its sources, the predicted field, how far to trust it."""

from dataclasses import dataclass
from io import BytesIO
from math import degrees, pi
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
from matplotlib.image import imread
from numpy.typing import NDArray

from emfm.core.channels import E_CHANNELS, Channels, Complex, Real, to_components
from emfm.core.constants import MU_0
from emfm.core.errors import DataError
from emfm.core.grid import Geometry
from emfm.plates.plate_search import PlateField
from emfm.plot.style import with_prefix
from emfm.plot.text import Table
from emfm.sources.far_field import radiated_power
from emfm.sources.field_above import field_on_plane
from emfm.sources.found import CurrentElements, PointSources
from emfm.sources.limits import INTERVAL_PERCENT, NOT_SCANNED, Comparison, compare, limits_at
from emfm.sources.sites import dbuv_per_m

PHASORS: Final = "Levels and moments are effective values (rms), as test receivers show them."
MOST_ROWS: Final = 10
"""Sources that a table lists; the file of --sources has them all."""

_MM: Final = 1e3
_UPRIGHT_DEG: Final = 30.0
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
    sources: PointSources
    trust: str
    """What the model expects of its error, a sentence."""
    warnings: tuple[str, ...]
    difference: float
    """||E of the sources - predicted E|| / ||predicted E|| on the target plane."""
    power: float
    """That the sources radiate in free space, or the currents on a board, W."""
    doubt: float
    """The relative error of the field that is reckoned with far away."""
    comparisons: tuple[Comparison, ...]
    """With the limits that reach the frequency; their intervals include `doubt`."""
    over_board: bool
    """Whether power and levels are those of currents on a board whose ground plane is known, and not of the sources."""

    @classmethod
    def of(
        cls,
        name: str,
        geometry: Geometry,
        scan: Channels,
        prediction: Channels,
        sources: PointSources,
        trust: str,
        warnings: tuple[str, ...],
        on_board: PlateField | None = None,
    ) -> Self:
        """With what follows from the sources, or from the currents on a board whose ground plane is known."""
        difference = _difference(sources.all_elements, prediction, geometry)
        doubt = _doubt(sources, difference) if on_board is None else on_board.bound_rel_l2[0]
        elements = sources.all_elements if on_board is None else on_board.elements
        doubted = sources if on_board is None else elements
        compared = tuple(compare(doubted, limits_at(geometry.frequency), relative_error=doubt))
        return cls(
            name,
            geometry,
            scan,
            prediction,
            sources,
            trust,
            warnings,
            difference,
            radiated_power(elements),
            doubt,
            compared,
            on_board is not None,
        )

    @property
    def scan_levels(self) -> Real:
        """Of the tangential H, ``(ny, nx)``, dB(uA/m)."""
        return levels(to_components(self.scan.astype(np.float64)))

    @property
    def order(self) -> list[int]:
        """The sources by falling share."""
        return [int(row) for row in np.argsort(-self.sources.share, kind="stable")]

    @property
    def facts(self) -> tuple[str, ...]:
        """What was scanned and predicted, and how the two ways agree."""
        geometry = self.geometry
        return (
            f"{geometry.frequency * 1e-9:g} GHz; scan: {geometry.source.described()}; predicted field: "
            f"{geometry.target.described()}. {PHASORS}",
            f"{self.trust[0].upper()}{self.trust[1:]}.",
            self._agreement,
        )

    @property
    def _agreement(self) -> str:
        differs = f"the field of the sources differs from the predicted E by {self.difference:.2g} (relative L2)"
        if self.sources.explain_the_scan:
            return f"On the predicted plane {differs}; a model takes theirs where they explain the scan."
        return f"On the predicted plane {differs}."

    @property
    def about_sources(self) -> str:
        """How many there are, and what is not in them."""
        found, order = len(self.sources), self.order
        listed = f"; the strongest {MOST_ROWS} are listed" if found > MOST_ROWS else ""
        depth = f" between z = {_range(_MM * self.sources.positions[order, 2])} mm" if found else ""
        return f"{found} source{'' if found == 1 else 's'} found{depth}{listed}. {self._completeness}"

    @property
    def _completeness(self) -> str:
        """What the elements leave of the scan."""
        sources = self.sources
        if sources.explain_the_scan:
            e, most = sources.expected_rel_l2[0], sources.bound_rel_l2[0]
            return (
                "They explain the scan down to its noise; where nothing else radiates, their E on the predicted plane "
                f"is off by {e:.2g}, and in 90 % by {most:.2g} at most (relative L2)."
            )
        if len(sources.background):
            return (
                "The scan holds more than these: a background was needed beside them, which is in all levels but not "
                "in the list."
            )
        return (
            "The search ended with as many as it may find: they stand for currents that are spread out, and the place "
            "of a single one says little."
        )

    @property
    def about_power(self) -> str:
        """Radiated by the sources in free space, or by a board."""
        who = "The currents on the board and in its ground plane radiate" if self.over_board else "The sources radiate"
        factor, unit = with_prefix(self.power, "W")
        dbm = f", {10 * np.log10(self.power / 1e-3):.1f} dBm" if self.power > 0 else ""
        return f"{who} {factor * self.power:.3g} {unit} in free space{dbm}."

    @property
    def about_levels(self) -> str:
        """How levels far away were computed, and what is not in them."""
        interval = (
            f"that the {INTERVAL_PERCENT} % bound of the error of E on the predicted plane makes, {self.doubt:.2g}"
            if self.over_board
            else f"that holds {INTERVAL_PERCENT} % of the draws of the sources, widened by a relative error of "
            f"{self.doubt:.2g}"
        )
        return (
            "Strongest level of horizontal and vertical polarisation, antenna 1 to 4 m high, board level on a "
            "turntable at 0.8 m; up to 1 GHz with the reflection of the floor. In brackets the interval "
            f"{interval}. {NOT_SCANNED} Levels hold for a frequency that is always there."
        )

    def sources_table(self) -> Table:
        """A row a source: number on the map, share, place with one standard deviation, kind, direction, strength."""
        heads = ["", "share", "x [mm]", "y [mm]", "z [mm]", "kind", "direction", "strength"]
        rows = [[str(number + 1), *self._row(row)] for number, row in enumerate(self.order[:MOST_ROWS])]
        return Table(heads, rows)

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

    def _row(self, row: int) -> list[str]:
        sources = self.sources
        spread = sources.spread[row, :3]
        places = [
            f"{_MM * place:.2f} \N{PLUS-MINUS SIGN} {_MM * std:.2g}"
            for place, std in zip(sources.positions[row], spread, strict=True)
        ]
        magnetic = bool(sources.magnetic[row])
        return [
            f"{100 * sources.share[row]:.0f} %",
            *places,
            "magnetic" if magnetic else "electric",
            direction_words(sources.moments[row]),
            _strength(sources.moments[row], magnetic, sources.frequency),
        ]


def levels(components: NDArray[Any]) -> Real:
    """Of the length of the complex vector ``(c, ...)``, V/m or A/m, peak: dB above 1 uV/m or 1 uA/m, rms."""
    return dbuv_per_m(np.linalg.norm(components, axis=0))


def main_direction(moment: Complex) -> Real:
    """The unit vector ``(3,)`` along which a moment swings most: the long axis of its ellipse; its sign is free."""
    turned = moment * np.exp(-0.5j * np.angle(np.sum(moment**2)))
    length = float(np.linalg.norm(turned.real))
    direction: Real = turned.real / length if length else np.zeros(3)
    return direction


def direction_words(moment: Complex) -> str:
    """``upright``, or ``level, 30° from x``, as seen from above."""
    x, y, z = main_direction(moment)
    if abs(z) >= np.cos(np.radians(_UPRIGHT_DEG)):
        return "upright"
    return f"{'level' if abs(z) < 0.5 else 'sloping'}, {degrees(np.arctan2(y, x)) % 180:.0f}\N{DEGREE SIGN} from x"


def _strength(moment: Complex, magnetic: bool, frequency: float) -> str:
    """Current times length, or current times area of the loop that a magnetic element stands for, rms."""
    size = float(np.linalg.norm(moment)) / np.sqrt(2)
    if not magnetic:
        factor, unit = with_prefix(_MM * size, "A\N{MIDDLE DOT}mm")
        return f"{factor * _MM * size:.3g} {unit}"
    area = _MM**2 * size / (2 * pi * frequency * MU_0)
    factor, unit = with_prefix(area, "A\N{MIDDLE DOT}mm\N{SUPERSCRIPT TWO}")
    return f"{factor * area:.3g} {unit}"


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


def _range(values: Real) -> str:
    return f"{values.min():.2g} and {values.max():.2g}"


def _doubt(sources: PointSources, difference: float) -> float:
    """The difference from the prediction; where that may be the sources' own field, at least the bound of its error."""
    return max(difference, float(sources.bound_rel_l2[0])) if sources.explain_the_scan else difference


def _difference(elements: CurrentElements, prediction: Channels, geometry: Geometry) -> float:
    """On every second point, as a background has many elements."""
    plane = geometry.target
    found = field_on_plane(elements, plane.z, plane.x[::2], plane.y[::2]).E
    predicted = to_components(prediction[E_CHANNELS, ::2, ::2].astype(np.float64))
    return float(np.linalg.norm(found - predicted) / np.linalg.norm(predicted))
