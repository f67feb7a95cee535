"""The errors of each predictor on each sample of a set, as a file: what paired comparisons are computed from.

A CSV with a row a sample: ``id``, ``family``, ``content`` (a hash by which the same sample is known again), then
``NAME_e`` and ``NAME_h`` for each predictor, relative L2 errors to 6 digits.
"""

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from emfm.core.errors import DataError
from emfm.core.field_errors import SampleErrors

_REMEDY: Final = "make it anew with `dvc repro`"


class Judged(NamedTuple):
    """A sample that predictors were evaluated on."""

    id: str
    family: str
    content: str
    """A hash of its fields."""


@dataclass(frozen=True)
class ErrorTable:
    """Errors on the samples of a set."""

    samples: Sequence[Judged]
    errors: Mapping[str, SampleErrors]
    """By the name of the predictor, the stages first; in the order of the samples."""

    def numbered_families(self) -> NDArray[np.int64]:
        """The family of each sample as a number, ``(n,)``."""
        numbers: NDArray[np.int64] = np.unique([sample.family for sample in self.samples], return_inverse=True)[1]
        return numbers

    def of(self, samples: Sequence[Judged]) -> "ErrorTable":
        """The table of some of the samples, in another order."""
        places = {sample: place for place, sample in enumerate(self.samples)}
        chosen = np.array([places[sample] for sample in samples], np.int64)
        errors = {
            name: SampleErrors(found.rel_l2_e[chosen], found.rel_l2_h[chosen]) for name, found in self.errors.items()
        }
        return ErrorTable(samples, errors)

    def to_csv(self) -> str:
        """The content of the file."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(_heads(self.errors))
        columns = [column for found in self.errors.values() for column in (found.rel_l2_e, found.rel_l2_h)]
        for place, sample in enumerate(self.samples):
            writer.writerow([*sample, *(f"{column[place]:.6g}" for column in columns)])
        return text.getvalue()


def read_error_table(path: Path) -> ErrorTable:
    """The table in a file; raises DataError that names it and what is wrong."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read ({error}); {_REMEDY}") from error
    return parse_error_table(text, str(path))


def parse_error_table(text: str, source: str) -> ErrorTable:
    """The table in the text of a file; raises DataError that names ``source`` and what is wrong."""
    try:
        head, *rows = list(csv.reader(io.StringIO(text))) or [[]]
    except csv.Error as error:
        raise DataError(f"{source}: cannot be read as CSV ({error}); {_REMEDY}") from error
    facts = len(Judged._fields)
    names = [column.removesuffix("_e") for column in head[facts::2]]
    if not names or head != _heads(names):
        found, wanted = ", ".join(head), ", ".join([*Judged._fields, "NAME_e, NAME_h"])
        raise DataError(f"{source}: found the columns {found or 'of none'}; expected {wanted}; {_REMEDY}")
    if not rows:
        raise DataError(f"{source}: holds no samples; {_REMEDY}")
    values = np.array([_numbers(row, head, f"{source}: row {number}") for number, row in enumerate(rows, start=2)])
    errors = {name: SampleErrors(values[:, 2 * place], values[:, 2 * place + 1]) for place, name in enumerate(names)}
    return ErrorTable([Judged(*row[:facts]) for row in rows], errors)


def _heads(names: Iterable[str]) -> list[str]:
    return [*Judged._fields, *(f"{name}_{part}" for name in names for part in "eh")]


def _numbers(row: list[str], head: list[str], where: str) -> list[float]:
    if len(row) != len(head):
        raise DataError(f"{where}: found {len(row)} cells, the head has {len(head)}; {_REMEDY}")
    try:
        values = [float(cell) for cell in row[len(Judged._fields) :]]
    except ValueError as error:
        raise DataError(f"{where}: {error}; {_REMEDY}") from error
    if not all(math.isfinite(value) and value >= 0 for value in values):
        raise DataError(f"{where}: an error is negative or not finite; {_REMEDY}")
    return values
