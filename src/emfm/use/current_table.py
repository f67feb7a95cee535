"""The currents on the copper of a board as a table: where they flow, and how strong."""

from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from emfm.plates.copper import CopperCurrents
from ttt.files import write_text

_AXES: Final = "xyz"
_MM: Final = 1e3
COLUMNS: Final = (
    *(f"{axis}_mm" for axis in _AXES),
    *(f"i{axis}_{part}" for axis in _AXES for part in ("re", "im")),
)
"""Of the table: the middle of a cell; the current through it along x and y and up to it, A, peak phasors exp(+jwt)."""


def currents_table(copper: CopperCurrents) -> pd.DataFrame:
    """A row a cell, strongest first."""
    currents = np.ascontiguousarray(copper.currents).view(np.float64)
    return pd.DataFrame(np.column_stack([_MM * copper.places, currents]), columns=list(COLUMNS))


def write_currents(path: Path, copper: CopperCurrents) -> None:
    """Write the table as CSV, nine digits a number."""
    write_text(path, currents_table(copper).to_csv(index=False, float_format="%.9g", lineterminator="\n"))
