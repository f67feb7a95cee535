"""What the simulator draws: one module a scene kind."""

import sys

from emfm.acquire.scene_kinds.kind import SCENE_KINDS, SceneKind
from ttt.registry import load_modules

__all__ = ["SCENE_KINDS", "SceneKind"]

load_modules(sys.modules[__name__])
