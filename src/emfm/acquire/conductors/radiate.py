"""The field of currents on a grid at the points of a plane."""

from dataclasses import dataclass
from functools import cached_property
from math import isclose
from typing import Final

import numpy as np

from emfm.acquire.conductors.green import spline_rule
from emfm.acquire.conductors.lengths import fast_length
from emfm.acquire.conductors.mesh import CellGrid, GridCurrents, X, Y
from emfm.core.channels import Complex, Real
from emfm.core.elements import FieldPoints
from emfm.core.grid import Grid

_FAR: Final = 2.5
"""Cells from a layer to the points beyond which a current is as good as a few with the same moments."""


@dataclass(frozen=True, eq=False)
class PlaneField:
    """Fields at ``points``, whose pitch is a whole number of cells of ``grid``.

    The field of one current depends on its distance from a point alone, so that all are summed as a convolution, by
    the Fourier transform; of its result every so many values are kept, which in the transform is a sum of aliases.
    """

    grid: CellGrid
    points: Grid
    frequency: float
    """Hz."""

    def __post_init__(self) -> None:
        for pitch in (self.points.pitch_x, self.points.pitch_y):
            if not isclose(pitch / self.grid.side, round(pitch / self.grid.side), abs_tol=1e-6):
                raise ValueError(
                    f"the points' pitch ({pitch:g} m) is not a whole number of cells of {self.grid.side:g} m"
                )

    @property
    def _steps(self) -> tuple[int, int]:
        """Cells from point to point, along y and x."""
        return round(self.points.pitch_y / self.grid.side), round(self.points.pitch_x / self.grid.side)

    @cached_property
    def _lengths(self) -> tuple[int, int]:
        """Of the transform along y and x."""
        _, *cells = self.grid.shape
        spans = zip(self._steps, self.points.shape, cells, strict=True)
        y, x = (fast_length(step * (count - 1) + own, step) for step, count, own in spans)
        return y, x

    def of(self, currents: list[GridCurrents]) -> Complex:
        """E, V/m, and H, A/m, of each of ``currents``: ``(n, 6, ny, nx)``."""
        import torch  # here, for those who load the scene kinds and simulate nothing; it takes half of numpy's time

        sources = np.array([[*one.along.reshape(-1, *one.up.shape), one.up] for one in currents])
        # axis by axis, so that rows which are empty, or not wanted, are not transformed
        length_y, length_x = self._lengths
        spectra = torch.fft.fft(torch.fft.fft(torch.from_numpy(sources), length_x, -1), length_y, -2)
        kernels = torch.from_numpy(self._kernels)
        products = spectra[:, 0, None] * kernels[0]
        for source in range(1, len(kernels)):
            products.addcmul_(spectra[:, source, None], kernels[source])
        step_y, step_x = self._steps
        for step, axis in ((step_y, -2), (step_x, -1)):
            aliases = products.chunk(step, axis)
            products = aliases[0]
            for alias in aliases[1:]:
                products = products + alias
        ny, nx = self.points.shape
        fields = torch.fft.ifft(torch.fft.ifft(products, dim=-2)[..., :ny, :], dim=-1)[..., :nx] / (step_y * step_x)
        return np.asarray(fields.numpy())

    @cached_property
    def _kernels(self) -> Complex:
        """The transforms of the field of 1 A through an edge along x and y of each layer, and up: ``(s, 6, y, x)``."""
        rows, columns = self.grid.shape[1:]
        y, x = (np.arange(length, dtype=np.float64) for length in self._lengths)
        side = self.grid.side
        offsets_y = self.points.y_first - self.grid.y_first - side * (rows - 0.5 - y)
        offsets_x = self.points.x_first - self.grid.x_first - side * (columns - 0.5 - x)
        fields = [self._fields(offsets_y, offsets_x, *unit) for unit in self._unit_currents()]
        shifted = np.roll(np.array(fields), (1 - rows, 1 - columns), (-2, -1))
        return np.asarray(np.fft.fft2(shifted), np.complex128)

    def _unit_currents(self) -> list[tuple[Real, Complex]]:
        """Elements of the currents that begin at the middle of a cell at x = y = 0: positions, m, and moments, A.m."""
        side, heights = self.grid.side, self.grid.heights
        units = []
        for height in heights:
            far = abs(self.points.z - height) > _FAR * side
            (along, along_weights), (across, across_weights) = _nodes(2, far), _nodes(1, far)
            for direction in (X, Y):
                places = np.zeros((len(along), len(across), 3))
                places[..., direction] = (along[:, None] + 0.5) * side
                places[..., 1 - direction] = across * side
                places[..., 2] = height
                moments = np.zeros_like(places, np.complex128)
                moments[..., direction] = side * along_weights[:, None] * across_weights
                units.append((places.reshape(-1, 3), moments.reshape(-1, 3)))
        return [*units, self._unit_filament()]

    def _unit_filament(self) -> tuple[Real, Complex]:
        """Elements of the current from layer 0 to layer 1, spread over its cell as its charges are."""
        low, high = self.grid.heights[0], self.grid.heights[-1]
        (flat, flat_weights), (upward, weights) = spline_rule(1, 2), spline_rule(1, 2)
        places = np.stack(np.meshgrid(flat, flat, upward, indexing="ij"), -1) * self.grid.side
        places[..., 2] = low + (upward + 0.5) * (high - low)
        moments = np.zeros_like(places, np.complex128)
        moments[..., 2] = (high - low) * flat_weights[:, None, None] * flat_weights[:, None] * weights
        return places.reshape(-1, 3), moments.reshape(-1, 3)

    def _fields(self, y: Real, x: Real, positions: Real, moments: Complex) -> Complex:
        """E and H at all offsets, ``(6, y, x)``."""
        grid_y, grid_x = np.meshgrid(y, x, indexing="ij")
        points = np.stack([grid_x.ravel(), grid_y.ravel(), np.full(grid_x.size, self.points.z)], 1)
        parts = FieldPoints(points, self.frequency).parts(positions, moments, np.zeros(len(positions), bool))
        return np.asarray(parts[:, :, 0] + 1j * parts[:, :, 1], np.complex128).reshape(6, len(y), len(x))


def _nodes(order: int, far: bool) -> tuple[Real, Real]:
    """Nodes and weights of a pulse (order 1) or triangle (order 2): from afar two with its variance, of order / 12."""
    if far:
        return np.array([-1, 1]) * (order / 12) ** 0.5, np.array([0.5, 0.5])
    return spline_rule(order, 3)
