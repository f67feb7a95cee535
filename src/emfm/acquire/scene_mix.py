"""Which scene kinds a data set is made of, and how often each is drawn."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from emfm.acquire.params import SimulateParams
from emfm.acquire.scene_kinds import SCENE_KINDS
from emfm.acquire.scene_kinds.kind import SceneKind
from emfm.acquire.scenes import Currents
from emfm.core.grid import Geometry
from ttt.config import ConfigError, Section, parse_section, unknown_key

_MIX = "acquire.simulate.mix"
_SCENES = "acquire.simulate.scenes"


@dataclass(frozen=True)
class SceneMix:
    """The kinds with a weight above 0, sorted by name.

    The parameters of a sample are those of its kind; NaN stands for those of the others. Where there are several
    kinds, a first column ``kind`` is the place of the sample's kind among them, from 0.
    """

    names: tuple[str, ...]
    kinds: tuple[SceneKind[Any], ...]
    bounds: tuple[float, ...]
    """Where the uniform numbers from 0 to 1 that choose a kind pass from one kind to the next."""
    _columns: tuple[slice, ...]

    @classmethod
    def build(cls, params: SimulateParams, geometry: Geometry) -> Self:
        """The kinds that ``params`` names; raises ConfigError for one that nobody registered, or that misses a key."""
        names = drawn_kinds(params)
        kinds = tuple(_build_kind(name, params, geometry) for name in names)
        weights = np.array([params.mix[name] for name in names])
        bounds = tuple(np.cumsum(weights / weights.sum())[:-1].tolist())
        starts = np.cumsum([int(len(names) > 1), *(len(kind.parameter_names) for kind in kinds)]).tolist()
        columns = tuple(slice(*ends) for ends in pairwise(starts))
        return cls(names, kinds, bounds, columns)

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """Names of what ``parameters`` returns."""
        own = tuple(name for kind in self.kinds for name in kind.parameter_names)
        return own if len(self.kinds) == 1 else ("kind", *own)

    def choose(self, number: float) -> int:
        """The place of the kind that a uniform ``number`` from 0 to 1 stands for."""
        return int(np.searchsorted(self.bounds, number, side="right"))

    def currents(self, place: int, layout: Any) -> Currents:
        """What radiates in ``layout``, which is of the kind at ``place``."""
        return self.kinds[place].currents(layout)

    def parameters(self, place: int, layout: Any) -> NDArray[np.float64]:
        """The numbers that make ``layout``, which is of the kind at ``place``."""
        own = self.kinds[place].parameters(layout)
        if len(self.kinds) == 1:
            return own
        values = np.full(self._columns[-1].stop, np.nan)
        values[0] = place
        values[self._columns[place]] = own
        return values


def drawn_kinds(params: SimulateParams) -> tuple[str, ...]:
    """The kinds with a weight above 0, sorted by name, so that the order in a file does not matter."""
    return tuple(sorted(name for name, weight in params.mix.items() if weight > 0))


def scene_problems(params: SimulateParams) -> list[str]:
    """What is wrong with the names in ``mix`` and ``scenes`` and with the section of any registered kind."""
    known = SCENE_KINDS.names()
    problems = [
        unknown_key(f"{path}.{name}", name, known)
        for path, names in ((_MIX, params.mix), (_SCENES, params.scenes))
        for name in names
        if name not in known
    ]
    for name in known:
        _section(name, params, problems)
    return problems


def _build_kind(name: str, params: SimulateParams, geometry: Geometry) -> SceneKind[Any]:
    part = SCENE_KINDS.get(name, f"{_MIX}.{name}")
    problems: list[str] = []
    section = _section(name, params, problems)
    if problems:
        raise ConfigError(f"scene kind '{name}'", problems)
    return part.build(section, simulate=params, geometry=geometry)


def _section(name: str, params: SimulateParams, problems: list[str]) -> Section | None:
    return parse_section(SCENE_KINDS.get(name).params, params.scenes.get(name, {}), f"{_SCENES}.{name}", problems)
