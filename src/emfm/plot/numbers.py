"""How numbers are written in the report and on the page."""

from math import isfinite
from typing import Final

NO_VALUE: Final = "\N{EN DASH}"
"""Stands where a number is not known."""


def four_digits(value: float) -> str:
    """``value`` to 4 significant digits: ``0.1`` -> ``0.1000``, ``12345`` -> ``1.234e+04``."""
    return f"{value:#.4g}".removesuffix(".")


def shown(value: float | None) -> str:
    """``value`` to 4 significant digits, or a dash for one that is not known or not finite."""
    return NO_VALUE if value is None or not isfinite(value) else four_digits(value)
