"""What a predicted field can be written as."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from emfm.core.channels import Channels
from emfm.core.grid import Geometry
from emfm.use.feko_files import feko_files, write_feko
from emfm.use.field_files import result_files, write_target_csv
from emfm.use.nfd_files import nfd_files, write_nfd
from ttt.arrays import write_npy


@dataclass(frozen=True)
class ResultFormat:
    """A format; results in several files go to a folder of their own."""

    is_file: bool
    """Whether a result is a single .npy file."""
    files: Callable[[Path], list[Path]]
    """Those of a result that goes to a place."""
    write: Callable[[Path, Channels, Geometry], None]
    """Write a prediction ``(12, ny, nx)`` to a place."""


TENSOR: Final = "tensor"
FORMATS: Final = {
    TENSOR: ResultFormat(True, lambda file: [file], lambda file, field, _: write_npy(file, field)),
    "nf_target_csv": ResultFormat(
        False, result_files, lambda folder, field, geometry: write_target_csv(folder, field, geometry.target)
    ),
    "feko": ResultFormat(
        False,
        feko_files,
        lambda folder, field, geometry: write_feko(folder, field, geometry.target, geometry.frequency),
    ),
    "nfd": ResultFormat(False, nfd_files, write_nfd),
}
"""By name."""
