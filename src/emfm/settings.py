"""``params.yaml`` as one typed object: every section checked before any work begins."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from emfm.acquire.params import AcquireParams
from emfm.acquire.scene_mix import drawn_kinds, scene_problems
from emfm.acquire.simulate import REPEATS, distinct_samples
from emfm.acquire.source_kinds import SOURCE_KINDS
from emfm.dedupe.params import DedupeParams
from emfm.evaluate.params import EvalParams, MilestoneParams
from emfm.group_split.params import SplitParams
from emfm.model.search.equivalent_dipoles import dipole_array
from emfm.training.params import BY_HAND, DataParams, FieldLossParams, StagesParams
from ttt.config import ConfigError, deciding, keys_marked, read_yaml, unknown_key
from ttt.settings import TrainingConfig, parse_config

_FARTHEST_SIGMAS: Final = 6
"""No simulated source is moved farther than so many sigmas."""


@dataclass(frozen=True)
class Params:
    """All parameters of the workflow, at the chosen scale."""

    acquire: AcquireParams
    dedupe: DedupeParams
    split: SplitParams
    stages: StagesParams
    eval: EvalParams
    milestone: MilestoneParams
    training: TrainingConfig

    @property
    def data(self) -> DataParams:
        """Section ``data``."""
        assert isinstance(self.training.data, DataParams)
        return self.training.data

    @property
    def loss(self) -> FieldLossParams:
        """Section ``loss``."""
        assert isinstance(self.training.loss, FieldLossParams)
        return self.training.loss

    def deciding(self) -> dict[str, Any]:
        """What decides the trained models and the sets they are evaluated on, and nothing else, as plain values.

        ``promoted.yaml`` holds it of the promoted training. Of section ``acquire`` it is what the chosen source reads.
        """
        own = {name: deciding(getattr(self, name)) for name in ("acquire", "dedupe", "split", "stages")}
        everything = self.training.portable_mapping() | own
        for key in keys_marked(self.data, BY_HAND):
            del everything["data"][key]
        acquire = everything["acquire"]
        for key in ("import",) if self.acquire.source == "simulate" else ("simulate", "seed"):
            del acquire[key]
        if self.acquire.source == "simulate":
            drawn, scenes = drawn_kinds(self.acquire.simulate), acquire["simulate"]["scenes"]
            acquire["simulate"]["scenes"] = {kind: scenes[kind] for kind in scenes if kind in drawn}
        return {key: value for key, value in everything.items() if value != {}}


def load_params(path: Path, training_stages: int | None = None) -> Params:
    """The parameters in ``path``; raises ConfigError that names every mistake in it."""
    return parse_params(read_yaml(path), str(path), training_stages)


def parse_params(raw: Mapping[str, Any], source: str, training_stages: int | None = None) -> Params:
    """The parameters in the content of a params.yaml, for so many training stages where their number is known.

    Raises ConfigError that names every mistake in it.
    """
    config = parse_config(raw, source)
    problems = [
        f"{section}.name: the stages of this workflow need {needed}"
        for section, needed, kind in (
            ("data", "em_forward", DataParams),
            ("loss", "a loss of fields, such as weighted_mse", FieldLossParams),
        )
        if not isinstance(getattr(config, section), kind)
    ]
    found = config.sections
    wanted = {
        "acquire": AcquireParams,
        "dedupe": DedupeParams,
        "split": SplitParams,
        "stages": StagesParams,
        "eval": EvalParams,
        "milestone": MilestoneParams,
    }
    problems += [f"{name}: missing; the stages of this workflow need it" for name in wanted if name not in found]
    if problems:
        raise ConfigError(source, problems)
    params = Params(**{name: found[name] for name in wanted}, training=config)  # type: ignore[arg-type]
    problems = _ladder_problems(params, training_stages) + _problems_across_sections(params)
    if problems:
        raise ConfigError(source, problems)
    return params


def refuse_impossible(params: Params) -> None:
    """Raise ConfigError where no run can come to its end: too few samples for the sets."""
    if params.acquire.source == "simulate":
        simulate = params.acquire.simulate
        repeats_go = set(params.dedupe.rules) == set(REPEATS)
        available = distinct_samples(simulate) if repeats_go else simulate.num_samples
        refuse_too_few(params, available, "acquire.simulate.num_samples")


def _ladder_problems(params: Params, training_stages: int | None) -> list[str]:
    problems, sizes, pool = [], params.stages.sizes, params.split.train_pool
    count = len(sizes) if training_stages is None else training_stages
    if len(sizes) != count:
        problems.append(
            f"stages.sizes: found {len(sizes)} sizes; allowed: {count}, one for each training stage of dvc.yaml "
            f"(train_stage1 to train_stage{count})"
        )
    if pool is not None and sizes[-1] > pool:
        problems.append(f"stages.sizes: the last stage trains on {sizes[-1]} samples, but split.train_pool is {pool}")
    beyond = [stage for stage in params.milestone.stages if not 1 <= stage <= count]
    if beyond:
        problems.append(f"milestone.stages: there is no stage {beyond[0]}; allowed: 1 to {count}")
    return problems


def _problems_across_sections(params: Params) -> list[str]:
    problems = []
    if params.acquire.source == "simulate":
        problems += _simulation_problems(params)
    tolerance = params.acquire.import_.position_tolerance_mm
    pitch = min(*params.data.source_plane.pitches_mm, *params.data.target_plane.pitches_mm)
    if tolerance is not None and not tolerance < pitch / 2:
        problems.append(
            f"acquire.import.position_tolerance_mm: {tolerance:g} is not below half the pitch of {pitch:g} mm under "
            "data, so that points could be taken for their neighbours"
        )
    if params.eval.num_pictures > params.split.val_fixed:
        problems.append("eval.num_pictures: more than split.val_fixed has samples")
    return problems + _plane_problems(params)


def _simulation_problems(params: Params) -> list[str]:
    """What cannot be simulated, or not below this scan."""
    simulate, problems = params.acquire.simulate, list[str]()
    if simulate.kind not in SOURCE_KINDS.names():
        problems.append(unknown_key(f"acquire.simulate.kind '{simulate.kind}'", simulate.kind, SOURCE_KINDS.names()))
    problems += scene_problems(simulate)
    highest_mm = _FARTHEST_SIGMAS * simulate.position_jitter_mm
    if params.data.source_plane.z_mm <= highest_mm:
        problems.append(
            f"data.source_plane.z_mm: found {params.data.source_plane.z_mm:g}; simulated sources lie up to z = 0 and "
            f"are moved by acquire.simulate.position_jitter_mm; allowed: above {highest_mm:g}"
        )
    return problems


def refuse_too_few(params: Params, available: int, key: str) -> None:
    """Raise ConfigError for sets that ``available`` different samples, which ``key`` gives, cannot fill."""
    split, last = params.split, params.stages.sizes[-1]
    needed = last + split.val_fixed + split.test_final
    if needed > available:
        raise ConfigError(
            params.training.source,
            [
                f"{key}: gives {available} different samples, but the last of stages.sizes ({last}), split.val_fixed "
                f"({split.val_fixed}) and split.test_final ({split.test_final}) need {needed}; lower these, or add "
                "samples"
            ],
        )


def refuse_short_pool(samples: int, last_size: int) -> None:
    """Raise ConfigError where train_pool has fewer samples than the last training stage is to have."""
    if last_size > samples:
        raise ConfigError(
            "params.yaml",
            [
                f"stages.sizes: the last stage trains on {last_size} samples, but train_pool has {samples} after "
                "dedupe and the split by whole families; lower it, lower split.val_fixed or split.test_final, or add "
                "samples"
            ],
        )


def _plane_problems(params: Params) -> list[str]:
    try:
        dipole_array(params.data.geometry().source, margin=min(params.eval.equivalent_dipoles.margins))
    except ValueError as error:
        return [f"data.source_plane: too few points along x or y for the baseline equivalent_dipoles: {error}"]
    return []
