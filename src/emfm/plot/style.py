"""How every picture of the report looks, and how it becomes the same bytes at every run."""

from collections.abc import Callable, Collection
from functools import wraps
from io import BytesIO
from math import floor, log10
from pathlib import Path
from typing import Any, Final, ParamSpec, TypeVar

import matplotlib.style
import numpy as np
from matplotlib import colormaps
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from ttt.files import write_bytes

P = ParamSpec("P")
R = TypeVar("R")

BLUE: Final = "#0072B2"
VERMILION: Final = "#D55E00"
_BASELINE_LOOKS: Final = (
    ("#E69F00", "--"),
    ("#009E73", "-."),
    ("#CC79A7", ":"),
    ("#56B4E9", (0, (5, 1, 1, 1, 1, 1))),
    ("#0072B2", (0, (1, 3))),
)
"""Colour and dashes of the baselines; all colours are of the palette of M. Okabe and K. Ito (2008), which
colour-blind readers can tell apart."""

_STYLE: Final[dict[str, Any]] = {
    "savefig.dpi": 150,
    "font.family": ["DejaVu Sans"],  # comes with matplotlib
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": "0.88",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
}
_PREFIXES: Final = {-12: "p", -9: "n", -6: "\N{MICRO SIGN}", -3: "m", 0: "", 3: "k", 6: "M", 9: "G"}


def in_report_style(draw: Callable[P, R]) -> Callable[P, R]:
    """Decorate a function that draws: whatever matplotlib is set to elsewhere has no influence on it."""

    @wraps(draw)
    def styled(*args: P.args, **kwargs: P.kwargs) -> R:
        with matplotlib.style.context(_STYLE, after_reset=True):
            return draw(*args, **kwargs)

    return styled


@in_report_style
def save_png(figure: Figure, path: Path) -> None:
    """Write ``figure`` to ``path`` atomically; the same figure gives the same bytes: no version, no time."""
    buffer = BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    write_bytes(path, buffer.getvalue())


def baseline_looks(names: Collection[str]) -> dict[str, tuple[str, Any]]:
    """A colour and dashes for each baseline by its name, the same in every picture."""
    looks = [_BASELINE_LOOKS[number % len(_BASELINE_LOOKS)] for number in range(len(names))]
    return dict(zip(names, looks, strict=True))


def stage_colours(count: int) -> list[str]:
    """A colour for each stage, from dark to light as they train on more samples."""
    return [to_hex(colour) for colour in colormaps["viridis"](np.linspace(0.0, 0.85, count))]


def with_prefix(largest: float, unit: str) -> tuple[float, str]:
    """A factor that brings values up to ``largest`` near 1 to 1000, and the unit that they then have.

    ``(0.004, "A/m")`` -> ``(1000.0, "mA/m")``.
    """
    exponent = 3 * floor(log10(largest) / 3) if largest > 0 else 0
    exponent = min(max(exponent, min(_PREFIXES)), max(_PREFIXES))
    return 10.0**-exponent, f"{_PREFIXES[exponent]}{unit}"
