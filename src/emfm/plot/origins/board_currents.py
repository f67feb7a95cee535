"""Currents on a known board as what radiates."""

from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal

import numpy as np

from emfm.plates.plate_search import PlateField
from emfm.plot.origins.direction import direction_words, is_upright, seen_from_above
from emfm.plot.origins.origin import MOST_ROWS, Mark, Origin
from emfm.plot.style import with_prefix
from emfm.plot.text import Table
from emfm.sources.found import CurrentElements
from emfm.sources.limits import INTERVAL_PERCENT

_MM: Final = 1e3
_WEAKEST: Final = 0.1
"""Of the strongest current of a board, 20 dB below: weaker ones are not drawn."""


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
        x, y = (_MM * copper.places[row, :2]).tolist()
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
        x, y = (_MM * copper.places[row, :2]).tolist()
        _, *_, direction, current = self._row(row)
        told = f"{current}, {direction}<br>x {x:.2f} mm, y {y:.2f} mm"
        across = seen_from_above(copper.currents[row], size * _MM * copper.side)
        sign: Literal["upright", "none"] = "upright" if is_upright(copper.currents[row]) else "none"
        return Mark(x, y, sign, across, size, (0.0, 0.0), label, told)

    def _relative(self, row: int) -> float:
        sizes = self.found.copper.sizes
        return float(sizes[row] / sizes[0])
