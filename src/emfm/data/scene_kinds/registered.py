"""The scene kinds that come with the simulator, registered by name."""

from emfm.data.scene_kinds import elements as _elements
from emfm.data.scene_kinds import loops as _loops
from emfm.data.scene_kinds import patches as _patches
from emfm.data.scene_kinds import traces as _traces
from emfm.data.scene_kinds.kind import SCENE_KINDS

__all__ = ["SCENE_KINDS", "_elements", "_loops", "_patches", "_traces"]
