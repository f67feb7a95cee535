"""The frequency that a file states, compared with the one that is asked for."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from emfm.acquire.readers.units import FREQUENCIES
from emfm.core.errors import DataError

FREQUENCY_TOLERANCE: Final = 1e-6
"""Relative: solvers write nine digits or more."""

_NAME: Final = re.compile(r"f(?:req(?:uency)?)?[\s_]*[\[(]?\s*([kMGT]?Hz)\s*[\])]?|freq(?:uency)?", re.IGNORECASE)
_STATEMENT: Final = re.compile(
    r"\bfreq(?:uency)?[\s_]?([kMGT]?Hz)?\s*(?::=|=|:)\s*['\"]?\s*"
    r"([-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)\s*([kMGT]?Hz\b)?",
    re.IGNORECASE,
)
_ANY_UNIT: Final = tuple(FREQUENCIES.values())


def frequency_units(name: str) -> tuple[float, ...] | None:
    """The units, in Hz, in which a number called ``name`` may be meant; None where it is no name of a frequency.

    ``frequency_hz`` and ``f [GHz]`` have one; a bare ``frequency`` may be in any of Hz to THz.
    """
    match = _NAME.fullmatch(name.strip())
    if not match:
        return None
    return (FREQUENCIES[match[1].casefold()],) if match[1] else _ANY_UNIT


def check_frequency(path: Path, place: str, stated: float, units: Sequence[float], wanted: float) -> None:
    """Raise DataError where ``stated``, in one of ``units`` (Hz), is not the frequency ``wanted`` (Hz).

    ``place`` says what of the file ``path`` states it.
    """
    if not any(is_frequency(stated * unit, wanted) for unit in units):
        number = stated * units[0] if len(units) == 1 else stated
        raise other_frequency(path, f"{place} says {number:.9g}{' Hz' if len(units) == 1 else ''}", wanted)


def check_statements(path: Path, text: str, wanted: float) -> None:
    """Raise DataError where a header or remark such as ``Freq='5GHz'`` states another frequency than ``wanted``, Hz."""
    for match in _STATEMENT.finditer(text):
        unit = match[3] or match[1]
        units = (FREQUENCIES[unit.casefold()],) if unit else _ANY_UNIT
        check_frequency(path, f"'{match[0].strip()[:60]}'", float(match[2]), units, wanted)


def is_frequency(stated: float, wanted: float) -> bool:
    """Whether two frequencies are the same."""
    return abs(stated - wanted) <= FREQUENCY_TOLERANCE * wanted


def other_frequency(path: Path, found: str, wanted: float) -> DataError:
    """The error for a file that has ``found`` in the place of the frequency ``wanted``, Hz."""
    return DataError(
        f"{path}: has no field at {wanted:.9g} Hz ({found}); solve or export it for that frequency, or mend "
        "data.frequency_hz; a prediction needs a model of the scan's frequency"
    )
