"""``params.yaml`` as one typed object: every section checked before any work begins."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from emfm.data.scene_kinds.mix import scene_problems
from emfm.data.source_kinds import SOURCE_KINDS
from emfm.params.acquire import AcquireParams
from emfm.params.data import DataParams
from emfm.params.dedupe import DedupeParams
from emfm.params.eval import EvalParams, MilestoneParams
from emfm.params.split import SplitParams, StagesParams
from emfm.training.losses import WeightedMseParams
from ttt.config import ConfigError, read_yaml, unknown_key
from ttt.settings import TrainingConfig, parse_config

PROMOTED: Final = ("seed", "stages", "model", "train", "optim", "scheduler", "amp", "loss", "ckpt")
"""What of params.yaml stands under ``milestone.training`` too ..."""
PROMOTED_DATA: Final = ("scale_by_source", "noise_snr_db")
"""... and what of its section ``data``."""


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

    def training_parameters(self) -> dict[str, Any]:
        """What decides a trained model besides its data: compared with ``milestone.training``."""
        everything = self.training.to_mapping() | {"stages": self.stages.model_dump(mode="json")}
        chosen = {key: everything[key] for key in PROMOTED}
        return chosen | {"data": {key: getattr(self.data, key) for key in PROMOTED_DATA}}


def load_params(path: Path) -> Params:
    """The parameters in ``path``; raises ConfigError that names every mistake in it."""
    return parse_params(read_yaml(path), str(path))


def parse_params(raw: Mapping[str, Any], source: str) -> Params:
    """The parameters in the content of a params.yaml; raises ConfigError that names every mistake in it."""
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
    _check_across_sections(params, source)
    return params


def _check_across_sections(params: Params, source: str) -> None:
    problems = []
    stages, pool = params.stages, params.split.train_pool
    if pool is not None and stages.sizes[-1] > pool:
        problems.append(
            f"stages.sizes: the last stage trains on {stages.sizes[-1]} samples, but split.train_pool is {pool}"
        )
    beyond = [stage for stage in params.milestone.stages if not 1 <= stage <= len(stages.sizes)]
    if beyond:
        problems.append(f"milestone.stages: there is no stage {beyond[0]}; allowed: 1 to {len(stages.sizes)}")
    kind = params.acquire.simulate.kind
    if kind not in SOURCE_KINDS.names():
        problems.append(unknown_key(f"acquire.simulate.kind '{kind}'", kind, SOURCE_KINDS.names()))
    problems += scene_problems(params.acquire.simulate)
    tolerance = params.acquire.import_.position_tolerance_mm
    pitch = min(params.data.source_plane.pitch_mm, params.data.target_plane.pitch_mm)
    if tolerance is not None and not tolerance < pitch / 2:
        problems.append(
            f"acquire.import.position_tolerance_mm: {tolerance:g} is not below half the pitch of {pitch:g} mm under "
            "data, so that points could be taken for their neighbours"
        )
    if params.eval.num_pictures > params.split.val_fixed:
        problems.append("eval.num_pictures: more than split.val_fixed has samples")
    if problems:
        raise ConfigError(source, problems)
