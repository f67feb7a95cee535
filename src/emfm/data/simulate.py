"""Simulated samples: correct fields of random scenes, the same for any slice of any size.

Rows come in blocks. A block's layout (which rows form a family, which repeat another row) depends on the
seed and the block's number, a family's scene on the seed and the family's first row, and a member's
perturbation on the seed and its row. So a sample depends on the seed and its row alone.
"""

from dataclasses import dataclass, field
from enum import IntEnum
from functools import lru_cache
from typing import Final, Literal

import numpy as np

from emfm.data.sample import Sample
from emfm.data.scenes import Scene, draw_scene, parameter_names, perturb, scene_parameters
from emfm.data.source_kinds import SOURCE_KINDS, SourceKind
from emfm.params.acquire import SimulateParams
from emfm.physics.channels import to_channels
from emfm.physics.grid import Geometry

Repeat = Literal["id", "parameters", "content"]
REPEATS: Final[tuple[Repeat, ...]] = ("id", "parameters", "content")
"""Kinds of planted repeats: the same sample again; under a new ID; with the parameters written otherwise, too."""

_BLOCK_WITHOUT_REPEATS: Final = 100


class _Stream(IntEnum):
    """What a random stream is for; part of its seed."""

    LAYOUT = 0
    SCENE = 1
    MEMBER = 2


@dataclass(frozen=True)
class RowPlan:
    """What one row holds: a member of the family that begins at row ``family``, made at row ``row``."""

    row: int
    family: int
    repeat: Repeat | None


@dataclass(frozen=True)
class SimulatedSource:
    """Samples of random scenes: an `emfm.data.sample.SampleSource`."""

    geometry: Geometry
    params: SimulateParams
    seed: int
    _kind: SourceKind = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Built here and not where it is used: a worker process has not imported the plug-in that registers it.
        part = SOURCE_KINDS.get(self.params.kind, "acquire.simulate.kind")
        object.__setattr__(self, "_kind", part.build(self.params, self.geometry))

    def __len__(self) -> int:
        return self.params.num_samples

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """See `emfm.data.scenes.parameter_names`."""
        return parameter_names(self.params)

    def sample(self, row: int) -> Sample:
        """The sample of ``row``, computed in double precision and rounded to float32 at the end."""
        plan = plan_row(row, self.seed, self.params)
        scene = self._scene(plan)
        source_h, target = self._kind.radiate(scene)
        return Sample(
            id=f"s{plan.row if plan.repeat == 'id' else row:08d}",
            family=f"f{plan.family:08d}",
            source_h=to_channels(source_h).astype(np.float32),
            target=to_channels(target).astype(np.float32),
            parameters=scene_parameters(scene, self.params),
        )

    def _scene(self, plan: RowPlan) -> Scene:
        layout = draw_scene(self.params, _generator(self.seed, _Stream.SCENE, plan.family))
        member = perturb(layout, self.params, _generator(self.seed, _Stream.MEMBER, plan.row))
        return member.reordered() if plan.repeat == "content" else member


def plan_row(row: int, seed: int, params: SimulateParams) -> RowPlan:
    """What ``row`` holds."""
    length = round(1 / params.duplicate_share) if params.duplicate_share else _BLOCK_WITHOUT_REPEATS
    block, place = divmod(row, length)
    planted = bool(params.duplicate_share)
    return _plan_block(block, length, planted, seed, params.family_size)[place]


@lru_cache(maxsize=64)
def _plan_block(block: int, length: int, planted: bool, seed: int, family_size: int) -> tuple[RowPlan, ...]:
    """The plan of a block's rows; repeats stand at its quarters and repeat an earlier row of the block."""
    rng = _generator(seed, _Stream.LAYOUT, block)
    first = block * length
    quarters = {(n + 1) * length // 4: kind for n, kind in enumerate(REPEATS)} if planted else {}
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


def _generator(seed: int, stream: _Stream, number: int) -> np.random.Generator:
    return np.random.default_rng([seed, stream, number])
