"""A board that is told by named numbers: properties of a case, or a line of a table."""

from collections.abc import Mapping
from typing import Final

from emfm.core.errors import DataError
from emfm.plates.ground_plane import Board

CORNERS: Final = ("ground_plane_x0_mm", "ground_plane_y0_mm", "ground_plane_x1_mm", "ground_plane_y1_mm")
HEIGHT: Final = "ground_plane_z_mm"
COPPER: Final = "copper_z_mm"
"""Named as the options of `emfm.tasks.forward.infer`; the last may be left out."""


def told_board(facts: Mapping[str, bool | float | str]) -> Board | None:
    """The board whose ground plane ``facts`` name, mm; None where they name none.

    Raises DataError where a part of it is missing, no number, or impossible.
    """
    named = [name for name in (*CORNERS, HEIGHT) if name in facts]
    if not named:
        return None
    missing = [name for name in (*CORNERS, HEIGHT) if name not in facts]
    if missing:
        raise DataError(f"has {named[0]}, but not {', '.join(missing)}; give all of the ground plane, or nothing of it")
    copper = length_mm(facts, COPPER) if COPPER in facts else None
    return Board.of_corners([length_mm(facts, name) for name in CORNERS], length_mm(facts, HEIGHT), copper)


def length_mm(facts: Mapping[str, bool | float | str], name: str) -> float:
    """One of the numbers; raises DataError where it is none."""
    value = facts[name]
    if isinstance(value, bool | str):
        raise DataError(f"{name} is {value!r}; give a length in mm")
    return value
