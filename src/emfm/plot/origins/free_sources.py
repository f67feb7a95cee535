"""Elements in free space as what radiates."""

from dataclasses import dataclass
from functools import cached_property
from math import pi
from typing import Final, Literal

import numpy as np

from emfm.core.channels import E_CHANNELS, Channels, Complex, Real, to_components
from emfm.core.constants import MU_0
from emfm.core.grid import Geometry
from emfm.plot.origins.direction import direction_words, seen_from_above
from emfm.plot.origins.origin import MOST_ROWS, Mark, Origin
from emfm.plot.style import with_prefix
from emfm.plot.text import Table
from emfm.sources.field_above import field_on_plane
from emfm.sources.found import CurrentElements, PointSources
from emfm.sources.limits import INTERVAL_PERCENT

_MM: Final = 1e3
_STROKE: Final = 0.06
"""Half of the line that shows a source's direction, as a share of the scan's width."""


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
        x, y = (_MM * sources.positions[row, :2]).tolist()
        share = float(sources.share[row])
        sign: Literal["electric", "magnetic"] = "magnetic" if sources.magnetic[row] else "electric"
        stroke = _STROKE * _MM * (scan.x[-1] - scan.x[0] + scan.pitch_x)
        told = f"{number}: {sign}, share {100 * share:.0f} %<br>x {x:.2f} mm, y {y:.2f} mm"
        across = seen_from_above(sources.moments[row], stroke)
        spread_x, spread_y = (2 * _MM * sources.spread[row, :2]).tolist()
        size = float(np.sqrt(min(1.0, share)))
        return Mark(x, y, sign, across, size, (spread_x, spread_y), str(number), told)


def _strength(moment: Complex, magnetic: bool, frequency: float) -> str:
    """Current times length, or current times area of the loop that a magnetic element stands for, rms."""
    size = float(np.linalg.norm(moment)) / np.sqrt(2)
    if not magnetic:
        factor, unit = with_prefix(_MM * size, "A\N{MIDDLE DOT}mm")
        return f"{factor * _MM * size:.3g} {unit}"
    area = _MM**2 * size / (2 * pi * frequency * MU_0)
    factor, unit = with_prefix(area, "A\N{MIDDLE DOT}mm\N{SUPERSCRIPT TWO}")
    return f"{factor * area:.3g} {unit}"


def _range(values: Real) -> str:
    return f"{values.min():.2g} and {values.max():.2g}"
