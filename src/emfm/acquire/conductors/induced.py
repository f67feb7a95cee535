"""Currents in perfect conductors: solved once for a conductor, used for all that drives it."""

from dataclasses import dataclass
from itertools import product
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from emfm.acquire.conductors.coupling import Coupling
from emfm.acquire.conductors.mesh import Edges, edges_of
from emfm.core.channels import Complex

_MIRRORS: Final = np.array(list(product((0, 1), repeat=2)))
"""Of x and of y."""
_PARITIES: Final = (-1) ** (_MIRRORS @ _MIRRORS.T)
"""``(4, 4)``: the sign that currents of a parity get from each mirror."""


class Conductor(Protocol):
    """Perfectly conducting cells of a grid."""

    @property
    def edges(self) -> Edges:
        """Through which currents flow, in the order of voltages and currents."""
        ...

    def currents(self, voltages: Complex) -> Complex:
        """The currents, A, that impressed voltages, V, drive: both ``(edges, n)`` for n drives.

        A voltage along an edge is that of a generator in a gap there (delta gap), or of an impressed field.
        """
        ...


class Factored:
    """A square matrix in triangular factors, which torch's library finds in a third of the time of numpy's."""

    def __init__(self, matrix: Complex) -> None:
        import torch  # here, for those who load the scene kinds and simulate nothing: it takes seconds to load

        self._factors = torch.linalg.lu_factor(torch.from_numpy(matrix))

    def solve(self, right: Complex) -> Complex:
        """x of matrix x = right, ``(n, k)``."""
        import torch  # see `__init__`

        return np.asarray(torch.linalg.lu_solve(*self._factors, torch.from_numpy(right)).numpy())


class Plate:
    """A rectangular plate: a block of cells of one layer.

    Its two mirrors part the currents into four kinds that do not drive each other, so that four systems of a quarter
    of the size are solved: a sixteenth of the work.
    """

    def __init__(self, coupling: Coupling, layer: int, first: tuple[int, int], cells: tuple[int, int]) -> None:
        """The plate of ``cells`` (rows, columns), of which ``first`` (row, column) is the lowest."""
        mask = np.zeros(coupling.grid.shape, bool)
        mask[layer, first[0] : first[0] + cells[0], first[1] : first[1] + cells[1]] = True
        self._edges = edges_of(mask)
        images = _mirror_images(self._edges)
        flips = np.array([(-1) ** mirror[self._edges.direction] for mirror in _MIRRORS])
        whole = np.flatnonzero(images.min(0) == np.arange(len(self._edges)))
        own_images = np.array([len(set(images[:, edge])) for edge in whole])
        tested = self._edges.part(whole)
        to_images = [coupling.matrix(tested, self._edges.part(image[whole])) for image in images]
        self._parts = [
            _Part.of(whole, images, signs[:, None] * flips, to_images, own_images / len(_MIRRORS))
            for signs in _PARITIES
        ]

    @property
    def edges(self) -> Edges:
        """See `Conductor`."""
        return self._edges

    def currents(self, voltages: Complex) -> Complex:
        """See `Conductor`."""
        total = np.zeros_like(voltages)
        for part in self._parts:
            part.add(voltages, total)
        return total


@dataclass(frozen=True, eq=False)
class _Part:
    """The currents of one parity, known by those through a quarter of the edges."""

    images: NDArray[np.int64]
    """``(4, n)``: where each mirror moves these edges."""
    signs: NDArray[np.int64]
    """``(4, n)``: of the currents there."""
    impedance: Factored

    @classmethod
    def of(
        cls,
        whole: NDArray[np.int64],
        images: NDArray[np.int64],
        signs: NDArray[np.int64],
        to_images: list[Complex],
        shares: NDArray[np.float64],
    ) -> "_Part":
        """Of the edges ``whole``, those that carry a current of this parity: an edge on a mirror may not."""
        cancelled = ((images == np.arange(images.shape[1])) & (signs < 0)).any(0)[whole]
        kept, own = ~cancelled, signs[:, whole]
        impedance = sum(matrix * sign for matrix, sign in zip(to_images, own * shares, strict=True))
        chosen = whole[kept]
        return cls(images[:, chosen], signs[:, chosen], Factored(np.asarray(impedance)[np.ix_(kept, kept)]))

    def add(self, voltages: Complex, total: Complex) -> None:
        """Add to ``total`` what ``voltages`` drive."""
        signs = self.signs[:, :, None]
        currents = self.impedance.solve((signs * voltages[self.images]).mean(0))
        spread = np.zeros_like(total)
        spread[self.images] = signs * currents  # set, not summed: an edge on a mirror is its own image
        total += spread


