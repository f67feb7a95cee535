"""Source kinds: how a random scene becomes a sample's fields. A further kind registers itself by a name."""

from typing import Final, Protocol

import numpy as np

from emfm.data.scenes import Scene
from emfm.params.acquire import SimulateParams
from emfm.physics.aperture import aperture_operator
from emfm.physics.channels import TARGET_COMPONENTS, Channels, to_channels, to_components
from emfm.physics.elements import FieldPoints
from emfm.physics.grid import Geometry
from ttt.registry import Registry


class SourceKind(Protocol):
    """How a scene radiates."""

    def radiate(self, scene: Scene) -> tuple[Channels, Channels]:
        """The channels of source H, ``(4, ny, nx)`` A/m, and of target E and H, ``(12, ny, nx)`` V/m and A/m."""
        ...


_SCANNED: Final = slice(TARGET_COMPONENTS.index("Hx"), TARGET_COMPONENTS.index("Hz"))
"""The components of source H among those of all fields."""

SOURCE_KINDS: Final[Registry[SourceKind]] = Registry("source kind")


@SOURCE_KINDS.register("elements", params=SimulateParams)
class ElementSource:
    """Both planes hold the scene's own field."""

    def __init__(self, _: SimulateParams, geometry: Geometry) -> None:
        self._geometry = geometry
        points = np.concatenate([geometry.source.points(), geometry.target.points()])
        self._points = FieldPoints(points, geometry.frequency)

    def radiate(self, scene: Scene) -> tuple[Channels, Channels]:
        """The closed-form field of the scene's elements on both planes."""
        source, target = self._geometry.source, self._geometry.target
        fields = self._points.parts(scene.positions, scene.moments, scene.magnetic)
        scan = source.ny * source.nx
        return fields[_SCANNED, :, :scan].reshape(-1, *source.shape), fields[..., scan:].reshape(-1, *target.shape)


@SOURCE_KINDS.register("aperture", params=SimulateParams)
class ApertureSource:
    """The source plane holds the scene's field, the target plane what its current n x H radiates.

    So the map is linear: what a solver computes from an imported scan.
    """

    def __init__(self, _: SimulateParams, geometry: Geometry) -> None:
        self._source = geometry.source
        self._points = FieldPoints(geometry.source.points(), geometry.frequency)
        self._operator = aperture_operator(geometry.source, geometry.target, geometry.frequency)

    def radiate(self, scene: Scene) -> tuple[Channels, Channels]:
        """The scan of the scene's elements, and the field of the scan's equivalent current."""
        fields = self._points.parts(scene.positions, scene.moments, scene.magnetic)
        source_h = fields[_SCANNED].reshape(-1, *self._source.shape)
        return source_h, to_channels(np.tensordot(self._operator, to_components(source_h), axes=3))
