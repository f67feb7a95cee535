"""Named, exchangeable parts: models, data sets, losses, metrics, optimizers, schedulers, readers, ...

A part registers itself with a decorator on a function that makes it, or on its class::

    class MlpParams(PartParams):
        hidden: list[int] = Field([64, 64], description="widths of the hidden layers")

    @MODELS.register("mlp")
    def mlp(params: MlpParams, spec: VectorSpec) -> nn.Module: ...

The annotation of ``params`` says which section of the configuration the part reads; a part without keys of its own
leaves the argument out. Of what is on offer for parts of its kind (``Registry.offers``) it takes what it names. A
module of the user's own does the same and is named under ``plugins`` in the configuration.
"""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Generic, TypeVar, cast

from ttt.config import ConfigError, PartParams, Section, parse_section, unknown_key

B = TypeVar("B", bound=Callable[..., Any])
T = TypeVar("T")


@dataclass(frozen=True)
class Part(Generic[T]):
    """One registered part."""

    name: str
    params: type[Section]
    """The section that it reads."""
    make: Callable[..., T]
    asks: tuple[str, ...]
    """Names of the arguments of ``make``."""
    spec: type[Section] | None = None
    """Of a data set: the class of the facts that a model for it must fit."""

    def build(self, params: Section | None = None, **offered: Any) -> T:
        """What the part makes of its section (None: all defaults) and of those things on offer that it asks for."""
        known = offered | {"params": self.params() if params is None and "params" in self.asks else params}
        return self.make(**{name: known[name] for name in self.asks if name in known})


class Registry(Generic[T]):
    """The parts of one kind by name."""

    def __init__(self, kind: str, *offers: str, base: type[Section] = Section) -> None:
        """Parts of this kind may ask for ``offers``; one without ``params`` reads a section of type ``base``."""
        self.kind, self.offers, self._base = kind, offers, base
        self._parts: dict[str, Part[T]] = {}

    def register(self, name: str, spec: type[Section] | None = None) -> Callable[[B], B]:
        """Decorate the function or class that makes the part ``name``; of a data set with ``spec``, see `Part`.

        Raises ValueError where the name is taken, or the part asks for what is not on offer.
        """

        def add(make: B) -> B:
            if name in self._parts and self._parts[name].make is not make:
                raise ValueError(f"{self.kind} '{name}' is registered twice")
            arguments = inspect.signature(make).parameters
            strange = [
                argument.name
                for argument in arguments.values()
                if argument.name not in ("params", *self.offers) and argument.default is argument.empty
            ]
            if strange:
                raise ValueError(
                    f"{self.kind} '{name}' asks for {', '.join(strange)}; it can ask for "
                    f"{', '.join(('params', *self.offers))}"
                )
            params = _section_of(make, arguments["params"].annotation) if "params" in arguments else self._base
            if not issubclass(params, self._base):
                raise ValueError(f"{self.kind} '{name}': its section {params.__name__} is no {self._base.__name__}")
            self._parts[name] = Part(name, params, make, tuple(arguments), spec)
            return make

        return add

    def names(self) -> list[str]:
        """The known names, sorted."""
        return sorted(self._parts)

    def get(self, name: str, path: str | None = None) -> Part[T]:
        """The part called ``name``; raises ConfigError naming the known ones and the nearest."""
        if name not in self._parts:
            raise ConfigError(f"{self.kind} '{name}'", [unknown_key(path or "name", name, self.names())])
        return self._parts[name]

    def parse(self, raw: Any, path: str, problems: list[str]) -> PartParams | None:
        """The section ``raw`` as the part named by its key ``name`` reads it; mistakes go to ``problems``.

        Keys that stand in a block with the name of a part (``adamw: {betas: ...}``) are for that part alone; all others
        are for the named one. So another name is all that another part needs, where each has its block.
        """
        name = raw.get("name") if isinstance(raw, Mapping) else None
        if not isinstance(name, str):
            problems.append(f"{path}.name: missing; name one of {', '.join(self.names())}")
            return None
        if name not in self._parts:
            problems.append(unknown_key(f"{path}.name '{name}'", name, self.names()))
            return None
        blocks = {key: raw[key] for key in raw if key in self._parts}
        shared = {key: value for key, value in raw.items() if key not in blocks}
        found = self._parse_as(name, shared, blocks, path, problems)
        if found is not None:
            for other in [block for block in blocks if block != name]:
                fields = self._parts[other].params.model_fields
                self._parse_as(other, {key: shared[key] for key in shared if key in fields}, blocks, path, problems)
        return cast(PartParams | None, found)

    def build(self, params: PartParams, **offered: Any) -> T:
        """What the part named by ``params.name`` makes of its section and of what is on offer."""
        return self.get(params.name).build(params, **offered)

    def _parse_as(
        self, name: str, shared: Mapping[str, Any], blocks: Mapping[str, Any], path: str, problems: list[str]
    ) -> Section | None:
        """The section of the part ``name`` from the keys of all parts and from its own block, where it has one."""
        params, own = self._parts[name].params, blocks.get(name, {})
        if not isinstance(own, Mapping):
            return parse_section(params, own, f"{path}.{name}", problems)
        twice = [key for key in own if key in shared]
        problems += [f"{path}.{name}.{key}: given as {path}.{key}, too; give it once" for key in twice]
        missing = params.model_fields if name in blocks and set(shared) <= {"name"} else ()
        inside = {key: f"{path}.{name}" for key in [*own, *missing] if key not in shared}
        return parse_section(params, {**shared, **own, "name": name}, path, problems, inside)


def load_plugins(modules: Sequence[str]) -> None:
    """Import the modules that register parts; raises ConfigError for one that cannot be imported."""
    for module in modules:
        try:
            importlib.import_module(module)
        except ModuleNotFoundError as error:
            raise ConfigError(
                "plugins", [f"'{module}' cannot be imported ({error}); is its folder on PYTHONPATH?"]
            ) from error


def load_modules(package: ModuleType) -> None:
    """Import every module of ``package``, so that the parts in them are registered."""
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        importlib.import_module(module.name)


def _section_of(make: Callable[..., Any], annotation: Any) -> type[Section]:
    """The section class that the argument ``params`` of ``make`` is annotated with."""
    if isinstance(annotation, str):
        function = make.__init__ if inspect.isclass(make) else make
        annotation = getattr(function, "__globals__", {}).get(annotation)
    if not (isinstance(annotation, type) and issubclass(annotation, Section)):
        raise ValueError(f"{make.__qualname__}: annotate its argument params with the section that it reads")
    return annotation


__all__ = ["Part", "PartParams", "Registry", "load_modules", "load_plugins"]
