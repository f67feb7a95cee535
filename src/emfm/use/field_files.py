"""Single fields as files: source H to predict from, and predictions as CSV or npy files."""

import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from emfm.acquire.readers.array_files import read_npy_plane, read_npz_plane
from emfm.acquire.readers.base import WantedPlane
from emfm.acquire.readers.columns import AXES
from emfm.acquire.readers.csv_cases import CsvCases
from emfm.acquire.readers.feko import Feko
from emfm.acquire.readers.folders import natural_key
from emfm.acquire.readers.hfss_fld import HfssFld
from emfm.acquire.readers.planes import SCAN_TOLERANCE, checked_tolerance
from emfm.acquire.readers.sniff import TEXTS, is_no_field
from emfm.acquire.readers.solver_ascii import SolverAscii
from emfm.core.channels import E_CHANNELS, H_CHANNELS, SOURCE_CHANNELS, TARGET_CHANNELS
from emfm.core.errors import DataError
from emfm.core.grid import Grid
from emfm.use.measured_sources import read_measured
from ttt.files import sync_folder, write_text
from ttt.log import LOG

_, E_FILE, H_FILE = CsvCases.names
_MM: Final = 1e-3
_SHOWN: Final = 5
_OTHER_WAY: Final = (
    "The model needs Hx and Hy at all points of its plane; `python -m emfm.tasks.forward.sources` finds the sources "
    "below any components at any points, and their field elsewhere"
)
_COORDINATE_DECIMALS: Final = 9
"""Coordinates are written to a picometre, so that 3 mm is not 3.0000000000000004 mm."""


def read_source_h(path: Path, grid: Grid, frequency: float, tolerance: float | None = None) -> NDArray[np.float32]:
    """Source H in a file: ``(4, ny, nx)``, A/m, on the source plane ``grid`` at ``frequency`` (Hz).

    The suffix says what the file is: ``.csv`` with the columns of ``source_H.csv``, ``.npy``, ``.npz`` with the
    array ``x`` or a single array, ``.txt`` an ASCII export of a solver, ``.hfe`` a near field of FEKO, ``.fld`` one
    of HFSS. Where it states its frequency, that must be this one. A point may lie ``tolerance`` m from its place in
    each direction; None: `SCAN_TOLERANCE` of the pitch, as a file may come from a scanner. A table of a larger or finer
    plane that holds the points is cut down to them, with a warning.

    Raises DataError where the file is none of these or cannot be used.
    """
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise DataError(f"{path}: not a known kind of file; give one of {', '.join(_READERS)}")
    within = checked_tolerance(tolerance, grid, SCAN_TOLERANCE)
    try:
        return reader(path, WantedPlane(SOURCE_CHANNELS, grid, frequency, within, larger=True))
    except DataError as error:
        if path.suffix.lower() in TEXTS and _shows_sources(path, frequency):
            raise DataError(f"{error}. {_OTHER_WAY}") from None
        raise


def _shows_sources(path: Path, frequency: float) -> bool:
    """Whether sources can be looked for in a table that is not the plane of a model."""
    try:
        read_measured(path, frequency)
    except DataError:
        return False
    return True


