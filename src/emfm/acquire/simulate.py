"""Simulated samples: correct fields of random scenes, the same for any slice of any size.

Rows come in blocks. A block's layout (which rows form a family, which repeat another row) depends on the
seed and the block's number, a family's kind and scene on the seed and the family's first row, and a member's
perturbation on the seed and its row; what neighbouring families share (a board's plate) on the seed and the first of
their rows. So a sample depends on the seed and its row alone.
"""

from dataclasses import dataclass, field
from enum import IntEnum
from functools import lru_cache
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from emfm.acquire.params import SimulateParams
from emfm.acquire.scene_kinds.kind import SharingKind
from emfm.acquire.scene_mix import SceneMix
from emfm.acquire.scenes import Currents
from emfm.acquire.source_kinds import SOURCE_KINDS, SourceKind
from emfm.core.channels import Channels
from emfm.core.grid import Geometry
from emfm.core.sample import Sample

Repeat = Literal["id", "parameters", "content"]
REPEATS: Final[tuple[Repeat, ...]] = ("id", "parameters", "content")
"""Kinds of planted repeats: the same sample again; under a new ID; with the parameters written otherwise, too."""

_BLOCK_WITHOUT_REPEATS: Final = 100
_FURTHER_SET: Final = 100
"""Added to the streams of a set beside the main one: above every `_Stream`."""


_SHARED_AT_ONCE: Final = 4
"""So that a repeat, which goes back to an earlier family of its block, costs nothing anew; each may take 100 MB."""


class _Stream(IntEnum):
    """What a random stream is for; part of its seed."""

    LAYOUT = 0
    SCENE = 1
    MEMBER = 2
    KIND = 3
    SHARED = 4


@dataclass(frozen=True)
class RowPlan:
    """What one row holds: a member of the family that begins at row ``family``, made at row ``row``."""

    row: int
    family: int
    repeat: Repeat | None


@dataclass(frozen=True)
class SimulatedSource:
    """Samples of random scenes: an `emfm.core.sample.SampleSource`."""

    geometry: Geometry
    params: SimulateParams
    seed: int
    set_name: str = ""
    """Of a further set beside the main one: begins its IDs, and its random streams are others."""
    _source_kind: SourceKind = field(init=False, repr=False, compare=False)
    _mix: SceneMix = field(init=False, repr=False, compare=False)
    _last_drawn: dict[int, tuple[int, Any]] = field(init=False, repr=False, compare=False, default_factory=dict)
    """What `_draw` gave for the family asked for last: its members follow one another."""
    _last_shared: dict[tuple[int, int], Any] = field(init=False, repr=False, compare=False, default_factory=dict)
    """What the families of the kinds and numbers asked for last share: they follow one another."""

    def __post_init__(self) -> None:
        # Built here and not where they are used: a worker process has not imported the plug-in that registers them.
        part = SOURCE_KINDS.get(self.params.kind, "acquire.simulate.kind")
        object.__setattr__(self, "_source_kind", part.build(geometry=self.geometry))
        object.__setattr__(self, "_mix", SceneMix.build(self.params, self.geometry))

    def __len__(self) -> int:
        return self.params.num_samples

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """See `emfm.acquire.scene_mix.SceneMix`."""
        return self._mix.parameter_names

    @property
    def origin(self) -> str:
        """What the store is told of where its samples come from: how they radiate and, in order, what was drawn."""
        radiation = f"simulated: {self.params.kind}"
        return radiation if self._mix.names == ("elements",) else f"{radiation}; scenes: {', '.join(self._mix.names)}"

    def sample(self, row: int) -> Sample:
        """The sample of ``row``, computed in double precision and rounded to float32 at the end."""
        plan, place, layout = self._layout(row)
        source_h, target = self._source_kind.radiate(self._mix.currents(place, layout))
        begin = f"{self.set_name}-" if self.set_name else ""
        return Sample(
            id=f"{begin}s{plan.row if plan.repeat == 'id' else row:08d}",
            family=f"{begin}{self._family_name(place, plan.family)}",
            source_h=_channels(source_h),
            target=_channels(target),
            parameters=self._mix.parameters(place, layout),
        )

    def scene(self, row: int) -> Currents:
        """What radiates in ``row``."""
        _, place, layout = self._layout(row)
        return self._mix.currents(place, layout)

    def _layout(self, row: int) -> tuple[RowPlan, int, Any]:
        """What ``row`` holds: its plan, the place of its kind in the mix, and its layout."""
        plan = plan_row(row, self.seed, self.params)
        if plan.family not in self._last_drawn:
            self._last_drawn.clear()
            self._last_drawn[plan.family] = self._draw(plan.family)
        place, family = self._last_drawn[plan.family]
        kind = self._mix.kinds[place]
        member = kind.perturb(family, self._generator(_Stream.MEMBER, plan.row))
        return plan, place, kind.rewrite(member) if plan.repeat == "content" else member

    def _draw(self, family: int) -> tuple[int, Any]:
        """The place of a family's kind in the mix, and the layout that its members perturb."""
        several = len(self._mix.kinds) > 1
        place = self._mix.choose(self._generator(_Stream.KIND, family).random()) if several else 0
        kind, rng = self._mix.kinds[place], self._generator(_Stream.SCENE, family)
        if isinstance(kind, SharingKind):
            return place, kind.draw_on(self._shared(place, kind, self._shared_number(kind, family)), rng)
        return place, kind.draw(rng)

    def _shared(self, place: int, kind: SharingKind[Any], number: int) -> Any:
        if (place, number) not in self._last_shared:
            if len(self._last_shared) == _SHARED_AT_ONCE:
                del self._last_shared[next(iter(self._last_shared))]
            self._last_shared[place, number] = kind.draw_shared(self._generator(_Stream.SHARED, number))
        return self._last_shared[place, number]

    def _shared_number(self, kind: SharingKind[Any], family: int) -> int:
        """The first of the rows that share what ``family`` shares; in a further set, which is small, none do."""
        return family if self.set_name else family - family % kind.rows_shared

    def _family_name(self, place: int, family: int) -> str:
        kind = self._mix.kinds[place]
        if isinstance(kind, SharingKind):
            return f"{self._mix.names[place]}{self._shared_number(kind, family):08d}"
        return f"f{family:08d}"

    def _generator(self, stream: _Stream, number: int) -> np.random.Generator:
        return _generator(self.seed, stream + (_FURTHER_SET if self.set_name else 0), number)


