"""Source kinds: how a random scene becomes a sample's fields. A further kind registers itself by a name."""

from typing import Final, Protocol

import numpy as np

from emfm.data.scenes import Scene
from emfm.params.acquire import SimulateParams
from emfm.physics.aperture import aperture_operator, on_grid
from emfm.physics.channels import TARGET_COMPONENTS
from emfm.physics.elements import Complex, element_fields, stacked_element_fields
from emfm.physics.grid import Geometry
from ttt.registry import Registry


class SourceKind(Protocol):
    """How a scene radiates."""

    def radiate(self, scene: Scene) -> tuple[Complex, Complex]:
        """Source H, complex ``(2, ny, nx)`` A/m, and target E and H, complex ``(6, ny, nx)``, V/m and A/m."""
        ...


_SCANNED: Final = slice(TARGET_COMPONENTS.index("Hx"), TARGET_COMPONENTS.index("Hz"))
"""The components of source H among those of all fields."""

SOURCE_KINDS: Final[Registry[SourceKind]] = Registry("source kind")


@SOURCE_KINDS.register("elements", params=SimulateParams)
class ElementSource:
    """Both planes hold the scene's own field."""

    def __init__(self, _: SimulateParams, geometry: Geometry) -> None:
        self._geometry = geometry
        self._points = np.concatenate([geometry.source.points(), geometry.target.points()])

    def radiate(self, scene: Scene) -> tuple[Complex, Complex]:
        """The closed-form field of the scene's elements on both planes."""
        source, target = self._geometry.source, self._geometry.target
        electric, magnetic = scene.electric_and_magnetic()
        fields = stacked_element_fields(self._points, scene.positions, electric, magnetic, self._geometry.frequency)
        scan = source.ny * source.nx
        return fields[_SCANNED, :scan].reshape(-1, *source.shape), fields[:, scan:].reshape(-1, *target.shape)


@SOURCE_KINDS.register("aperture", params=SimulateParams)
class ApertureSource:
    """The source plane holds the scene's field, the target plane what its current n x H radiates.

    So the map is linear: what a solver computes from an imported scan.
    """

    def __init__(self, _: SimulateParams, geometry: Geometry) -> None:
        self._geometry = geometry
        self._operator = aperture_operator(geometry.source, geometry.target, geometry.frequency)

    def radiate(self, scene: Scene) -> tuple[Complex, Complex]:
        """The scan of the scene's elements, and the field of the scan's equivalent current."""
        source = self._geometry.source
        electric, magnetic = scene.electric_and_magnetic()
        _, h_field = element_fields(source.points(), scene.positions, electric, magnetic, self._geometry.frequency)
        source_h = on_grid(h_field, source)[:2]
        return source_h, np.tensordot(self._operator, source_h, axes=3)
