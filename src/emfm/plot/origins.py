"""Where a scan comes from, as its page and picture show it: sources in free space, or currents on a known board."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from math import degrees, pi
from typing import Final, Literal

import numpy as np

from emfm.core.channels import E_CHANNELS, Channels, Complex, Real, to_components
from emfm.core.constants import MU_0
from emfm.core.grid import Geometry
from emfm.plates.plate_search import PlateField
from emfm.plot.style import with_prefix
from emfm.plot.text import Table
from emfm.sources.field_above import field_on_plane
from emfm.sources.found import CurrentElements, PointSources
from emfm.sources.limits import INTERVAL_PERCENT

MOST_ROWS: Final = 10
"""Sources, or places on a board, that a table lists."""

_MM: Final = 1e3
UPRIGHT: Final = "upright"
_UPRIGHT_DEG: Final = 30.0
_WEAKEST: Final = 0.1
"""Of the strongest current of a board, 20 dB below: weaker ones are not drawn."""
_STROKE: Final = 0.06
"""Half of the line that shows a source's direction, as a share of the scan's width."""


@dataclass(frozen=True)
class Mark:
    """A source, or the current in a cell of a board, as the map shows it from above."""

    x: float
    y: float
    """mm."""
    sign: Literal["electric", "magnetic", "upright", "none"]
    """Of a source its kind; of a current whether it flows up from the ground plane: a level one has no sign."""
    across: tuple[float, float]
    """From its middle to one end of the line along which it swings most, mm."""
    size: float
    """0 to 1: how large its sign is."""
    spread: tuple[float, float]
    """Two standard deviations of x and y, mm; 0 where they are not known."""
    label: str
    """The number of its row in the table; empty where it has none."""
    told: str
    """When pointed at."""


class Origin(ABC):
    """What radiates, in words, as a table, and as marks on a map."""

    title: str
    """Of the map: what is drawn on the scan."""
    legend: str
    """What the marks are, in a sentence."""
    table_notes: str
    """What the columns of the table are."""

    @property
    @abstractmethod
    def elements(self) -> CurrentElements:
        """All that radiates."""

    @property
    @abstractmethod
    def doubted(self) -> PointSources | CurrentElements:
        """The same with what is known of its doubt, for levels far away."""

    @property
    @abstractmethod
    def doubt(self) -> float:
        """The relative error of the field that is reckoned with far away."""

    @property
    @abstractmethod
    def remarks(self) -> tuple[str, ...]:
        """What it has to do with the predicted field, in sentences."""

    @property
    @abstractmethod
    def about(self) -> str:
        """What was found, in sentences."""

    @property
    @abstractmethod
    def radiator(self) -> str:
        """Who radiates: the subject of a sentence, and ``radiate``."""

    @property
    @abstractmethod
    def interval(self) -> str:
        """What the interval of a level far away is, after ``the interval``."""

    @abstractmethod
    def table(self) -> Table:
        """A row for each of the strongest, at most `MOST_ROWS`."""

    @property
    @abstractmethod
    def marks(self) -> tuple[Mark, ...]:
        """Strongest first."""

    @property
    @abstractmethod
    def outline_mm(self) -> tuple[float, float, float, float] | None:
        """Of a ground plane that is known: x and y of its lower left corner, then of its upper right one."""


@dataclass(frozen=True, eq=False)
class FreeSources(Origin):
    """Elements in free space, beside a prediction of the model."""

    sources: PointSources
    prediction: Channels
    """``(12, ny, nx)``, V/m and A/m."""
    geometry: Geometry

    title = "its sources"
    legend = (
        "Diamond: electric, ring: magnetic; line: its direction as seen from above; cross: two standard deviations of "
        "its place."
    )
    table_notes = (
        "An electric source is a current, a magnetic one a current loop. Place with one standard deviation, as noise "
        "alone makes it. Strength: current times length of an electric "
        "source, current times area of the loop of a magnetic one. Share: of the power of the field on the predicted "
        "plane that the source makes alone; shares need not add to 100\N{NO-BREAK SPACE}%."
    )
    radiator = "The sources radiate"
    outline_mm = None

    @property
    def elements(self) -> CurrentElements:
        """Sources and background."""
        return self.sources.all_elements

    @property
    def doubted(self) -> PointSources:
        """With the covariance of places and moments."""
        return self.sources

    @cached_property
    def difference(self) -> float:
        """||E of the sources - predicted E|| / ||predicted E|| on every second point of the target plane."""
        plane = self.geometry.target
        found = field_on_plane(self.elements, plane.z, plane.x[::2], plane.y[::2]).E
        predicted = to_components(self.prediction[E_CHANNELS, ::2, ::2].astype(np.float64))
        return float(np.linalg.norm(found - predicted) / np.linalg.norm(predicted))

    @property
    def doubt(self) -> float:
        """The difference from the prediction; where that may be their own field, at least the bound of its error."""
        explain, bound = self.sources.explain_the_scan, float(self.sources.bound_rel_l2[0])
        return max(self.difference, bound) if explain else self.difference

    @property
    def remarks(self) -> tuple[str]:
        """How far the two ways are apart."""
        differs = f"the field of the sources differs from the predicted E by {self.difference:.2g} (relative L2)"
        if self.sources.explain_the_scan:
            return (f"On the predicted plane {differs}; a model takes theirs where they explain the scan.",)
        return (f"On the predicted plane {differs}.",)

    @property
    def about(self) -> str:
        """How many there are, and what is not in them."""
        found, order = len(self.sources), self._order
        listed = f"; the strongest {MOST_ROWS} are listed" if found > MOST_ROWS else ""
        depth = f" between z = {_range(_MM * self.sources.positions[order, 2])} mm" if found else ""
        return f"{found} source{'' if found == 1 else 's'} found{depth}{listed}. {self._completeness}"

    @property
    def interval(self) -> str:
        """Of places and moments, and of what the field may be off by."""
        return (
            f"that holds {INTERVAL_PERCENT} % of the draws of the sources, widened by a relative error of "
            f"{self.doubt:.2g}"
        )

    def table(self) -> Table:
        """Number on the map, share, place with one standard deviation, kind, direction, strength."""
        heads = ["", "share", "x [mm]", "y [mm]", "z [mm]", "kind", "direction", "strength"]
        rows = [[str(number + 1), *self._row(row)] for number, row in enumerate(self._order[:MOST_ROWS])]
        return Table(heads, rows)

    @property
    def marks(self) -> tuple[Mark, ...]:
        """A mark a source."""
        return tuple(self._mark(number, row) for number, row in enumerate(self._order, 1))

    @property
    def _order(self) -> list[int]:
        """The sources by falling share."""
        return [int(row) for row in np.argsort(-self.sources.share, kind="stable")]

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

    def _mark(self, number: int, row: int) -> Mark:
        sources, scan = self.sources, self.geometry.source
        x, y = _pair(_MM * sources.positions[row, :2])
        share = float(sources.share[row])
        sign: Literal["electric", "magnetic"] = "magnetic" if sources.magnetic[row] else "electric"
        stroke = _STROKE * _MM * (scan.x[-1] - scan.x[0] + scan.pitch_x)
        told = f"{number}: {sign}, share {100 * share:.0f} %<br>x {x:.2f} mm, y {y:.2f} mm"
        across = _pair(stroke * main_direction(sources.moments[row])[:2])
        spread = _pair(2 * _MM * sources.spread[row, :2])
        return Mark(x, y, sign, across, float(np.sqrt(min(1.0, share))), spread, str(number), told)


@dataclass(frozen=True, eq=False)
class BoardCurrents(Origin):
    """Currents on the copper of a board whose ground plane is known, and those induced in the plate."""

    found: PlateField
    pitch: float
    """Of the scan, m."""

    title = "its currents"
    legend = (
        "Line: the current in a cell, longer where stronger, down to 20 dB below the strongest; dot: up from the "
        "ground plane; dashed: its rim."
    )
    table_notes = (
        "The strongest current, then the strongest of those at least one pitch of the scan away from all before. Of "
        "the strongest: the ratio of the currents. Current: through a cell of the copper, or up to it, rms; the sum of "
        "those side by side across a trace is the current of the trace."
    )
    radiator = "The currents on the board and in its ground plane radiate"

    @property
    def elements(self) -> CurrentElements:
        """Those of the copper and of the plate."""
        return self.found.elements

    @property
    def doubted(self) -> CurrentElements:
        """They have no doubt of their own: their field has."""
        return self.found.elements

    @property
    def doubt(self) -> float:
        """The bound of the error of their E on the target plane."""
        return self.found.bound_rel_l2[0]

    @property
    def remarks(self) -> tuple[()]:
        """None: how much of the prediction is theirs is said with its error."""
        return ()

    @property
    def about(self) -> str:
        """Where they are, and what they leave of the scan."""
        copper = self.found.copper
        return (
            f"Currents on copper at z = {_MM * copper.places[0, 2]:.2g} mm over a ground plane at z = "
            f"{self.found.board.z_mm:.2g} mm, in cells of {_MM * copper.side:.2g} mm. They leave "
            f"{100 * self.found.misfit:.2g} % of the scan."
        )

    @property
    def interval(self) -> str:
        """Of the field on the target plane."""
        return f"that the {INTERVAL_PERCENT} % bound of the error of E on the predicted plane makes, {self.doubt:.2g}"

    def table(self) -> Table:
        """Number on the map, size beside the strongest, place, direction, current."""
        heads = ["", "of the strongest", "x [mm]", "y [mm]", "direction", "current"]
        return Table(heads, [[str(number), *self._row(row)] for number, row in enumerate(self._listed, 1)])

    @property
    def marks(self) -> tuple[Mark, ...]:
        """One a cell, of those that are strong enough."""
        numbers = {row: str(number) for number, row in enumerate(self._listed, 1)}
        count = len(self.found.copper.down_to(_WEAKEST))
        return tuple(self._mark(row, numbers.get(row, "")) for row in range(count))

    @property
    def outline_mm(self) -> tuple[float, float, float, float]:
        """Of the ground plane."""
        board = self.found.board
        return board.x_mm[0], board.y_mm[0], board.x_mm[1], board.y_mm[1]

    @cached_property
    def _listed(self) -> list[int]:
        return self.found.copper.down_to(_WEAKEST).apart(self.pitch, MOST_ROWS)

    def _row(self, row: int) -> list[str]:
        copper = self.found.copper
        x, y = _pair(_MM * copper.places[row, :2])
        rms = copper.sizes[row] / np.sqrt(2)
        factor, unit = with_prefix(rms, "A")
        return [
            f"{100 * self._relative(row):.0f} %",
            f"{x:.2f}",
            f"{y:.2f}",
            direction_words(copper.currents[row]),
            f"{factor * rms:.3g} {unit}",
        ]

    def _mark(self, row: int, label: str) -> Mark:
        copper, size = self.found.copper, self._relative(row)
        x, y = _pair(_MM * copper.places[row, :2])
        _, *_, direction, current = self._row(row)
        told = f"{current}, {direction}<br>x {x:.2f} mm, y {y:.2f} mm"
        across = _pair(size * _MM * copper.side * main_direction(copper.currents[row])[:2])
        sign: Literal["upright", "none"] = "upright" if direction == UPRIGHT else "none"
        return Mark(x, y, sign, across, size, (0.0, 0.0), label, told)

    def _relative(self, row: int) -> float:
        sizes = self.found.copper.sizes
        return float(sizes[row] / sizes[0])


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
        return UPRIGHT
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


def _pair(values: Real) -> tuple[float, float]:
    return float(values[0]), float(values[1])


def _range(values: Real) -> str:
    return f"{values.min():.2g} and {values.max():.2g}"
