"""The registries: every exchangeable part of a training by its name in the configuration."""

from collections.abc import Sequence
from typing import Final

from torch import nn
from torch.optim import Optimizer

from ttt.config import Section
from ttt.engine.schedule import Schedule
from ttt.engine.task import Data, Metric
from ttt.registry import Registry, load_plugins

MODELS: Final[Registry[nn.Module]] = Registry("model")
"""``build(params, *, spec) -> nn.Module``; ``spec`` holds the facts of the data set, see `Data`."""

DATASETS: Final[Registry[Data]] = Registry("data set")
"""``build(params, *, config) -> Data``; registered with ``spec=``, the class of its ``Data.spec``."""

LOSSES: Final[Registry[nn.Module]] = Registry("loss")
"""``build(params, *, model, spec, train, batch_size) -> nn.Module`` from a batch to (loss, named parts)."""

METRICS: Final[Registry[Metric]] = Registry("metric")
"""``build(params, *, spec) -> Metric``; named in ``metrics.names``, so ``params`` are all defaults."""

OPTIMIZERS: Final[Registry[Optimizer]] = Registry("optimizer")
"""``build(params, *, parameters) -> Optimizer``; ``params`` has a field ``lr``."""

SCHEDULERS: Final[Registry[Schedule]] = Registry("scheduler")
"""``build(params, *, optimizer, epochs, steps) -> Schedule`` for so many epochs, that is, steps."""

SECTIONS: Final[dict[str, type[Section]]] = {}
"""Further top-level sections of the configuration, owned by plug-ins."""

_BUILT_IN: Final = ("ttt.builtin", "ttt.engine.optimizers", "ttt.engine.schedulers")


def register_section(name: str, section: type[Section]) -> None:
    """Accept and check the top-level section ``name``; raises ValueError where the name is taken."""
    if SECTIONS.setdefault(name, section) is not section:
        raise ValueError(f"section '{name}' is registered twice")


def load_parts(plugins: Sequence[str]) -> None:
    """Register the built-in parts and those of ``plugins``; raises ConfigError for one that is not found."""
    load_plugins([*_BUILT_IN, *plugins])


def build_metrics(names: Sequence[str], spec: Section) -> list[Metric]:
    """Fresh metrics by name."""
    parts = [METRICS.get(name, "metrics.names") for name in names]
    return [part.build(part.params(), spec=spec) for part in parts]