class ChangedPlate:
    """A plate with cells cut out, and with further conductors at or near it, such as a cable.

    The plate's own solution is used: what is cut out is a current that must be zero, what is added a further unknown,
    and both border the plate's system (the Schur complement: G. H. Golub, C. F. Van Loan, Matrix Computations, 4th
    ed., sec. 3.2.11).
    """

    def __init__(self, coupling: Coupling, plate: Plate, conductor: NDArray[np.bool_]) -> None:
        """``conductor`` marks all cells ``(layers, rows, columns)`` that conduct now; those cut out are the others."""
        of_plate, of_all = plate.edges, edges_of(conductor)
        names, all_names = (_names(edges, conductor.shape) for edges in (of_plate, of_all))
        self._plate = plate
        self._cut = np.flatnonzero(~np.isin(names, all_names))
        self._kept = np.flatnonzero(np.isin(names, all_names))
        added = of_all.part(~np.isin(all_names, names))
        kept = of_plate.part(self._kept)
        self._edges = Edges(
            np.concatenate([kept.cells, added.cells]), np.concatenate([kept.direction, added.direction])
        )
        cuts, new = len(self._cut), len(added)
        border = np.zeros((len(of_plate), new + cuts), np.complex128)
        border[:, :new] = coupling.matrix(of_plate, added)
        border[self._cut, new + np.arange(cuts)] = 1
        corner = np.zeros((new + cuts, new + cuts), np.complex128)
        corner[:new, :new] = coupling.matrix(added, added)
        self._border = border
        self._dressed = plate.currents(border)
        self._rest = Factored(corner - border.T @ self._dressed)

    @property
    def edges(self) -> Edges:
        """See `Conductor`: those of the plate that are left, then the added ones."""
        return self._edges

    def currents(self, voltages: Complex) -> Complex:
        """See `Conductor`."""
        kept, cuts = len(self._kept), len(self._cut)
        on_plate = np.zeros((len(self._plate.edges), voltages.shape[1]), np.complex128)
        on_plate[self._kept] = voltages[:kept]
        alone = self._plate.currents(on_plate)
        wanted = np.concatenate([voltages[kept:], np.zeros((cuts, voltages.shape[1]))])
        further = self._rest.solve(wanted - self._border.T @ alone)
        new = len(further) - cuts
        return np.concatenate([(alone - self._dressed @ further)[self._kept], further[:new]])


def _mirror_images(edges: Edges) -> NDArray[np.int64]:
    """Where each mirror of a block of cells moves its edges, ``(4, n)``: places among them."""
    middles = 2 * edges.cells[:, :0:-1] + np.eye(2, dtype=int)[edges.direction]  # x, y of an edge, in half cells
    low, high = middles.min(0), middles.max(0)
    width = int(high[0] - low[0]) + 1
    place_of = np.full(width * (int(high[1] - low[1]) + 1), -1)
    place_of[(middles - low) @ [1, width]] = np.arange(len(edges))
    return np.stack([place_of[np.where(mirror, high - middles, middles - low) @ [1, width]] for mirror in _MIRRORS])


def _names(edges: Edges, shape: tuple[int, ...]) -> NDArray[np.int64]:
    """A number for each edge of a grid of ``shape``."""
    return np.asarray(np.ravel_multi_index((*edges.cells.T, edges.direction), (*shape, 2)))
