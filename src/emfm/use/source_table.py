"""Point sources as a table: where they are, how strong, how sure."""

from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from emfm.sources.found import PointSources
from ttt.files import write_text

_AXES: Final = "xyz"
_MM: Final = 1e3
COLUMNS: Final = (
    *(f"{axis}_mm" for axis in _AXES),
    "kind",
    *(f"m{axis}_{part}" for axis in _AXES for part in ("re", "im")),
    "unit",
    *(f"std_{axis}_mm" for axis in _AXES),
    "share",
)
"""Of the table: place; ``electric`` or ``magnetic``; the moment I*l or K*l, peak phasors exp(+jwt), in the unit
that follows it; one standard deviation of the place; the share of the power of the field on the target plane."""


def sources_table(sources: PointSources) -> pd.DataFrame:
    """A row a source, by falling share; the background is not in it."""
    order = np.argsort(-sources.share, kind="stable")
    magnetic = sources.magnetic[order]
    moments = sources.moments[order].view(np.float64).reshape(len(order), 2 * len(_AXES))
    spread = sources.spread[order, : len(_AXES)]
    columns = [
        *(_MM * sources.positions[order]).T,
        np.where(magnetic, "magnetic", "electric"),
        *moments.T,
        np.where(magnetic, "V.m", "A.m"),
        *(_MM * spread).T,
        sources.share[order],
    ]
    return pd.DataFrame(dict(zip(COLUMNS, columns, strict=True)), columns=list(COLUMNS))


def write_sources(path: Path, sources: PointSources) -> None:
    """Write the table as CSV, nine digits a number."""
    table = sources_table(sources)
    write_text(path, table.to_csv(index=False, float_format="%.9g", lineterminator="\n"))
