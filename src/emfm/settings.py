"""``params.yaml`` as one typed object: every section checked before any work begins."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch

from emfm.data.scene_kinds.mix import drawn_kinds, scene_problems
from emfm.data.simulate import REPEATS, distinct_samples
from emfm.data.source_kinds import SOURCE_KINDS
from emfm.data.stats import NormStats
from emfm.evaluation.equivalent_dipoles import dipole_array
from emfm.models.spec import FieldSpec
from emfm.params.acquire import AcquireParams
from emfm.params.data import SET_BY_STAGES, DataParams
from emfm.params.dedupe import DedupeParams
from emfm.params.eval import EvalParams, MilestoneParams
from emfm.params.split import SplitParams, StagesParams
from emfm.physics.channels import SOURCE_CHANNELS, TARGET_CHANNELS
from emfm.training.losses import WeightedMseParams
from ttt.config import ConfigError, deciding, read_yaml, unknown_key
from ttt.engine.randomness import undisturbed
from ttt.parts import MODELS
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
    def loss(self) -> WeightedMseParams:
        """Section ``loss``."""
        assert isinstance(self.training.loss, WeightedMseParams)
        return self.training.loss

    def deciding(self) -> dict[str, Any]:
        """What decides the trained models and the sets they are judged on, and nothing else, as plain values.

        ``promoted.yaml`` holds it of the promoted training. Of section ``acquire`` it is what the chosen source reads.
        """
        own = {name: deciding(getattr(self, name)) for name in ("acquire", "dedupe", "split", "stages")}
        everything = self.training.portable_mapping() | own
        everything["data"] = {key: value for key, value in everything["data"].items() if key not in SET_BY_STAGES}
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
            ("loss", "weighted_mse", WeightedMseParams),
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
    """Raise ConfigError where no run can come to its end: too few samples, or a model that cannot be made.

    It takes a part of a second, and every stage asks it before any work; `parse_params` says what a glance can see.
    """
    if params.acquire.source == "simulate":
        simulate = params.acquire.simulate
        repeats_go = set(params.dedupe.rules) == set(REPEATS)
        available = distinct_samples(simulate) if repeats_go else simulate.num_samples
        refuse_too_few(params, available, "acquire.simulate.num_samples")
    _try_model(params)


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
    pitch = min(params.data.source_plane.pitch_mm, params.data.target_plane.pitch_mm)
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


def _plane_problems(params: Params) -> list[str]:
    try:
        dipole_array(params.data.geometry().source)
    except ValueError as error:
        return [f"data.source_plane: too few points along x or y for the baseline equivalent_dipoles: {error}"]
    return []


def _try_model(params: Params) -> None:
    """Raise ConfigError where the model cannot be built for these planes, or cannot take a scan of them."""
    data, channels = params.data, {"source": SOURCE_CHANNELS, "target": TARGET_CHANNELS}
    layout: dict[str, Any] = {}
    for plane, names in channels.items():
        layout |= {f"{plane}_channels": list(names), f"{plane}_mean": [0.0] * len(names)}
        layout |= {f"{plane}_std": [1.0] * len(names)}
    norm = NormStats(samples=1, scale_by_source=data.scale_by_source, norm_eps=params.loss.norm_eps, **layout)
    planes = {key: getattr(data, key) for key in ("frequency_hz", "source_plane", "target_plane")}
    spec = FieldSpec(norm=norm, **planes)
    scan = torch.ones(1, len(SOURCE_CHANNELS), *spec.geometry().source.shape)
    try:
        with undisturbed(scan.device), torch.no_grad():
            MODELS.build(params.training.model, spec=spec)(scan)
    except ConfigError:
        raise
    except (AttributeError, RuntimeError, ValueError) as error:
        name = getattr(params.training.model, "name", "")
        raise ConfigError(
            params.training.source,
            [f"model: {name} cannot be made for the planes under data with these keys: {error}"],
        ) from error
