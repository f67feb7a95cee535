"""Units as solvers and measuring programs write them, as factors to m, V/m, A/m, Hz and rad."""

import re
from math import pi
from typing import Final

LENGTHS: Final = {
    "m": 1.0,
    "meter": 1.0,
    "km": 1e3,
    "dm": 1e-1,
    "cm": 1e-2,
    "mm": 1e-3,
    "um": 1e-6,
    "nm": 1e-9,
    "pm": 1e-12,
    "fm": 1e-15,
    "uin": 25.4e-9,
    "mil": 25.4e-6,
    "in": 25.4e-3,
    "ft": 0.3048,
    "yd": 0.9144,
    "mile": 1609.344,
}
"""Metres in each unit of length: the names of Ansys Electronics Desktop, which hold CST's."""

FREQUENCIES: Final = {"hz": 1.0, "khz": 1e3, "mhz": 1e6, "ghz": 1e9, "thz": 1e12}
"""Hertz in each unit of frequency, by its name in lower case."""

_PREFIXES: Final = {"": 1.0, "n": 1e-9, "u": 1e-6, "m": 1e-3, "k": 1e3, "M": 1e6}
_NUMERATORS: Final = {"E": "V", "H": "A"}
_FIELD_UNIT: Final = re.compile(r"([numkM]?)([VA])/(\w+)")
_MICRO: Final = str.maketrans("\u00b5\u03bc", "uu")


_ANGLES: Final = {"deg": pi / 180, "degree": pi / 180, "degrees": pi / 180, "\u00b0": pi / 180, "rad": 1.0}


def angle_factor(unit: str) -> float:
    """Radians in ``unit``; raises ValueError with the names that are known."""
    text = unit.strip().casefold()
    if text in _ANGLES:
        return _ANGLES[text]
    raise ValueError(", ".join(_ANGLES))


def length_factor(unit: str) -> float:
    """Metres in ``unit``; raises ValueError with the names that are known."""
    text = unit.strip().translate(_MICRO)
    if text in LENGTHS:
        return LENGTHS[text]
    raise ValueError(", ".join(LENGTHS))


def field_factor(quantity: str, unit: str) -> float:
    """V/m (quantity E) or A/m (quantity H) in ``unit``; raises ValueError with examples of what is known."""
    numerator = _NUMERATORS[quantity]
    text = unit.strip().translate(_MICRO)
    if text.casefold() == f"{numerator}/m".casefold():
        return 1.0
    match = _FIELD_UNIT.fullmatch(text)
    if match and match[2] == numerator and match[3] in LENGTHS:
        return _PREFIXES[match[1]] / LENGTHS[match[3]]
    raise ValueError(f"{numerator}/m, k{numerator}/m, m{numerator}/m and the like")
