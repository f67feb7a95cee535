"""The header of a table: how its columns are separated, what they are called, and which of them are needed."""

import csv
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from emfm.acquire.readers.frequency import frequency_units
from emfm.acquire.readers.units import field_factor, length_factor
from ttt.log import LOG

AXES: Final = ("x", "y", "z")

Separator = Literal["comma", "semicolon", "tab", "space"]
"""What stands between columns; ``space``: any number of blanks and tabs."""

CHARACTERS: Final[dict[Separator, str]] = {"comma": ",", "semicolon": ";", "tab": "\t", "space": " "}

_IN_WORDS: Final[dict[Separator, str]] = {"comma": "','", "semicolon": "';'", "tab": "tabs", "space": "blanks"}
_PROTECTED: Final = re.compile(r'"[^"]*"|\[[^\[\]]*\]|\([^()]*\)')
_WITH_UNIT: Final = re.compile(r"(\S[^\[\]()]*|\S+\([^()]*\))\s*[\[(]([^\[\]()]*)[\])]")
_AXIS_AND_UNIT: Final = re.compile(r"([xyz])\s*[_/]\s*(\w+)", re.IGNORECASE)
_BETWEEN_BLANKS: Final = re.compile(r"([^\s\[\]]+)\s*\[([^\[\]]*)\]\s*")
_PARTS: Final = {"re": "re", "real": "re", "im": "im", "imag": "im", "imaginary": "im"}
_PART: Final = "|".join(sorted(_PARTS, key=len, reverse=True))
_CHANNEL: Final = re.compile(rf"([eh][xyz])[\s_.-]*({_PART})|({_PART})[\s_.-]*(?:([eh][xyz])|\(([eh][xyz])\))")
_NUMBER: Final = re.compile(r"[-+]?[\d.,]+(e[-+]?\d+)?", re.IGNORECASE)
_SHOWN: Final = 120
_SAID: Final[set[tuple[str, ...]]] = set()
"""Columns of which it was said that they are not used."""


@dataclass(frozen=True)
class Column:
    """One column, as its file calls it."""

    written: str
    name: str
    """Without the unit."""
    unit: str | None = None


@dataclass(frozen=True)
class Header:
    """The columns of a table, and what separates them."""

    separator: Separator
    columns: tuple[Column, ...]

    @property
    def described(self) -> str:
        """What was found, for an error."""
        names = [column.written for column in self.columns]
        if any(_NUMBER.fullmatch(name) for name in names) and not any(map(canonical_name, names)):
            return "found numbers: the file has no line that names the columns"
        listed = ", ".join(names)
        shown = listed if len(listed) <= _SHOWN else listed[: _SHOWN - 3] + "..."
        return f"found {shown or 'nothing'} (separated by {described(self.separator)})"


def read_header(line: str) -> Header:
    """The columns that a header line names; raises ValueError with what is ambiguous in it."""
    text = line.strip(" \r\n").lstrip("#%").strip(" ")  # a tab at the start is a column without a name
    bare = _PROTECTED.sub("", text)
    if "," in bare and ";" in bare:
        raise ValueError("separates columns both by ',' and by ';'")
    separators: list[Separator] = ["comma"] if "," in bare else ["semicolon"] if ";" in bare else []
    if separators or "\t" in bare:
        separator = separators[0] if separators else "tab"
        names = _split(text, CHARACTERS[separator])
        if separators or all(name.strip() for name in names[1:-1]):
            while len(names) > 1 and not names[-1].strip():  # separators at the end of each line
                names.pop()
            return Header(separator, tuple(map(_column, names)))
    pairs = _BETWEEN_BLANKS.findall(text)
    if pairs and not _BETWEEN_BLANKS.sub("", text):
        return Header("space", tuple(_column(f"{name} [{unit}]") for name, unit in pairs))
    return Header("space", tuple(map(_column, text.split())))