def single_kind_source(name: str, geometry: Geometry, params: SimulateParams, seed: int) -> SimulatedSource:
    """``kinds_samples`` scenes of the kind ``name`` alone: a family each, no repeats, none of the main set's scenes."""
    changes = {"mix": {name: 1.0}, "num_samples": params.kinds_samples, "family_size": 1, "duplicate_share": 0.0}
    return SimulatedSource(geometry, params.model_copy(update=changes), seed, name)


def plan_row(row: int, seed: int, params: SimulateParams) -> RowPlan:
    """What ``row`` holds."""
    length = round(1 / params.duplicate_share) if params.duplicate_share else _BLOCK_WITHOUT_REPEATS
    block, place = divmod(row, length)
    planted = bool(params.duplicate_share)
    return _plan_block(block, length, planted, seed, params.family_size)[place]


def distinct_samples(params: SimulateParams) -> int:
    """How many rows repeat no other row."""
    if not params.duplicate_share:
        return params.num_samples
    length = round(1 / params.duplicate_share)
    blocks, rest = divmod(params.num_samples, length)
    repeats = _repeats(length)
    return params.num_samples - blocks * len(repeats) - sum(place < rest for place in repeats)


def _repeats(length: int) -> dict[int, Repeat]:
    """The places of a block at which another of its rows is repeated, and how."""
    return {(n + 1) * length // 4: kind for n, kind in enumerate(REPEATS)}


@lru_cache(maxsize=64)
def _plan_block(block: int, length: int, planted: bool, seed: int, family_size: int) -> tuple[RowPlan, ...]:
    """The plan of a block's rows; repeats stand at its quarters and repeat an earlier row of the block."""
    rng = _generator(seed, _Stream.LAYOUT, block)
    first = block * length
    quarters = _repeats(length) if planted else {}
    plans: list[RowPlan] = []
    originals: list[RowPlan] = []
    left, family = 0, first
    for place in range(length):
        if place in quarters:
            original = originals[int(rng.integers(len(originals)))]
            plans.append(RowPlan(original.row, original.family, quarters[place]))
            continue
        if left == 0:
            left, family = int(rng.integers(1, family_size + 1)), first + place
        left -= 1
        originals.append(RowPlan(first + place, family, None))
        plans.append(originals[-1])
    return tuple(plans)


def _channels(fields: Channels) -> NDArray[np.float32]:
    return fields.astype(np.float32, order="C").reshape(-1, *fields.shape[-2:])


def _generator(seed: int, stream: int, number: int) -> np.random.Generator:
    return np.random.default_rng([seed, stream, number])
