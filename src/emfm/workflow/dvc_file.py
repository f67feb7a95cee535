"""What ``dvc.yaml``, which stands beside ``src``, says of the stages: how many train, and which code decides what."""

import re
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

from ttt.config import read_yaml

ROOT: Final = Path(__file__).parents[3]
_FILE: Final = ROOT / "dvc.yaml"
_CODE: Final = "src/"
_PLACEHOLDER: Final = re.compile(r"\$\{([\w.]+)\}")
_TRAINING: Final = re.compile(r"train_stage\d+")


def sources_of(stage: str) -> list[Path]:
    """The modules that decide the result of ``stage``: those in its dependencies that lie in ``src``, sorted."""
    folders = [_filled_in(dependency) for dependency in _stages()[stage]["deps"] if dependency.startswith(_CODE)]
    return sorted({path for folder in folders for path in _modules(ROOT / folder)})


def training_stages() -> int:
    """How many training stages there are: ``train_stage1``, ``train_stage2``, ..."""
    return sum(bool(_TRAINING.fullmatch(name)) for name in _stages())


@cache
def _stages() -> dict[str, Any]:
    stages: dict[str, Any] = yaml.safe_load(_FILE.read_text(encoding="utf-8"))["stages"]
    return stages


def _filled_in(dependency: str) -> str:
    """A dependency with the values of params.yaml that it names, ``${model.name}``, as DVC fills them in."""
    return _PLACEHOLDER.sub(lambda found: str(_parameter(found[1])), dependency)


def _parameter(key: str) -> Any:
    value: Any = read_yaml(ROOT / "params.yaml")
    for name in key.split("."):
        value = value[name]
    return value


def _modules(path: Path) -> list[Path]:
    return [path] if path.is_file() else list(path.rglob("*.py"))
