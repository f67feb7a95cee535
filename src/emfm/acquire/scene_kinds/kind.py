"""Scene kinds: what is drawn. A further kind registers itself by a name.

A module of the user's own, named under ``plugins``, does what those beside this one do::

    class StripParams(Section):
        max_strips: int = Field(ge=1, description="a scene has 1 to this many strips")

    @SCENE_KINDS.register("strips")
    class Strips:  # a SceneKind
        def __init__(self, params: StripParams, simulate: SimulateParams) -> None: ...

Its section is ``acquire.simulate.scenes.strips``, and ``acquire.simulate.mix.strips`` says how often it is drawn.
How a scene radiates is another matter: see `emfm.acquire.source_kinds`.
"""

from typing import Any, Final, Protocol, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from emfm.acquire.scenes import Currents
from ttt.registry import Registry

L = TypeVar("L")


class SceneKind(Protocol[L]):
    """Draws layouts L of one kind. A layout holds its own parameters: vertices, sides, currents."""

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """Names of what ``parameters`` returns, in SI units; every height, and nothing else, ends in ``_z``."""
        ...

    def draw(self, rng: np.random.Generator) -> L:
        """A random layout: the start of a scene family."""
        ...

    def perturb(self, layout: L, rng: np.random.Generator) -> L:
        """A member of the family of ``layout``: the same structure, moved and driven a little otherwise."""
        ...

    def rewrite(self, layout: L) -> L:
        """The same physical scene with other parameters."""
        ...

    def parameters(self, layout: L) -> NDArray[np.float64]:
        """The numbers that make ``layout``, ``(p,)``; NaN for the parts that it does not have."""
        ...

    def currents(self, layout: L) -> Currents:
        """What radiates in ``layout``: an `emfm.acquire.scenes.Scene` of current elements, or anything like it."""
        ...


@runtime_checkable
class SharingKind(SceneKind[L], Protocol[L]):
    """A scene kind whose neighbouring families have something in common that takes long to make, such as a plate.

    They are one family of the samples, so that a set is split by what they share.
    """

    @property
    def rows_shared(self) -> int:
        """So many rows of the data set, one after the other, share it."""
        ...

    def draw_shared(self, rng: np.random.Generator) -> Any:
        """What is shared."""
        ...

    def draw_on(self, shared: Any, rng: np.random.Generator) -> L:
        """A random layout on what is shared."""
        ...


SCENE_KINDS: Final[Registry[SceneKind[Any]]] = Registry("scene kind", "simulate", "geometry")
"""Scene kinds must be picklable; ``simulate`` is the section ``acquire.simulate``."""
