"""The configuration of a training: typed sections, all mistakes reported at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import Field

from ttt.config import (
    DECIDES_NO_MODEL,
    MAY_CHANGE,
    SCALES,
    ConfigError,
    PartParams,
    Section,
    at_scale,
    deciding,
    is_marked,
    keys_marked,
    parse_section,
    read_yaml,
    unknown_key,
    with_values,
)
from ttt.parts import (
    DATASETS,
    LOGGERS,
    LOSSES,
    METRICS,
    MODELS,
    OPTIMIZERS,
    SCHEDULERS,
    SECTIONS,
    SchedulerParams,
    load_parts,
)
from ttt.pinning import ComputeParams
from ttt.registry import Registry


class JobParams(Section):
    """The plain top-level keys."""

    scale: Literal["demo", "full"] = Field(
        "demo", description="picks from values given as {demo: ..., full: ...}", json_schema_extra=MAY_CHANGE
    )
    seed: int = Field(ge=0, description="of the first weights and of the order of the samples")
    device: str = Field(
        "auto",
        pattern=r"^(auto|cpu|cuda(:\d+)?)$",
        description="auto, cpu, cuda or cuda:N",
        json_schema_extra=MAY_CHANGE,
    )
    plugins: list[str] = Field([], description="modules that register further parts", json_schema_extra=MAY_CHANGE)


class MetricsParams(Section):
    """Which figures are computed on the validation samples, besides the loss."""

    names: list[str] = Field([], description="registered metrics", json_schema_extra=DECIDES_NO_MODEL)


class TrainParams(Section):
    """How long, and in what portions."""

    epochs: int = Field(ge=1, description="passes over the training samples", json_schema_extra=MAY_CHANGE)
    batch_size: int = Field(ge=1, description="samples in one batch, and so, with accumulate: 1, in an optimizer step")
    accumulate: int = Field(
        1,
        ge=1,
        description="batches in one optimizer step, whose gradients are averaged over all their samples; "
        "2 with half the batch_size is the same training in half the memory",
    )
    eval_batch_size: int = Field(
        ge=1, description="samples in one batch of validation or inference", json_schema_extra=MAY_CHANGE
    )
    num_workers: int = Field(
        0,
        ge=0,
        description="processes that fetch data; 0: the training process itself",
        json_schema_extra=DECIDES_NO_MODEL,
    )
    grad_clip: float | None = Field(
        None, gt=0, description="largest norm of the gradient; null: not clipped", json_schema_extra=MAY_CHANGE
    )
    ema_decay: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="share that an exponential moving average of the weights keeps in a step (0.999: a mean over some "
        "1000 steps, fewer at the start); it is validated, too, and best.pth holds the better; null: none",
        json_schema_extra=MAY_CHANGE,
    )
    early_stop: int | None = Field(
        None,
        ge=1,
        description="stop after so many epochs without a better score; null: never",
        json_schema_extra=MAY_CHANGE,
    )
    early_stop_min_gain: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="least gain that counts as a better score for early_stop, as a share of the score",
        json_schema_extra=MAY_CHANGE,
    )
    on_device: bool = Field(
        True,
        description="keep samples in a GPU's memory where they take up to half of what is free",
        json_schema_extra=DECIDES_NO_MODEL,
    )
    log_every: int = Field(
        10, ge=1, description="steps between two step lines in metrics.jsonl", json_schema_extra=DECIDES_NO_MODEL
    )
    loggers: list[str] = Field(
        [],
        description="further loggers: tensorboard, mlflow, dvclive, each with its package",
        json_schema_extra=DECIDES_NO_MODEL,
    )


class AmpParams(Section):
    """Automatic mixed precision."""

    enabled: bool = Field(
        False, description="train in a 16-bit format where that is safe", json_schema_extra=MAY_CHANGE
    )
    dtype: Literal["float16", "bfloat16"] = Field(
        "bfloat16",
        description="float16 needs cuda and scales the loss; bfloat16 runs anywhere",
        json_schema_extra=MAY_CHANGE,
    )


class CkptParams(Section):
    """Where the run is, which model is kept, and how often the state is saved."""

    run_dir: str | None = Field(
        None, description="run folder; null: runs/<exp_name>/<run_id>", json_schema_extra=DECIDES_NO_MODEL
    )
    monitor: str = Field("val_loss", description="the figure that says which model is best")
    mode: Literal["min", "max"] = Field("min", description="whether a smaller or a larger figure is better")
    top_k: int = Field(
        0,
        ge=0,
        description="so many of the best epochs' checkpoints are kept, besides best.pth and last.pth, as "
        "epoch_<number>.pth; 0: none",
        json_schema_extra=DECIDES_NO_MODEL,
    )
    every_steps: int = Field(
        0,
        ge=0,
        description="save last.pth every so many steps too; 0: each epoch only",
        json_schema_extra=DECIDES_NO_MODEL,
    )


class AlertsParams(Section):
    """When to raise an alarm."""

    patience: int = Field(
        3, ge=1, description="epochs without a better score that raise an alert", json_schema_extra=DECIDES_NO_MODEL
    )
    command: list[str] | None = Field(
        None,
        description="program and arguments; it gets each alert as JSON on its standard input",
        json_schema_extra=DECIDES_NO_MODEL,
    )


PLAIN_SECTIONS: Final[dict[str, type[Section]]] = {
    "compute": ComputeParams,
    "metrics": MetricsParams,
    "train": TrainParams,
    "amp": AmpParams,
    "ckpt": CkptParams,
    "alerts": AlertsParams,
}
NAMED_SECTIONS: Final[dict[str, Registry[Any]]] = {
    "data": DATASETS,
    "model": MODELS,
    "loss": LOSSES,
    "optim": OPTIMIZERS,
    "scheduler": SCHEDULERS,
}


@dataclass(frozen=True)
class TrainingConfig:
    """A checked configuration at its scale; a named part's section has the class that the part registered."""

    source: str
    """Where it comes from, for messages."""
    scale: Literal["demo", "full"]
    seed: int
    device: str
    plugins: list[str]
    compute: ComputeParams
    data: PartParams
    model: PartParams
    loss: PartParams
    optim: PartParams
    scheduler: SchedulerParams
    metrics: MetricsParams
    train: TrainParams
    amp: AmpParams
    ckpt: CkptParams
    alerts: AlertsParams
    sections: Mapping[str, Section] = field(default_factory=dict)
    """The sections that plug-ins own and the file holds."""

    @property
    def learning_rate(self) -> float:
        """``optim.lr``, which every optimizer's section has."""
        return float(self.optim.lr)  # type: ignore[attr-defined]

    def to_mapping(self) -> dict[str, Any]:
        """Everything but the plug-ins' sections as plain values."""
        job = {key: getattr(self, key) for key in JobParams.model_fields}
        return job | {name: section.model_dump(mode="json", by_alias=True) for name, section in self._named_sections()}

    def portable_mapping(self) -> dict[str, Any]:
        """`to_mapping` without what changes no model, see `ttt.config.DECIDES_NO_MODEL`; this is in checkpoints."""
        return self.to_mapping() | {name: deciding(section) for name, section in self._named_sections()}

    def may_change(self) -> list[str]:
        """The dotted keys that may be others when a training is resumed; of data, which is known by content, all."""
        job = [key for key, field in JobParams.model_fields.items() if is_marked(field, MAY_CHANGE)]
        named = [key for name, section in self._named_sections() for key in keys_marked(section, MAY_CHANGE, name)]
        return [*job, *named, "data"]

    def _named_sections(self) -> list[tuple[str, Section]]:
        return [(name, getattr(self, name)) for name in (*PLAIN_SECTIONS, *NAMED_SECTIONS)]


