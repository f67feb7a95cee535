"""A field on a plane as near-field files of FEKO, which loads them as the equivalent source of a planar aperture.

The format is that of the Altair Feko user guide, "Electric / Magnetic Near Fields (.EFE / .HFE)", file format 4; the
reader `emfm.acquire.readers.feko` reads it back. In FEKO: the AP card or "Define near field data", source type
"Load from *.efe/*.hfe file". The plane radiates upwards, and what it holds is right above it alone. No date is
written, so that the same field makes the same file.
"""

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from emfm.core.channels import E_CHANNELS, H_CHANNELS, TARGET_CHANNELS
from emfm.core.grid import Grid
from emfm.use.field_files import refuse_unwritable, write_together

E_FILE: Final = "target.efe"
H_FILE: Final = "target.hfe"
_KINDS: Final = {"E": "Electric", "H": "Magnetic"}
_WIDTH: Final = 18


def feko_files(folder: Path) -> list[Path]:
    """The files that `write_feko` writes into ``folder``."""
    return [folder / E_FILE, folder / H_FILE]


def write_feko(folder: Path, prediction: NDArray[np.float32], grid: Grid, frequency: float) -> None:
    """Write ``target.efe`` and ``target.hfe`` into ``folder``; reading them gives the same float32 bits.

    Args:
        folder: made where there is none; both files are complete or absent.
        prediction: ``(12, ny, nx)``, V/m and A/m.
        grid: the plane.
        frequency: Hz.

    Raises:
        DataError: another shape, or a value that is not finite.
        OSError: the files cannot be written.
    """
    refuse_unwritable(folder, prediction, grid)
    files = {
        name: _text(prediction[part], TARGET_CHANNELS[part], grid, frequency)
        for name, part in ((E_FILE, E_CHANNELS), (H_FILE, H_CHANNELS))
    }
    write_together(folder, files)


def _text(fields: NDArray[np.float32], channels: tuple[str, ...], grid: Grid, frequency: float) -> str:
    """The header, and a line a point, x varying fastest; nine digits tell any two float32 apart."""
    kind = _KINDS[channels[0][0]]
    header = [
        f"##File Type: {kind} near field",
        "##File Format: 4",
        "##Source: emfm",
        "",
        "#Request Name: target",
        f"#Frequency: {frequency:.9E}",
        "#Coordinate System: Cartesian",
        f"#No. of X Samples: {grid.nx}",
        f"#No. of Y Samples: {grid.ny}",
        "#No. of Z Samples: 1",
        f"#Result Type: {kind} Field Values",
        "#No. of Header Lines: 1",
    ]
    parts = [f"{part.capitalize()}({component})" for component, part in (name.split("_") for name in channels)]
    names = [f'"{name}"'.rjust(_WIDTH) for name in ("X", "Y", "Z", *parts)]
    rows = np.concatenate([grid.points(), fields.reshape(len(channels), -1).T], axis=1)
    line = f"%{_WIDTH}.8E" * rows.shape[1]
    points = (line % tuple(row) for row in rows.tolist())
    return "\n".join([*header, "#" + "".join(names), *points, ""])