def canonical_name(name: str) -> str | None:
    """``Hx_re`` for ``hx_re``, ``HxRe``, ``Re(Hx)`` and the like, ``x`` for ``X``; None for another name."""
    text = name.strip().casefold()
    if text in AXES:
        return text
    match = _CHANNEL.fullmatch(text)
    if not match:
        return None
    component = match[1] or match[4] or match[5]
    return f"{component.capitalize()}_{_PARTS[match[2] or match[3]]}"


def described(separator: Separator) -> str:
    """A separator in words."""
    return _IN_WORDS[separator]


def find_columns(header: Header, needed: Sequence[str], spell: Callable[[str], str] = str) -> list[int]:
    """Where the channels and axes ``needed`` stand in the header; others may stand there, too.

    Args:
        header: what the line says.
        needed: canonical names, such as ``Hx_re``.
        spell: how the format calls a column of that name, for errors.

    Raises:
        ValueError: a column is missing or there twice; says which, and what was found.
    """
    names = [canonical_name(column.name) for column in header.columns]
    missing = [f"lacks the column {spell(name)!r}" for name in needed if name not in names]
    repeated = [f"has the column {spell(name)!r} twice" for name in needed if names.count(name) > 1]
    for problem in (*missing, *repeated):
        raise ValueError(
            f"{problem}; {header.described}; the columns must be {', '.join(map(spell, needed))}, in any order"
            f"{_hint(header, needed) if missing else ''}"
        )
    return [names.index(name) for name in needed]


def unknown_columns(header: Header) -> tuple[str, ...]:
    """The names of columns that are neither coordinates, field components nor a frequency."""
    return tuple(
        column.written
        for column in header.columns
        if column.name and canonical_name(column.name) is None and frequency_units(column.written) is None
    )


def say_unused(path: Path, names: tuple[str, ...]) -> None:
    """Warn that the columns ``names`` of a file are not used, once for each set of names."""
    if names and names not in _SAID:
        _SAID.add(names)
        LOG.warning("%s: not used, here and in files like it: %s", path, ", ".join(map(repr, names))[:_SHOWN])


def column_factor(column: Column, default: float) -> float:
    """What the numbers of a coordinate or channel are multiplied by to be in m, V/m or A/m.

    ``default`` is for a column without a unit. Raises ValueError naming the units that are known.
    """
    name = canonical_name(column.name)
    assert name is not None
    if column.unit is None:
        return default
    try:
        return length_factor(column.unit) if name in AXES else field_factor(name[0], column.unit)
    except ValueError as known:
        raise ValueError(
            f"the column {column.name} has the unit {column.unit!r}; export it in one of: {known}"
        ) from None


def frequency_columns(header: Header) -> list[tuple[int, tuple[float, ...]]]:
    """The columns that hold a frequency, with the units in Hz that it may be in."""
    found = ((place, frequency_units(column.written)) for place, column in enumerate(header.columns))
    return [(place, units) for place, units in found if units]


def _split(text: str, separator: str) -> list[str]:
    """The cells of a line; raises ValueError where its quotes cannot be understood."""
    try:
        return next(csv.reader([text], delimiter=separator, skipinitialspace=True))
    except (csv.Error, StopIteration) as error:
        raise ValueError(f"cannot be split into columns ({error})") from error


def _column(cell: str) -> Column:
    text = _unquoted(cell)
    match = _AXIS_AND_UNIT.fullmatch(text) or _WITH_UNIT.fullmatch(text)
    if match and match[1].strip().casefold() not in _PARTS:  # Re(Hx) has no unit
        return Column(text, match[1].strip(), match[2].strip())
    return Column(text, text)


def _unquoted(cell: str) -> str:
    return cell.strip().strip('"').strip()


def _hint(header: Header, needed: Sequence[str]) -> str:
    """What else to say where a column is missing."""
    names = [column.name.casefold() for column in header.columns if canonical_name(column.name) is None]
    components = {name[:2].casefold() for name in needed if name not in AXES}
    if any(component in name for component in components for name in names) and len(header.columns) > 1:
        return "; give real and imaginary part of each component in columns of their own"
    if len(header.columns) == 1:
        return "; separate them by ',', ';' or tabs"
    return ""
