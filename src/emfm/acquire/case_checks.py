"""What a case must be, beside its shape, to be of any use: fields that are there, with a phase, and that can be."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from emfm.acquire.consistency import inconsistency
from emfm.acquire.phase import missing_phase
from emfm.core.channels import E_CHANNELS, H_CHANNELS, SOURCE_COMPONENTS, TARGET_COMPONENTS
from emfm.core.errors import DataError
from emfm.core.grid import Geometry
from emfm.core.sample import STRONGEST, WEAKEST

_ACCEPT: Final = "if the fields are right as they are, set acquire.import.accept_unphysical: true"


def refuse_unusable(source_h: NDArray[np.float32], target: NDArray[np.float32], where: str) -> None:
    """Raise DataError where source H, target E or target H is zero, or too weak or too strong for float32."""
    for name, unit, values in (
        ("source H", "A/m", source_h),
        ("target E", "V/m", target[E_CHANNELS]),
        ("target H", "A/m", target[H_CHANNELS]),
    ):
        largest = float(np.abs(values).max())
        if largest == 0:
            raise DataError(
                f"{where}: {name} is zero everywhere; the port was not driven, or the export is empty: solve or export "
                "the case again, or remove it"
            )
        if not WEAKEST <= largest <= STRONGEST:
            raise DataError(
                f"{where}: the largest value of {name} is {largest:.3g} {unit}, beyond what float32 bears "
                f"({WEAKEST:g} to {STRONGEST:g} {unit}); check its unit, or scale the case"
            )


def refuse_unphysical(
    source_h: NDArray[np.float32], target: NDArray[np.float32], geometry: Geometry, where: str
) -> None:
    """Raise DataError where the scan or the target has no phase, or E and H do not belong together."""
    for name, values, components, grid in (
        ("source H", source_h, SOURCE_COMPONENTS, geometry.source),
        ("target", target, TARGET_COMPONENTS, geometry.target),
    ):
        (problem,) = missing_phase(values[None], components, grid, geometry.frequency)
        if problem is not None:
            raise DataError(f"{where}: {name}: {problem}; {_ACCEPT}")
    mistake = inconsistency(target, geometry.target, geometry.frequency)
    if mistake is not None:
        raise DataError(f"{where}: {mistake}; {_ACCEPT}")
