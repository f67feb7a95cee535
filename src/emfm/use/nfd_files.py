"""A field on a plane as a near-field source of Ansys HFSS: a table ``target.nfd`` and ``target.and``, which names it.

The format is the one that Ansys' own PyAEDT writes for HFSS (`convert_nearfield_data`, MIT licence): the six
faces of a box one after the other, a line a point with its number, its place in m, and E and H as real and imaginary
parts; of faces where nothing is known, zeros. The plane is the upper face, so that it radiates upwards, and what it
holds is right above it alone. The lower face is the plane of the scan.
"""

from itertools import count
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from emfm.core.channels import TARGET_CHANNELS, Real
from emfm.core.grid import Geometry, Grid
from emfm.use.field_files import refuse_unwritable, write_together

TABLE: Final = "target.nfd"
HEADER: Final = "target.and"
_GHZ: Final = 1e9
_MM: Final = 1e3
_HEAD: Final = (
    "#Index, X, Y, Z, Ex(real, imag), Ey(real, imag), Ez(real, imag), Hx(real, imag), Hy(real, imag), Hz(real, imag)"
)


def nfd_files(folder: Path) -> list[Path]:
    """The files that `write_nfd` writes into ``folder``."""
    return [folder / TABLE, folder / HEADER]


def write_nfd(folder: Path, prediction: NDArray[np.float32], geometry: Geometry) -> None:
    """Write ``target.nfd`` and ``target.and`` into ``folder``; reading them gives the same float32 bits.

    Args:
        folder: made where there is none; both files are complete or absent.
        prediction: ``(12, ny, nx)`` on the target plane of ``geometry``, V/m and A/m.

    Raises:
        DataError: another shape, or a value that is not finite.
        OSError: the files cannot be written.
    """
    refuse_unwritable(folder, prediction, geometry.target)
    write_together(folder, {TABLE: _table(prediction, geometry), HEADER: _header(geometry)})


def _table(prediction: NDArray[np.float32], geometry: Geometry) -> str:
    """Nine digits tell any two float32 apart."""
    known = prediction.reshape(len(TARGET_CHANNELS), -1).T.astype(np.float64)
    faces = [(points, np.zeros((len(points), len(TARGET_CHANNELS)))) for points in _other_faces(geometry)]
    faces.append((geometry.target.points(), known))
    rows = np.concatenate([np.column_stack(face) for face in faces])
    line = "%d" + ",%.9g" * rows.shape[1]
    points = (line % (number, *row) for number, row in zip(count(1), rows.tolist(), strict=False))
    return "\n".join([_HEAD, "Frequencies 1", f"Frequency {_frequency(geometry)}", *points, ""])


def _other_faces(geometry: Geometry) -> list[Real]:
    """The points of the faces at the least and the largest x, the least and the largest y, and the least z."""
    upper, lower = geometry.target, geometry.source.z
    rim = [points.reshape(*upper.shape, 3) for points in (_at_height(upper, lower), upper.points())]
    sides = [
        np.concatenate([points[side] for points in rim]) for side in (np.s_[:, 0], np.s_[:, -1], np.s_[0], np.s_[-1])
    ]
    return [*sides, rim[0].reshape(-1, 3)]


def _at_height(grid: Grid, z: float) -> Real:
    points = grid.points()
    points[:, 2] = z
    return points


def _header(geometry: Geometry) -> str:
    """Of the box around all points."""
    upper, lower = geometry.target, geometry.source.z
    low = np.array([upper.x[0], upper.y[0], lower])
    high = np.array([upper.x[-1], upper.y[-1], upper.z])
    frequency = _frequency(geometry)
    lines = [
        "$begin 'NearFieldHeader'",
        "\ttype='nfd'",
        "\tfields='EH'",
        f"\tfsweep='{frequency}'",
        "\tgeometry='box'",
        f"\tcenter='{_lengths((low + high) / 2)}'",
        f"\tsize='{_lengths(high - low)}'",
        "$end 'NearFieldHeader'",
        "$begin 'NearFieldData'",
        f'\tFreqData("{frequency}","{TABLE}")',
        "$end 'NearFieldData'",
    ]
    return "\n".join([*lines, ""])


def _lengths(metres: Real) -> str:
    return ",".join(f"{_MM * length:.9g}mm" for length in metres + 0.0)


def _frequency(geometry: Geometry) -> str:
    return f"{geometry.frequency / _GHZ:.12g}GHz"
