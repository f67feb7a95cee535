"""The configuration of a training: typed sections, all mistakes reported at once."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import Field

from ttt import builtin as _builtin
from ttt.config import (
    SCALES,
    ConfigError,
    Section,
    at_scale,
    parse_section,
    read_yaml,
    unknown_key,
)
from ttt.parts import DATASETS, LOSSES, METRICS, MODELS, OPTIMIZERS, SCHEDULERS, SECTIONS
from ttt.pinning import ComputeParams
from ttt.registry import Registry, load_plugins

__all__ = ["TrainingConfig", "_builtin", "load_config", "parse_config"]


class JobParams(Section):
    """The plain top-level keys."""

    scale: Literal["demo", "full"] = Field("demo", description="size of the job; picks from {demo: ..., full: ...}")
    seed: int = Field(ge=0, description="of weights and of the order of the data")
    device: str = Field("auto", pattern=r"^(auto|cpu|cuda(:\d+)?)$", description="auto, cpu, cuda or cuda:N")
    plugins: list[str] = Field([], description="modules that register further parts")


class MetricsParams(Section):
    """Which figures are computed on the validation samples."""

    names: list[str] = Field([], description="registered metrics")


class TrainParams(Section):
    """How long, and in what portions."""

    epochs: int = Field(ge=1, description="passes over the training samples")
    batch_size: int = Field(ge=1, description="samples in one optimizer step")
    eval_batch_size: int = Field(ge=1, description="samples in one validation batch")
    num_workers: int = Field(0, ge=0, description="processes that fetch data; 0: the training process itself")
    grad_clip: float | None = Field(None, gt=0, description="largest norm of the gradient; null: not clipped")
    early_stop: int | None = Field(None, ge=1, description="stop after so many epochs without a better score; null: never")
    log_every: int = Field(20, ge=1, description="write every so many steps to metrics.jsonl, besides the first of an epoch")


class AmpParams(Section):
    """Automatic mixed precision."""

    enabled: bool = Field(False, description="compute in a 16-bit format where it is safe")
    dtype: Literal["float16", "bfloat16"] = Field("bfloat16", description="float16 needs cuda; bfloat16 runs anywhere")


class CkptParams(Section):
    """Which model is kept, and how often the state is saved."""

    run_dir: str | None = Field(None, description="run folder; null: runs/<exp_name>/<run_id>")
    monitor: str = Field("val_loss", description="the figure that says which model is best")
    mode: Literal["min", "max"] = Field("min", description="whether a smaller or a larger figure is better")
    every_steps: int = Field(0, ge=0, description="save last.pth also every so many steps; 0: each epoch only")


class AlertsParams(Section):
    """When to raise an alarm."""

    patience: int = Field(3, ge=1, description="epochs without a better score before an alert")
    command: list[str] | None = Field(None, description="a command that gets each alert as JSON on its input")


_FIXED: Final[dict[str, type[Section]]] = {
    "compute": ComputeParams,
    "metrics": MetricsParams,
    "train": TrainParams,
    "amp": AmpParams,
    "ckpt": CkptParams,
    "alerts": AlertsParams,
}
_NAMED: Final[dict[str, Registry[Any]]] = {
    "data": DATASETS,
    "model": MODELS,
    "loss": LOSSES,
    "optim": OPTIMIZERS,
    "scheduler": SCHEDULERS,
}
_JOB_KEYS: Final = tuple(JobParams.model_fields)
_MAY_BE_LEFT_OUT: Final = ("metrics", "amp", "ckpt", "alerts")


@dataclass(frozen=True)
class TrainingConfig:
    """A checked configuration at its scale. The sections of named parts have the class that the part registered."""

    source: str
    job: JobParams
    compute: ComputeParams
    data: Section
    model: Section
    loss: Section
    optim: Section
    scheduler: Section
    metrics: MetricsParams
    train: TrainParams
    amp: AmpParams
    ckpt: CkptParams
    alerts: AlertsParams
    sections: Mapping[str, Section] = field(default_factory=dict)
    """The sections of plug-ins."""

    @property
    def seed(self) -> int:
        """The seed of weights and data order."""
        return self.job.seed

    @property
    def device(self) -> str:
        """auto, cpu, cuda or cuda:N."""
        return self.job.device

    def to_mapping(self) -> dict[str, Any]:
        """The training's sections as plain values; what plug-ins own is left out."""
        own = {name: getattr(self, name).model_dump(mode="json", by_alias=True) for name in (*_FIXED, *_NAMED)}
        return self.job.model_dump(mode="json") | own


def load_config(path: Path, overrides: Mapping[str, Any] | None = None) -> TrainingConfig:
    """The configuration in a YAML file, with dotted keys replaced; raises ConfigError naming every mistake."""
    raw = read_yaml(path)
    for key, value in (overrides or {}).items():
        _replace(raw, key.split("."), value)
    return parse_config(raw, str(path))


def parse_config(raw: Mapping[str, Any], source: str) -> TrainingConfig:
    """``raw`` checked at both scales, as it is at its own; raises ConfigError naming every mistake."""
    problems: list[str] = []
    job = parse_section(JobParams, {key: raw[key] for key in _JOB_KEYS if key in raw}, "", problems)
    if job is None:
        raise ConfigError(source, problems)
    load_plugins(job.plugins)
    known = [*_JOB_KEYS, *_FIXED, *_NAMED, *SECTIONS]
    problems += [unknown_key(str(key), str(key), known) for key in raw if key not in known]
    configs = {scale: _parse_at(at_scale(dict(raw), scale), job, source, problems) for scale in SCALES}
    config = configs[job.scale]
    if problems or config is None:
        raise ConfigError(source, list(dict.fromkeys(problems)))
    return config


def _parse_at(
    raw: Mapping[str, Any], job: JobParams, source: str, problems: list[str]
) -> TrainingConfig | None:
    found: dict[str, Section | None] = {}
    before = len(problems)
    for name, section in _FIXED.items():
        if name in raw or name in _MAY_BE_LEFT_OUT:
            found[name] = parse_section(section, raw.get(name, {}), name, problems)
        else:
            problems.append(f"{name}: missing; it has the keys {', '.join(section.model_fields)}")
    for name, registry in _NAMED.items():
        found[name] = registry.parse(raw.get(name), name, problems)
    owned = {
        name: parse_section(section, raw[name], name, problems)
        for name, section in SECTIONS.items()
        if name in raw
    }
    metrics = found["metrics"]
    if isinstance(metrics, MetricsParams):
        problems += [
            unknown_key(f"metrics.names '{name}'", name, METRICS.names())
            for name in metrics.names
            if name not in METRICS.names()
        ]
    if len(problems) > before:
        return None
    return TrainingConfig(source=source, job=job, sections=owned, **found)  # type: ignore[arg-type]


def _replace(raw: dict[str, Any], keys: list[str], value: Any) -> None:
    for key in keys[:-1]:
        inner = raw.setdefault(key, {})
        if not isinstance(inner, dict):
            raw[key] = inner = {}
        raw = inner
    raw[keys[-1]] = value
