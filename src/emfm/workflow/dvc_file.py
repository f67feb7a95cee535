"""What ``dvc.yaml``, which stands beside ``src``, says of the stages: how many train, and which code decides what."""

import re
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

from ttt.config import ConfigError

ROOT: Final = Path(__file__).parents[3]
_FILE: Final = ROOT / "dvc.yaml"
_CODE: Final = "src/"
_TRAINING: Final = re.compile(r"train_stage\d+")


def sources_of(stage: str) -> list[Path]:
    """The modules that decide the result of ``stage``: the files of its dependencies that lie in ``src``, sorted."""
    found = {
        path
        for dependency in _stages()[stage]["deps"]
        if dependency.startswith(_CODE)
        for path in _modules(ROOT / dependency)
    }
    return sorted(found)


def training_stages() -> int:
    """How many training stages there are: ``train_stage1``, ``train_stage2``, ..."""
    return sum(bool(_TRAINING.fullmatch(name)) for name in _stages())


def refuse_short_pool(samples: int, last_size: int) -> None:
    """Raise ConfigError where train_pool has fewer samples than the last training stage is to have."""
    if last_size > samples:
        raise ConfigError(
            "params.yaml",
            [
                f"stages.sizes: the last stage trains on {last_size} samples, but train_pool has {samples} after "
                "dedupe and the split by whole families; lower it, lower split.val_fixed or split.test_final, or add "
                "samples"
            ],
        )


@cache
def _stages() -> dict[str, Any]:
    stages: dict[str, Any] = yaml.safe_load(_FILE.read_text(encoding="utf-8"))["stages"]
    return stages


def _modules(path: Path) -> list[Path]:
    return [path] if path.is_file() else list(path.rglob("*.py"))
