"""npz cases: ``<root>/<id>.npz`` with the arrays ``x`` (4, ny, nx) and ``y`` (12, ny, nx), in A/m and V/m.

A number ``frequency_hz`` beside them (or ``frequency_ghz``, ``f_hz`` and the like) must be the samples' frequency.
"""

from pathlib import Path
from typing import Final

from emfm.acquire.readers.array_files import read_npz
from emfm.acquire.readers.base import READERS, Fields
from emfm.acquire.readers.folders import natural_key
from emfm.core.channels import SOURCE_CHANNELS, TARGET_CHANNELS
from emfm.core.grid import Geometry
from emfm.core.sample import checked_id

_SUFFIX: Final = ".npz"


@READERS.register("npz_cases")
class NpzCases:
    """One npz file a case: an `emfm.acquire.readers.base.CaseReader`."""

    def recognises(self, root: Path) -> bool:
        """See `CaseReader`."""
        return any(root.glob(f"[!.]*{_SUFFIX}"))

    def cases(self, root: Path) -> list[str]:
        """See `CaseReader`."""
        names = [path.name.removesuffix(_SUFFIX) for path in root.glob(f"[!.]*{_SUFFIX}")]
        return sorted((checked_id(name, str(root)) for name in names), key=natural_key)

    def files(self, root: Path, case: str) -> tuple[Path, ...]:
        """See `CaseReader`."""
        return (root / f"{case}{_SUFFIX}",)

    def read(self, root: Path, case: str, geometry: Geometry, _tolerance: float | None = None, /) -> Fields:
        """See `CaseReader`; arrays have no coordinates that could be off."""
        (path,) = self.files(root, case)
        shapes = {
            "x": (len(SOURCE_CHANNELS), *geometry.source.shape),
            "y": (len(TARGET_CHANNELS), *geometry.target.shape),
        }
        source_h, target = read_npz(path, shapes, geometry.frequency, root)
        return source_h, target
