"""Named, exchangeable parts: models, data sets, losses, metrics, optimizers, schedulers.

A part registers itself with a decorator, together with the section of the configuration that it reads::

    @MODELS.register("mlp", params=MlpParams)
    def build_mlp(params: MlpParams, spec: RegressionSpec) -> nn.Module: ...

A module of the user's own does the same and is named under ``plugins`` in the configuration.
"""

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from ttt.config import ConfigError, Section, parse_section, unknown_key

B = TypeVar("B", bound=Callable[..., Any])
T = TypeVar("T")


@dataclass(frozen=True)
class Part(Generic[T]):
    """One registered part: its name, the section that configures it and the function that makes it."""

    name: str
    params: type[Section]
    build: Callable[..., T]
    spec: type[Section] | None = None
    """Of a data set: the class of the facts that a model for it must fit."""


class Registry(Generic[T]):
    """The parts of one kind by name."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._parts: dict[str, Part[T]] = {}

    def register(self, name: str, params: type[Section], spec: type[Section] | None = None) -> Callable[[B], B]:
        """Decorate the function or class that builds ``name`` from its section ``params`` and a context.

        Raises ValueError where the name is taken.
        """

        def add(build: B) -> B:
            if name in self._parts and self._parts[name].build is not build:
                raise ValueError(f"{self.kind} '{name}' is registered twice")
            self._parts[name] = Part(name, params, build, spec)
            return build

        return add

    def names(self) -> list[str]:
        """The known names, sorted."""
        return sorted(self._parts)

    def get(self, name: str, path: str | None = None) -> Part[T]:
        """The part called ``name``; raises ConfigError naming the known ones and the nearest."""
        if name not in self._parts:
            raise ConfigError(f"{self.kind} '{name}'", [unknown_key(path or "name", name, self.names())])
        return self._parts[name]

    def parse(self, raw: Any, path: str, problems: list[str]) -> Section | None:
        """The section ``raw`` as the part named by its key ``name`` reads it; mistakes go to ``problems``."""
        name = raw.get("name") if isinstance(raw, Mapping) else None
        if not isinstance(name, str):
            problems.append(f"{path}.name: missing; name one of {', '.join(self.names())}")
            return None
        if name not in self._parts:
            problems.append(unknown_key(f"{path}.name '{name}'", name, self.names()))
            return None
        return parse_section(self._parts[name].params, raw, path, problems)

    def build(self, params: Section, **context: Any) -> T:
        """What the part named by ``params.name`` makes of its section and the context."""
        return self.get(_name_of(params)).build(params, **context)


def load_plugins(modules: Sequence[str]) -> None:
    """Import the modules that register parts; raises ConfigError for one that cannot be imported."""
    for module in modules:
        try:
            importlib.import_module(module)
        except ModuleNotFoundError as error:
            raise ConfigError(
                "plugins", [f"'{module}' cannot be imported ({error}); is its folder on PYTHONPATH?"]
            ) from error


def _name_of(params: Section) -> str:
    name = getattr(params, "name", None)
    if not isinstance(name, str):
        raise TypeError(f"{type(params).__name__} has no field 'name'")
    return name


__all__ = ["Part", "Registry", "load_plugins"]
