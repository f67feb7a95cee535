"""One solved case, and anything that can supply such cases row by row."""

import re
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from emfm.core.errors import DataError

MAX_ID_LENGTH = 128
WEAKEST: Final = 1e-12
STRONGEST: Final = 1e15
"""Of a field's largest value, A/m or V/m: beyond these, squares and products in single precision lose digits."""
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)
"""Names that Windows keeps for devices: a folder of cases could not be copied there."""


@dataclass(frozen=True)
class Sample:
    """One solved case: source H in A/m, target E in V/m and H in A/m, with the parameters that made it."""

    id: str
    family: str
    source_h: NDArray[np.float32]
    """``(4, ny, nx)`` of the source plane, channels `emfm.core.channels.SOURCE_CHANNELS`."""
    target: NDArray[np.float32]
    """``(12, ny, nx)`` of the target plane, channels `emfm.core.channels.TARGET_CHANNELS`."""
    parameters: NDArray[np.float64]
    """``(p,)``, in the order of the source's ``parameter_names``; NaN where a sample has no such value."""
    fingerprint: NDArray[np.float64] | None = None
    """`emfm.core.store.fingerprint` of the fields before they were stored, where they come from a store."""


class SampleSource(Protocol):
    """Samples by row number. Any row can be asked for alone, in any process, and is always the same."""

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """Names of ``Sample.parameters``, in their order."""
        ...

    def __len__(self) -> int: ...

    def sample(self, row: int) -> Sample:
        """The sample of ``row``; raises `emfm.core.errors.DataError` where it cannot be used."""
        ...


def checked_id(identifier: str, where: str) -> str:
    """``identifier`` if it can safely name a file and a line of a list; raises DataError if not."""
    if len(identifier) > MAX_ID_LENGTH or not _ID.fullmatch(identifier) or _DEVICE.fullmatch(identifier):
        shown = identifier if len(identifier) <= 40 else identifier[:37] + "..."
        raise DataError(
            f"{where}: the sample ID {shown!r} is not allowed; use up to {MAX_ID_LENGTH} letters, digits, '.', "
            "'_' and '-', beginning with a letter or digit (no path, no name of a device)"
        )
    return identifier
