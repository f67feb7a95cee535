"""The registries: every exchangeable part of a training by its name in the configuration."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, TypeVar

from pydantic import Field

from ttt.config import PartParams, Section
from ttt.registry import Registry, load_plugins

if TYPE_CHECKING:
    from torch import nn
    from torch.optim import Optimizer

    from ttt.engine.logger import Logger
    from ttt.engine.schedule import Schedule
    from ttt.engine.task import Data, Metric

S = TypeVar("S", bound=type[Section])


class SchedulerParams(PartParams):
    """How the learning rate changes."""

    warmup_epochs: float = Field(
        0.0,
        ge=0,
        description="epochs (0.5: half of the first one) in which the scheduler's rate is multiplied by a factor that "
        "rises in a straight line to 1, step by step; 0: none",
    )


MODELS: Final[Registry["nn.Module"]] = Registry("model", "spec", base=PartParams)
"""``spec`` holds the facts of the data set, see `ttt.engine.task.Data`."""

DATASETS: Final[Registry["Data"]] = Registry("data set", "config", base=PartParams)
"""Registered with ``spec=``, the class of its ``Data.spec``; ``config`` is the whole `ttt.settings.TrainingConfig`."""

LOSSES: Final[Registry["nn.Module"]] = Registry("loss", "model", "spec", "train", "batch_size", base=PartParams)
"""A module from a batch to (loss, named parts); ``train`` holds the training samples."""

METRICS: Final[Registry["Metric"]] = Registry("metric", "spec")
"""Named in ``metrics.names``, so ``params`` are all defaults."""

OPTIMIZERS: Final[Registry["Optimizer"]] = Registry("optimizer", "parameters", base=PartParams)
"""``params`` has a field ``lr``."""

SCHEDULERS: Final[Registry["Schedule"]] = Registry(
    "scheduler", "optimizer", "epochs", "steps", "mode", base=SchedulerParams
)
"""A schedule for so many epochs, that is, steps; ``mode``: whether the epochs' scores are to be "min" or "max"."""

LOGGERS: Final[Registry["Logger"]] = Registry("logger", "folder")
"""Named in ``train.loggers``; ``folder`` is where it may keep files, and need not be there yet."""

SECTIONS: Final[dict[str, type[Section]]] = {}
"""Further top-level sections of the configuration, owned by plug-ins."""

_BUILT_IN: Final = (
    "ttt.builtin",
    "ttt.engine.optimizers",
    "ttt.engine.schedulers",
    "ttt.loggers.dvclive",
    "ttt.loggers.mlflow",
    "ttt.loggers.tensorboard",
)


def register_section(name: str) -> Callable[[S], S]:
    """Decorate the class of a top-level section ``name``, which is accepted and checked from then on.

    Raises ValueError where the name is taken.
    """

    def add(section: S) -> S:
        if SECTIONS.setdefault(name, section) is not section:
            raise ValueError(f"section '{name}' is registered twice")
        return section

    return add


def load_parts(plugins: Sequence[str]) -> None:
    """Register the built-in parts and those of ``plugins``; raises ConfigError for one that is not found."""
    load_plugins([*_BUILT_IN, *plugins])


def build_metrics(names: Sequence[str], spec: Section) -> list["Metric"]:
    """Fresh metrics by name."""
    return [METRICS.get(name, "metrics.names").build(spec=spec) for name in names]