def list_inputs(folder: Path) -> list[Path]:
    """The files in ``folder`` that `read_source_h` knows, ``scan_2`` before ``scan_10``.

    Text files that are no field are left out, with a warning. Raises DataError where there are none, or two whose
    results would have the same name.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; name a file or a folder of files with source H")
    known = (path for path in folder.iterdir() if path.suffix.lower() in _READERS and path.is_file())
    there = sorted((path for path in known if path.name[0] != "."), key=lambda path: natural_key(path.name))
    found = [path for path in there if not is_no_field(path)]
    if others := [path.name for path in there if path not in found]:
        LOG.warning(
            "%s: left out, as no line there names coordinates x and y or holds numbers alone: %s",
            *(folder, ", ".join(others[:_SHOWN]) + (f" and {len(others) - _SHOWN} more" if others[_SHOWN:] else "")),
        )
    if not found:
        raise DataError(f"{folder}: no inputs there; put files into it that end with {', '.join(_READERS)}")
    by_stem: dict[str, Path] = {}
    for path in found:
        other = by_stem.setdefault(path.stem, path)
        if other != path:
            raise DataError(f"{path}: has the same name as {other.name}, and so would their results; rename one")
    return found


def result_files(folder: Path) -> list[Path]:
    """The files that `write_target_csv` writes into ``folder``."""
    return [folder / E_FILE, folder / H_FILE]


def write_target_csv(folder: Path, prediction: NDArray[np.float32], grid: Grid) -> None:
    """Write ``target_E.csv`` and ``target_H.csv`` into ``folder``, as the reader of CSV cases reads them.

    Reading them gives the same float32 bits. Both files are complete or absent: what fails leaves the files
    of an earlier call in place, and a mixture of two calls is never there.

    Args:
        folder: made where there is none.
        prediction: ``(12, ny, nx)`` of the target plane, V/m and A/m.
        grid: the target plane.

    Raises:
        DataError: another shape, or a value that is not finite.
        OSError: the files cannot be written.
    """
    refuse_unwritable(folder, prediction, grid)
    files = {
        E_FILE: _csv_text(prediction[E_CHANNELS], TARGET_CHANNELS[E_CHANNELS], grid),
        H_FILE: _csv_text(prediction[H_CHANNELS], TARGET_CHANNELS[H_CHANNELS], grid),
    }
    write_together(folder, files)


def refuse_unwritable(place: Path, prediction: NDArray[np.float32], grid: Grid) -> None:
    """Raise DataError for a prediction of another shape than that of the target plane, or that is not finite."""
    if prediction.shape != (len(TARGET_CHANNELS), *grid.shape):
        raise DataError(
            f"{place}: a prediction must have the shape {(len(TARGET_CHANNELS), *grid.shape)}, found "
            f"{prediction.shape}; use the grid that the model was trained for"
        )
    if not np.isfinite(prediction).all():
        raise DataError(f"{place}: the prediction holds NaN or Inf and is not written; check the input's unit")


def write_together(folder: Path, files: Mapping[str, str]) -> None:
    """Write texts by their names into ``folder``, which is made where there is none: all of them or none.

    What fails leaves the files of an earlier call in place, and a mixture of two calls is never there.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    around = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    waiting = around / "whole"
    try:
        for name, text in files.items():
            write_text(waiting / name, text)
        if folder.exists():
            _move_files(list(files), waiting, folder)
        else:
            waiting.rename(folder)  # both at once: a kill leaves both or none
            sync_folder(folder.parent)
    finally:
        shutil.rmtree(around, ignore_errors=True)


def _move_files(names: Sequence[str], source: Path, folder: Path) -> None:
    """Move files into ``folder``, whose files of these names are removed first."""
    for name in names:
        (folder / name).unlink(missing_ok=True)
    for name in names:
        (source / name).replace(folder / name)
    sync_folder(folder)


def _csv_text(fields: NDArray[np.float32], channels: Sequence[str], grid: Grid) -> str:
    """A line a point, x varying fastest.

    Nine digits tell any two float32 apart, and, unlike the shortest text that does, lie so near to the
    number that reading them by way of float64 cannot round to a neighbour.
    """
    mm = np.round(grid.points() / _MM, _COORDINATE_DECIMALS) + 0.0
    rows = np.concatenate([mm, fields.reshape(len(channels), -1).T], axis=1)
    line = ",".join(["%.9g"] * rows.shape[1]) + "\n"
    return ",".join((*AXES, *channels)) + "\n" + (line * len(rows)) % tuple(rows.ravel().tolist())


_READERS: Final[dict[str, Callable[[Path, WantedPlane], NDArray[np.float32]]]] = {
    ".csv": CsvCases().read_plane,
    ".npy": read_npy_plane,
    ".npz": read_npz_plane,
    ".txt": SolverAscii().read_plane,
    ".hfe": Feko().read_plane,
    ".fld": HfssFld().read_plane,
}
