"""CSV cases: ``<root>/cases/<id>/`` or ``<root>/<id>/`` with source_H.csv, target_E.csv and target_H.csv.

Columns ``x,y,z`` in mm and the channels by name; rows and columns in any order.
"""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from emfm.data.readers.base import READERS, Fields, NoParams, case_folders, inside
from emfm.data.readers.tables import check_columns, place_on_grid
from emfm.data.sample import DataError
from emfm.physics.channels import E_CHANNELS, H_CHANNELS, SOURCE_CHANNELS, TARGET_CHANNELS
from emfm.physics.grid import Geometry, Grid

SOURCE_FILE: Final = "source_H.csv"
E_FILE: Final = "target_E.csv"
H_FILE: Final = "target_H.csv"
AXES: Final = ("x", "y", "z")
_MM: Final = 1e-3
_FIRST_ROW: Final = 2


@READERS.register("csv_cases", params=NoParams)
class CsvCases:
    """Folders of three CSV files."""

    def __init__(self, params: None = None) -> None:
        pass

    def cases(self, root: Path) -> Mapping[str, Path]:
        """See `emfm.data.readers.base.CaseReader`."""
        return case_folders(root, (SOURCE_FILE, E_FILE, H_FILE))

    def files(self, case: Path) -> list[Path]:
        """See `emfm.data.readers.base.CaseReader`."""
        return [case / name for name in (SOURCE_FILE, E_FILE, H_FILE)]

    def read(self, case: Path, geometry: Geometry) -> Fields:
        """See `emfm.data.readers.base.CaseReader`."""
        for path in self.files(case):
            inside(path, case)
        source = read_channels(case / SOURCE_FILE, SOURCE_CHANNELS, geometry.source)
        electric = read_channels(case / E_FILE, TARGET_CHANNELS[E_CHANNELS], geometry.target)
        magnetic = read_channels(case / H_FILE, TARGET_CHANNELS[H_CHANNELS], geometry.target)
        return source, np.concatenate([electric, magnetic])


def read_channels(path: Path, channels: Sequence[str], grid: Grid) -> NDArray[np.float32]:
    """The channels of a CSV file on ``grid``: ``(len(channels), ny, nx)``.

    Raises DataError naming the file and the row or column that cannot be used.
    """
    header = _header(path)
    check_columns(header, (*AXES, *channels), str(path))
    try:
        table = pd.read_csv(path, dtype=np.float64, float_precision="round_trip", skipinitialspace=True)
    except (ValueError, OSError) as error:
        raise DataError(f"{path}: {_first_bad_cell(path, header) or error}") from error
    columns = {name: table[name].to_numpy() for name in header}
    columns |= {axis: columns[axis] * _MM for axis in AXES}
    return place_on_grid(columns, channels, grid, str(path), _FIRST_ROW)


def _header(path: Path) -> list[str]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = file.readline()
    except FileNotFoundError:
        raise DataError(f"{path}: missing; a case needs {SOURCE_FILE}, {E_FILE} and {H_FILE}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read as text ({error}); export the case again") from error
    if not first.strip():
        raise DataError(f"{path}: is empty; export the case again")
    return [name.strip() for name in next(csv.reader([first]))]


def _first_bad_cell(path: Path, header: list[str]) -> str | None:
    """The first row that has other than one number a column, as a sentence."""
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        rows = csv.reader(file)
        next(rows, None)
        for number, row in enumerate(rows, start=_FIRST_ROW):
            if len(row) != len(header):
                return f"row {number} has {len(row)} cells, the header {len(header)}; export the case again"
            for name, cell in zip(header, row, strict=True):
                try:
                    float(cell)
                except ValueError:
                    return f"row {number}: {name} is {cell!r}, not a number; mend it or export the case again"
    return None
