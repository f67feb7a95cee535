"""The header of a table: how its columns are separated, what they are called, and which of them are needed."""

import csv
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from emfm.acquire.readers.frequency import frequency_units
from emfm.acquire.readers.units import angle_factor, field_factor, length_factor
from emfm.core.channels import TARGET_COMPONENTS, channel_names
from ttt.log import LOG

AXES: Final = ("x", "y", "z")

Separator = Literal["comma", "semicolon", "tab", "space"]
"""What stands between columns; ``space``: any number of blanks and tabs."""

CHARACTERS: Final[dict[Separator, str]] = {"comma": ",", "semicolon": ";", "tab": "\t", "space": " "}

_IN_WORDS: Final[dict[Separator, str]] = {"comma": "','", "semicolon": "';'", "tab": "tabs", "space": "blanks"}
_PROTECTED: Final = re.compile(r'"[^"]*"|\[[^\[\]]*\]|\([^()]*\)')
_WITH_UNIT: Final = re.compile(r"(\S[^\[\]()]*|\S+\([^()]*\))\s*[\[(]([^\[\]()]*)[\])]")
_AXIS_AND_UNIT: Final = re.compile(r"([xyz])\s*[_/]\s*(\w+)", re.IGNORECASE)
_PHASE_AND_UNIT: Final = re.compile(r"(\S*[eh][xyz]\S*?)_(deg|rad)", re.IGNORECASE)
_BETWEEN_BLANKS: Final = re.compile(r"([^\s\[\]]+)\s*\[([^\[\]]*)\]\s*")
AMPLITUDE, PHASE = "abs", "phase"
_PARTS: Final = (
    {"re": "re", "real": "re", "im": "im", "imag": "im", "imaginary": "im"}
    | dict.fromkeys(("abs", "mag", "magnitude", "amp", "amplitude"), AMPLITUDE)
    | dict.fromkeys(("phase", "ph", "pha", "arg", "angle", "ang"), PHASE)
)
_PART: Final = "|".join(sorted(_PARTS, key=len, reverse=True))
_CHANNEL: Final = re.compile(rf"([eh][xyz])[\s_.-]*({_PART})|({_PART})[\s_.-]*(?:([eh][xyz])|\(([eh][xyz])\))")
_SIZE: Final = re.compile(r"\|([eh][xyz])\|")
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
    """``Hx_re`` for ``hx_re``, ``HxRe``, ``Re(Hx)`` and the like, ``x`` for ``X``; None for another name.

    Amplitudes and phases, ``|Hx|``, ``Hx_mag`` or ``Phase(Hx)``, are ``Hx_abs`` and ``Hx_phase``.
    """
    text = name.strip().casefold()
    if text in AXES:
        return text
    if size := _SIZE.fullmatch(text):
        return f"{size[1].capitalize()}_{AMPLITUDE}"
    match = _CHANNEL.fullmatch(text)
    if not match:
        return None
    component = match[1] or match[4] or match[5]
    return f"{component.capitalize()}_{_PARTS[match[2] or match[3]]}"


def described(separator: Separator) -> str:
    """A separator in words."""
    return _IN_WORDS[separator]


def as_given(header: Header, channels: Sequence[str]) -> tuple[str, ...]:
    """``channels`` with amplitude and phase for the real and imaginary parts of components that are given so.

    Those of one component stand side by side in both.
    """
    there = {canonical_name(column.name) for column in header.columns}
    given: list[str] = []
    for real, imaginary in zip(channels[::2], channels[1::2], strict=True):
        component = real.partition("_")[0]
        polar = f"{component}_{AMPLITUDE}", f"{component}_{PHASE}"
        given += polar if there >= set(polar) and not there & {real, imaginary} else (real, imaginary)
    return tuple(given)


