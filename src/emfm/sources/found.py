"""The current elements that a search finds below a scan, with how sure it is of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from emfm.core.channels import Complex, Real
from emfm.core.elements import element_fields

_AT_ONCE: Final = 256
"""Elements whose fields are added at a time: the weights of more do not fit into the processor's cache."""
FREEDOMS: Final = 9
"""Real numbers of a point source: x, y, z, then the real parts of its moment's x, y, z, then the imaginary parts."""


@dataclass(frozen=True, eq=False)
class CurrentElements:
    """Electric and magnetic current elements in free space; raises ValueError for shapes that differ."""

    positions: Real
    """``(n, 3)``, m."""
    electric: Complex
    """Moments I*l, ``(n, 3)``, A.m, peak phasors exp(+jwt)."""
    magnetic: Complex
    """Moments K*l, ``(n, 3)``, V.m."""
    frequency: float
    """Hz."""

    def __post_init__(self) -> None:
        shapes = {values.shape for values in (self.positions, self.electric, self.magnetic)}
        if shapes != {(len(self.positions), 3)}:
            raise ValueError(f"positions and moments must all be (n, 3), found {sorted(shapes)}")

    def __len__(self) -> int:
        return len(self.positions)

    def fields(self, points: Real) -> tuple[Complex, Complex]:
        """E in V/m and H in A/m at ``points`` ``(P, 3)``, m: ``(P, 3)`` each; see `element_fields`."""
        total = np.zeros((2, len(points), 3), np.complex128)
        for part in self.parts():
            total += element_fields(points, part.positions, part.electric, part.magnetic, part.frequency)
        return total[0], total[1]

    def parts(self) -> Iterator["CurrentElements"]:
        """The same elements, some at a time."""
        for start in range(0, len(self), _AT_ONCE):
            some = slice(start, start + _AT_ONCE)
            yield CurrentElements(self.positions[some], self.electric[some], self.magnetic[some], self.frequency)

    def scaled(self, factor: float) -> "CurrentElements":
        """These with all moments times ``factor``."""
        return CurrentElements(self.positions, factor * self.electric, factor * self.magnetic, self.frequency)

    def and_also(self, others: "CurrentElements") -> "CurrentElements":
        """These and ``others``, of the same frequency."""
        return CurrentElements(
            np.concatenate([self.positions, others.positions]),
            np.concatenate([self.electric, others.electric]),
            np.concatenate([self.magnetic, others.magnetic]),
            self.frequency,
        )


@dataclass(frozen=True, eq=False)
class PointSources:
    """Current elements at free places, strongest field first, and the background that is needed beside them."""

    positions: Real
    """``(n, 3)``, m."""
    magnetic: NDArray[np.bool_]
    """Whether an element is magnetic, ``(n,)``; else it is electric."""
    moments: Complex
    """``(n, 3)``: I*l in A.m of electric elements, K*l in V.m of magnetic ones."""
    covariance: Real
    """Of all elements' `FREEDOMS` together, ``(9 n, 9 n)``, in m and in the units of each moment.

    See `emfm.sources.precision`.
    """
    share: Real
    """Of the power of the field on the target plane that an element makes alone, ``(n,)``; they need not add to 1."""
    background: CurrentElements
    """What the scan holds beside the elements and noise; empty where they explain it."""
    noise: float
    """Root mean square of what elements and background leave of a component of the scan, A/m."""
    settled: bool
    """Whether more elements were tried in vain, in little enough noise to tell.

    Else the search ended with as many as it may find, or noise hides what a board has besides its strongest currents.
    """
    expected_rel_l2: Real
    """Of E and of H on the target plane, ``(2,)``: half of the errors are below, where nothing else radiates.

    NaN where no element was found.
    """
    bound_rel_l2: Real
    """The same for 90 % of the errors."""

    def __len__(self) -> int:
        return len(self.positions)

    @property
    def explain_the_scan(self) -> bool:
        """Whether elements that can be counted and noise are likelier than any background."""
        return self.settled and len(self) > 0 and len(self.background) == 0

    @property
    def spread(self) -> Real:
        """Standard deviations of each element's `FREEDOMS`, ``(n, 9)``."""
        spread: Real = np.sqrt(np.maximum(np.diagonal(self.covariance), 0.0)).reshape(-1, FREEDOMS)
        return spread

    @property
    def frequency(self) -> float:
        """Hz."""
        return self.background.frequency

    @property
    def elements(self) -> CurrentElements:
        """The elements without the background."""
        none = np.zeros_like(self.moments)
        magnetic = self.magnetic[:, None]
        return CurrentElements(
            self.positions,
            np.where(magnetic, none, self.moments),
            np.where(magnetic, self.moments, none),
            self.frequency,
        )

    @property
    def all_elements(self) -> CurrentElements:
        """The elements and the background."""
        return self.elements.and_also(self.background)
