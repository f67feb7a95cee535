"""Source kinds: how a random scene becomes a sample's fields. A further kind registers itself by a name."""

from typing import Final, Protocol

import numpy as np

from emfm.acquire.aperture import aperture_operator
from emfm.acquire.scenes import Currents, Planes
from emfm.core.channels import SOURCE_COMPONENTS, Channels, Real, to_channels, to_components
from emfm.core.grid import Geometry, Grid
from ttt.registry import Registry


class SourceKind(Protocol):
    """How a scene radiates."""

    def radiate(self, currents: Currents) -> tuple[Channels, Channels]:
        """Source H, A/m, and target E and H, V/m and A/m: axes in front of ``(ny, nx)`` are the channels in C order."""
        ...


_SCANNED: Final = 1, slice(len(SOURCE_COMPONENTS))
"""The components of source H among E and H."""

SOURCE_KINDS: Final[Registry[SourceKind]] = Registry("source kind", "geometry")


@SOURCE_KINDS.register("elements")
class ElementSource:
    """Both planes hold the scene's own field."""

    def __init__(self, geometry: Geometry) -> None:
        self._geometry = geometry
        self._planes = Planes((geometry.source, geometry.target), geometry.frequency)

    def radiate(self, currents: Currents) -> tuple[Channels, Channels]:
        """The field of the currents on both planes."""
        source, target = self._geometry.source, self._geometry.target
        fields = currents.fields(self._planes)
        scan = source.ny * source.nx
        return _on_grid(fields[_SCANNED][..., :scan], source), _on_grid(fields[..., scan:], target)


@SOURCE_KINDS.register("aperture")
class ApertureSource:
    """The source plane holds the scene's field, the target plane what its current n x H radiates.

    So the map is linear: what a solver computes from an imported scan.
    """

    def __init__(self, geometry: Geometry) -> None:
        self._source = geometry.source
        self._planes = Planes((geometry.source,), geometry.frequency)
        self._operator = aperture_operator(geometry.source, geometry.target, geometry.frequency)

    def radiate(self, currents: Currents) -> tuple[Channels, Channels]:
        """The scan of the currents, and the field of the scan's equivalent current."""
        fields = currents.fields(self._planes)
        source_h = _on_grid(fields[_SCANNED], self._source).reshape(-1, *self._source.shape)
        return source_h, to_channels(np.tensordot(self._operator, to_components(source_h), axes=3))


def _on_grid(fields: Real, grid: Grid) -> Real:
    """Fields at ``grid.points()``, ``(..., ny * nx)`` -> on the grid, ``(..., ny, nx)``."""
    return fields.reshape(*fields.shape[:-1], *grid.shape)