def load_config(path: Path, overrides: Mapping[str, Any] | None = None) -> TrainingConfig:
    """The configuration in a YAML file, with values replaced by dotted key.

    Raises ConfigError, which names every mistake.
    """
    return parse_config(with_values(read_yaml(path), overrides or {}), str(path))


def parse_config(raw: Mapping[str, Any], source: str) -> TrainingConfig:
    """``raw``, checked at both scales, as it is at its own; raises ConfigError with every mistake."""
    of_job = {scale: list[str]() for scale in SCALES}
    jobs = {scale: parse_section(JobParams, _job_at(raw, scale), "", of_job[scale]) for scale in SCALES}
    problems = _merge(of_job)
    load_parts(_plugins_of(raw))
    known = [*JobParams.model_fields, *PLAIN_SECTIONS, *NAMED_SECTIONS, *SECTIONS]
    problems += [unknown_key(str(key), str(key), known) for key in raw if key not in known]
    found, at = {}, {}
    for scale in SCALES:
        at[scale] = list[str]()
        found[scale] = _parse_sections(at_scale(dict(raw), scale), at[scale])
    problems += _merge(at)
    job = jobs[SCALES[0]]
    job = job and jobs[job.scale]
    if problems or job is None:
        raise ConfigError(source, problems)
    sections = found[job.scale]
    of_plugins = {key: sections.pop(key) for key in SECTIONS if key in sections}
    return TrainingConfig(source=source, **dict(job), **sections, sections=of_plugins)


