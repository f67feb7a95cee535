"""The search for sources below a scan as it comes: any components at any points, see `MeasuredField`."""

from typing import Final

import numpy as np
import torch

from emfm.core.channels import E_COMPONENTS, TARGET_COMPONENTS, Complex, Real
from emfm.core.constants import ETA_0
from emfm.core.errors import DataError
from emfm.core.grid import Grid, in_mm
from emfm.core.measured import MeasuredField
from emfm.sources.found import FREEDOMS, PointSources
from emfm.sources.instrument import Instrument
from emfm.sources.scan_of_elements import Observed
from emfm.sources.search import PATIENCE, ElementSearch
from emfm.sources.views import ScanView

FEWEST_VALUES: Final = FREEDOMS * (PATIENCE + 1)
"""Complex numbers, of which one element can be told from two."""
MOST_VALUES: Final = 3000
"""More take minutes and gigabytes: the matrix of their correlations is solved."""
_LOOKED_AT: Final = 11
"""Points along x, and along y, of the plane on which the field is looked at where none is given."""
_ABOVE: Final = 4.0
"""Where that plane lies above the highest point, in spacings."""


def sources_below(
    measured: MeasuredField,
    plane: Grid | None = None,
    depths: tuple[float, float] | None = None,
    instrument: Instrument | None = None,
    device: torch.device | None = None,
) -> PointSources:
    """The sources below the lowest point of a scan.

    Noise is taken to be white in each of E and H, and equally far below both, whatever their sizes. The sources'
    ``noise`` is that of H in A/m, and where E alone was measured that of E / eta0.

    Args:
        measured: what is known of the field.
        plane: where shares and errors of the field are said; None: `plane_above`.
        depths: the least and the largest depth of sources below the lowest point, m; None: 0.85 to 2.7 times the
            spacing of the points, and deeper where they span more than ten spacings.
        instrument: how the scan may be wrong besides noise; None: not at all.
        device: where it is computed; None: on the CPU.

    Raises:
        DataError: too few values, or too many; points on a line; depths that are none.
    """
    used = searched(measured)
    if depths is not None and not 0 < depths[0] < depths[1]:
        raise DataError(
            f"depths: found {in_mm(depths[0])} to {in_mm(depths[1])} mm; give the least and the largest depth below "
            "the lowest point, the first above 0 and below the second"
        )
    view = view_of(used, device or torch.device("cpu"))
    looked_at = (plane or plane_above(used)).points()
    (found,) = ElementSearch(view, looked_at, instrument, depths).find_in(row_of(used, view))
    return found


def searched(measured: MeasuredField) -> MeasuredField:
    """What a search can use of a scan; raises DataError for too few values, or too many."""
    used = measured.used
    numbers = int(np.count_nonzero(used.known))
    if numbers < FEWEST_VALUES:
        raise DataError(f"found {numbers} complex values; a search for sources needs {FEWEST_VALUES} or more")
    if numbers > MOST_VALUES:
        raise DataError(
            f"found {numbers} complex values, more than the {MOST_VALUES} that a search can hold; "
            "`MeasuredField.thinned` keeps fewer points"
        )
    return used


def plane_above(measured: MeasuredField) -> Grid:
    """A plane over the rectangle around the points, four spacings above the highest one."""
    low, high = measured.points.min(0), measured.points.max(0)
    steps = (high - low) / (_LOOKED_AT - 1)
    z = high[2] + _ABOVE * measured.spacing
    x, y, step_x, step_y = map(float, (*low[:2], *steps[:2]))
    return Grid(x, y, step_x, step_y, _LOOKED_AT, _LOOKED_AT, float(z))


def unseen(components: tuple[str, ...]) -> str | None:
    """Which currents make nothing of a single component, in words; None where there are several.

    An electric element makes no H along itself, a magnetic one no E (`emfm.sources.scan_of_elements`).
    """
    if len(components) > 1:
        return None
    quantity, axis = components[0][0], components[0][1]
    currents = "magnetic currents (loops)" if quantity == "E" else "electric currents"
    return (
        f"{components[0]} alone shows no {currents} along {axis}: what they radiate is not in the result; measure a "
        "second component to see them"
    )


def view_of(measured: MeasuredField, device: torch.device) -> ScanView:
    """How a scan was taken that was measured at each of its points and in each of its components somewhere."""
    pitch = measured.spacing
    low, high = measured.points.min(0), measured.points.max(0)
    names = _in_order(measured.components)
    known = measured.known[[measured.components.index(name) for name in names]].ravel()
    along_y = (measured.points[:, 1] - low[1]) / (high[1] - low[1]) - 0.5
    return ScanView(
        observed=Observed(
            torch.from_numpy(np.ascontiguousarray(measured.points)).to(device),
            names,
            None if known.all() else torch.from_numpy(np.flatnonzero(known)).to(device),
            _e_weight(measured),
        ),
        x=(float(low[0]), float(high[0])),
        y=(float(low[1]), float(high[1])),
        lowest=float(low[2]),
        pitch=pitch,
        frequency=measured.frequency,
        progress=torch.from_numpy(along_y).to(device),
    )


def row_of(measured: MeasuredField, view: ScanView) -> Complex:
    """What is known, ``(1, count)``, A/m, as the view lists it: E over eta0, and weighed."""
    observed = view.observed
    places = [measured.components.index(name) for name in observed.components]
    numbers = observed.scales.cpu().numpy()[:, None] * measured.values[places]
    return numbers[measured.known[places]][None]


def _in_order(components: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(components, key=TARGET_COMPONENTS.index))


def _e_weight(measured: MeasuredField) -> float:
    """By which E / eta0 is as large as H, root mean square; 1 where one of them is not there."""
    of_e = np.array([name in E_COMPONENTS for name in measured.components])
    e_size, h_size = (_size(measured.values[some], measured.known[some]) for some in (of_e, ~of_e))
    return ETA_0 * h_size / e_size if e_size and h_size else 1.0


def _size(values: Complex, known: Real) -> float:
    return float(np.sqrt(np.mean(np.square(np.abs(values[known]))))) if known.any() else 0.0
