"""The registries: every exchangeable part of a training by its name in the configuration."""

from typing import Any, Final

from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from ttt.config import Section
from ttt.engine.task import Data, Metric
from ttt.registry import Registry

MODELS: Final[Registry[nn.Module]] = Registry("model")
"""``build(params, *, spec) -> nn.Module``."""

DATASETS: Final[Registry[Data]] = Registry("data set")
"""``build(params, *, config) -> Data``."""

LOSSES: Final[Registry[nn.Module]] = Registry("loss")
"""``build(params, *, model, spec, train, batch_size) -> nn.Module`` from a batch to (loss, named parts)."""

METRICS: Final[Registry[Metric]] = Registry("metric")
"""``build(params, *, spec) -> Metric``; a metric is named in ``metrics.names`` and takes no parameters."""

OPTIMIZERS: Final[Registry[Optimizer]] = Registry("optimizer")
"""``build(params, *, parameters) -> Optimizer``."""

SCHEDULERS: Final[Registry[LRScheduler | None]] = Registry("scheduler")
"""``build(params, *, optimizer, epochs, steps_per_epoch) -> LRScheduler``, stepped as its `StepUnit` says."""

SECTIONS: Final[dict[str, type[Section]]] = {}
"""Further top-level sections of the configuration, owned by plug-ins."""

SPECS: Final[dict[str, type[Section]]] = {}
"""The class of ``Data.spec`` by the name of the data set."""


def register_section(name: str, section: type[Section]) -> None:
    """Accept and check the top-level section ``name``; raises ValueError where the name is taken."""
    if SECTIONS.setdefault(name, section) is not section:
        raise ValueError(f"section '{name}' is registered twice")


def register_spec(name: str, spec: type[Section]) -> None:
    """Say what class the facts of the data set ``name`` have, so that a checkpoint's can be read again."""
    SPECS[name] = spec


def build_metrics(names: list[str], spec: Any) -> list[Metric]:
    """Fresh metrics by name."""
    return [METRICS.get(name, "metrics.names").build(None, spec=spec) for name in names]