def _parse_sections(raw: Mapping[str, Any], problems: list[str]) -> dict[str, Any]:
    found: dict[str, Section | None] = {}
    for name, section in PLAIN_SECTIONS.items():
        needed = any(field.is_required() for field in section.model_fields.values())
        if name in raw or not needed:
            found[name] = parse_section(section, raw.get(name, {}), name, problems)
        else:
            problems.append(f"{name}: missing; it has the keys {', '.join(section.model_fields)}")
    for name, registry in NAMED_SECTIONS.items():
        found[name] = registry.parse(raw.get(name), name, problems)
    for name in [name for name in SECTIONS if name in raw]:
        found[name] = parse_section(SECTIONS[name], raw[name], name, problems)
    metrics, train = found.get("metrics"), found.get("train")
    if isinstance(metrics, MetricsParams):
        problems += _unknown_names("metrics.names", metrics.names, METRICS)
    if isinstance(train, TrainParams):
        problems += _unknown_names("train.loggers", train.loggers, LOGGERS)
    problems += _warmup_problems(train, found["scheduler"])
    return found


def _unknown_names(key: str, names: Sequence[str], registry: Registry[Any]) -> list[str]:
    return [unknown_key(f"{key} '{name}'", name, registry.names()) for name in names if name not in registry.names()]


def _warmup_problems(train: Section | None, scheduler: Section | None) -> list[str]:
    if not isinstance(train, TrainParams) or not isinstance(scheduler, SchedulerParams):
        return []
    if scheduler.warmup_epochs < train.epochs:
        return []
    found = f"scheduler.warmup_epochs: found {scheduler.warmup_epochs:g}"
    return [f"{found}; allowed: less than train.epochs, which is {train.epochs}"]


def _merge(at: Mapping[str, list[str]]) -> list[str]:
    """All scales' problems, each once; what is wrong at one scale only says at which."""
    merged: dict[str, None] = {}
    for scale, problems in at.items():
        for problem in problems:
            everywhere = all(problem in others for others in at.values())
            merged[problem if everywhere else f"{problem} (at scale {scale})"] = None
    return list(merged)


def _job_at(raw: Mapping[str, Any], scale: str) -> dict[str, Any]:
    """The plain top-level keys at a scale; which one it is, no scale decides."""
    given = {key: raw[key] for key in JobParams.model_fields if key in raw}
    return {key: value if key == "scale" else at_scale(value, scale) for key, value in given.items()}


def _plugins_of(raw: Mapping[str, Any]) -> list[str]:
    """The plug-ins of all scales, each once."""
    lists = [_job_at(raw, scale).get("plugins", []) for scale in SCALES]
    return list(dict.fromkeys(name for one in lists if isinstance(one, list) for name in one if isinstance(name, str)))


__all__ = [
    "AlertsParams",
    "AmpParams",
    "CkptParams",
    "MetricsParams",
    "TrainParams",
    "TrainingConfig",
    "load_config",
    "parse_config",
]