def complete_channels(header: Header) -> tuple[str, ...]:
    """Real and imaginary part, by `channel_names`, of each component that the header gives whole, in whichever way.

    Raises ValueError where there is none; says so of amplitudes without phases.
    """
    there = {canonical_name(column.name) for column in header.columns}
    ways = (("re", "im"), (AMPLITUDE, PHASE))
    whole = [
        component
        for component in TARGET_COMPONENTS
        if any(there >= {f"{component}_{part}" for part in way} for way in ways)
    ]
    if whole:
        return channel_names(tuple(whole))
    halves = [name for name in TARGET_COMPONENTS if there & {f"{name}_{part}" for way in ways for part in way}]
    if not halves:
        raise ValueError(
            f"names no component of the field; {header.described}; give columns such as Hx_re and Hx_im, or Hx_abs and "
            "Hx_phase (degrees)"
        )
    raise ValueError(
        f"gives {', '.join(halves)} without phase or by one part alone; {header.described}. What radiates where "
        "follows from the phases between the points, so that sources cannot be found from magnitudes: measure against "
        "a reference (a second probe that stays in place, or the board's own signal, on a network analyser or an "
        "oscilloscope) and give real and imaginary part, or amplitude and phase, of each component"
    )


def to_real_and_imaginary(numbers: NDArray[np.float64], names: Sequence[str]) -> NDArray[np.float64]:
    """Columns ``(n, channels)`` called as `as_given` says, with phases in rad, as real and imaginary parts.

    Phases are those of peak phasors exp(+jwt).
    """
    polar = [place for place, name in enumerate(names) if name.endswith(f"_{AMPLITUDE}")]
    if not polar:
        return numbers
    parts = numbers.copy()
    for place in polar:
        amplitude, phase = numbers[:, place], numbers[:, place + 1]
        parts[:, place], parts[:, place + 1] = amplitude * np.cos(phase), amplitude * np.sin(phase)
    return parts


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


def unknown_columns(header: Header, used: Sequence[str] = ()) -> tuple[str, ...]:
    """The names of columns that are neither coordinates, field components nor a frequency.

    Amplitudes and phases that are not ``used`` are among them.
    """
    return tuple(
        column.written
        for column in header.columns
        if column.name
        and (canonical_name(column.name) is None or (is_polar(column) and canonical_name(column.name) not in used))
        and frequency_units(column.written) is None
    )


def is_polar(column: Column) -> bool:
    """Whether it is an amplitude or a phase."""
    name = canonical_name(column.name)
    return name is not None and name.endswith((f"_{AMPLITUDE}", f"_{PHASE}"))


def say_unused(path: Path, names: tuple[str, ...]) -> None:
    """Warn that the columns ``names`` of a file are not used, once for each set of names."""
    if names and names not in _SAID:
        _SAID.add(names)
        LOG.warning("%s: not used, here and in files like it: %s", path, ", ".join(map(repr, names))[:_SHOWN])


def column_factor(column: Column, default: float) -> float:
    """What the numbers of a coordinate or channel are multiplied by to be in m, V/m, A/m or rad.

    ``default`` is for a column without a unit; a phase without one is in degrees. Raises ValueError naming the units
    that are known.
    """
    name = canonical_name(column.name)
    assert name is not None
    is_phase = name.endswith(f"_{PHASE}")
    if column.unit is None:
        return angle_factor("deg") if is_phase else default
    try:
        if is_phase:
            return angle_factor(column.unit)
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
    match = _AXIS_AND_UNIT.fullmatch(text) or _PHASE_AND_UNIT.fullmatch(text) or _WITH_UNIT.fullmatch(text)
    if match and match[1].strip().casefold() not in _PARTS:  # Re(Hx) has no unit
        return Column(text, match[1].strip(), match[2].strip())
    return Column(text, text)


def _unquoted(cell: str) -> str:
    return cell.strip().strip('"').strip()


def _hint(header: Header, needed: Sequence[str]) -> str:
    """What else to say where a column is missing."""
    names = [
        column.name.casefold() for column in header.columns if canonical_name(column.name) is None or is_polar(column)
    ]
    components = {name[:2].casefold() for name in needed if name not in AXES}
    if any(component in name for component in components for name in names) and len(header.columns) > 1:
        return (
            "; give real and imaginary part of each component in columns of their own, or amplitude and phase "
            "(Hx_abs and Hx_phase, degrees)"
        )
    if len(header.columns) == 1:
        return "; separate them by ',', ';' or tabs"
    return ""
