"""A plane from a table whose header names its columns, with or without units."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from emfm.acquire.readers.base import MOST_POINTS, WantedPlane
from emfm.acquire.readers.columns import (
    AXES,
    CHARACTERS,
    Separator,
    as_given,
    column_factor,
    complete_channels,
    find_columns,
    frequency_columns,
    read_header,
    say_unused,
    to_real_and_imaginary,
    unknown_columns,
)
from emfm.acquire.readers.frequency import check_frequency, check_statements
from emfm.acquire.readers.planes import PointTable, field_on_grid
from emfm.acquire.readers.tables import TextTable, parse_numbers, read_text_table
from emfm.core.errors import DataError
from emfm.core.measured import MeasuredField

_MM: Final = 1e-3


@dataclass(frozen=True)
class TableFormat:
    """What one format of named tables adds."""

    spell: Callable[[str], str]
    """How it calls the column of a canonical name such as ``Hx_re``, for errors."""
    has_units: bool
    """Whether each column must have a unit; else one without is in mm, V/m or A/m."""
    ruled: bool
    """Whether a dashed line may stand below the header."""


def read_named_plane(path: Path, wanted: WantedPlane, form: TableFormat) -> NDArray[np.float32]:
    """The field in a table, ``(channels, ny, nx)``; other columns are not used.

    The frequency is compared with what a column or a remark above the header states.

    Raises DataError naming the file and the line, column or unit that cannot be used.
    """
    table = read_text_table(path, wanted.most_points, wanted.root)
    try:
        layout = _layout(table.header, wanted.channels, form)
    except ValueError as error:
        raise DataError(f"{table.header_place}: {error}") from None
    say_unused(path, layout.unknown)
    table = _below_rule(table, layout.separator) if form.ruled else table
    numbers = parse_numbers(table, layout.names, layout.separator, layout.unused)
    _check_frequency(table, layout, numbers, wanted.frequency)
    xyz, fields = numbers[:, layout.places[: len(AXES)]], numbers[:, layout.places[len(AXES) :]]
    with np.errstate(over="ignore"):  # what gets infinite is refused by its line
        xyz = xyz * layout.axis_factors
        if layout.field_factors is not None:
            fields = fields * layout.field_factors
    fields = to_real_and_imaginary(fields, layout.given)
    return field_on_grid(PointTable(table, layout.spelled, xyz, fields), wanted)


def read_named_points(path: Path, frequency: float, form: TableFormat) -> MeasuredField:
    """All components that a table gives whole, at whichever points, at ``frequency``, Hz; other columns are not used.

    A cell of a component that is empty or NaN was not measured.

    Raises DataError as `read_named_plane` does.
    """
    table = read_text_table(path, MOST_POINTS)
    try:
        layout = _layout(table.header, None, form)
    except ValueError as error:
        raise DataError(f"{table.header_place}: {error}") from None
    say_unused(path, layout.unknown)
    table = _below_rule(table, layout.separator) if form.ruled else table
    axes, fields = layout.places[: len(AXES)], layout.places[len(AXES) :]
    numbers = parse_numbers(table, layout.names, layout.separator, layout.unused, fields)
    _check_frequency(table, layout, numbers, frequency)
    parts = numbers[:, fields] * (1.0 if layout.field_factors is None else layout.field_factors)
    parts = to_real_and_imaginary(parts, layout.given)
    components = tuple(name.partition("_")[0] for name in layout.given[::2])
    try:
        return MeasuredField(
            numbers[:, axes] * layout.axis_factors, components, (parts[:, 0::2] + 1j * parts[:, 1::2]).T, frequency
        )
    except DataError as error:
        raise DataError(f"{path}: {error}") from None


@dataclass(frozen=True)
class _Layout:
    """What a header says of the columns that are needed."""

    separator: Separator
    names: tuple[str, ...]
    """Of all columns."""
    places: list[int]
    """Of the coordinates and the channels."""
    given: tuple[str, ...]
    """Canonical names of the channels as they are given: see `as_given`."""
    spelled: tuple[str, ...]
    """Their names in the format."""
    axis_factors: list[float]
    field_factors: list[float] | None
    """None where all are 1."""
    frequencies: list[tuple[int, tuple[float, ...]]]
    """Places of columns of frequencies, with the units in Hz that they may be in."""
    unused: list[int]
    unknown: tuple[str, ...]
    """Names of columns that are not used, nor ever are."""


@lru_cache(maxsize=64)
def _layout(line: str, channels: tuple[str, ...] | None, form: TableFormat) -> _Layout:
    """The layout that a header line declares; raises ValueError where it cannot be used.

    ``channels`` are those that must be there; None: what is there of all components, see `complete_channels`.

    Remembered, as the files of many cases have the same header.
    """
    try:
        header = read_header(line)
    except ValueError as error:
        raise ValueError(
            f"{error}, found {line[:60]!r}; name the columns there, with one separator between them"
        ) from None
    if form.has_units and any(column.unit is None for column in header.columns if column.name):
        raise ValueError(
            f"must name columns and units, such as 'x [mm] y [mm] z [mm] HxRe [A/m]', found {line[:60]!r}; export the "
            "field with its header"
        )
    given = as_given(header, complete_channels(header) if channels is None else channels)
    needed = (*AXES, *given)
    places = find_columns(header, needed, form.spell)
    axes, fields = ([header.columns[place] for place in part] for part in (places[: len(AXES)], places[len(AXES) :]))
    field_factors = [column_factor(column, 1.0) for column in fields]
    frequencies = frequency_columns(header)
    used = {*places, *(place for place, _ in frequencies)}
    return _Layout(
        header.separator,
        tuple(column.name for column in header.columns),
        places,
        given,
        tuple(map(form.spell, needed)),
        [column_factor(column, _MM) for column in axes],
        None if set(field_factors) == {1.0} else field_factors,
        frequencies,
        [place for place in range(len(header.columns)) if place not in used],
        unknown_columns(header, given),
    )


def _check_frequency(table: TextTable, layout: _Layout, numbers: NDArray[np.float64], frequency: float) -> None:
    """Raise DataError where a remark above the header or a column states another frequency, Hz."""
    check_statements(table.path, table.remarks, frequency)
    for place, units in layout.frequencies:
        for row in np.unique(numbers[:, place], return_index=True)[1]:
            where = f"line {table.line(row)}, column {layout.names[place]}"
            check_frequency(table.path, where, float(numbers[row, place]), units, frequency)


def _below_rule(table: TextTable, separator: Separator) -> TextTable:
    """The table without the dashed line that may stand beneath the header."""
    line, _, rest = table.body.partition(b"\n")
    dashes = line.strip()
    if not dashes or dashes.translate(None, b"-" + CHARACTERS[separator].encode()):
        return table
    return TextTable(table.path, table.header, rest, table.first_line + 1, table.remarks)
