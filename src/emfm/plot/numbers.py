"""How numbers are written in the report."""

from typing import Final

NO_VALUE: Final = "\N{EN DASH}"
"""Stands where a figure is not known."""


def four_digits(value: float) -> str:
    """``value`` to 4 significant digits: ``0.1`` -> ``0.1000``, ``12345`` -> ``1.234e+04``."""
    return f"{value:#.4g}".removesuffix(".")
