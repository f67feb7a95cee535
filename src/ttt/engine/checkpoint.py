"""Checkpoints: the whole state of a training in one file, without pickled code, replaced atomically.

The bytes of a checkpoint are a function of configuration, data and code: no time, path or host is in it.
"""

import io
import os
import random
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import nn

from ttt.config import ConfigError, Section, parse_section
from ttt.files import sha256_files, write_bytes
from ttt.parts import MODELS, SPECS

FORMAT: Final = 1
_FIELDS: Final = ("config", "spec", "code", "data", "model", "optimizer", "scheduler", "scaler", "random", "progress")


class CheckpointError(ValueError):
    """A checkpoint that is missing, damaged, or does not belong to this training."""


@dataclass(frozen=True)
class Checkpoint:
    """The state of a training at one moment."""

    config: dict[str, Any]
    """The training's sections: see `ttt.settings.TrainingConfig.to_mapping`."""
    spec: dict[str, Any]
    """The facts that the model fits: sizes, normalisation."""
    code: dict[str, str]
    """A hash of the engine's source files, and torch's version."""
    data: dict[str, str]
    """Fingerprints of training and validation samples."""
    model: dict[str, Any]
    optimizer: dict[str, Any]
    scheduler: dict[str, Any] | None
    scaler: dict[str, Any]
    random: dict[str, Any]
    progress: dict[str, Any]
    """See `ttt.engine.progress.Progress`."""


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Replace ``path`` by ``checkpoint``: after a crash it holds the old state or the new one, whole."""
    content = {"format": FORMAT} | {name: getattr(checkpoint, name) for name in _FIELDS}
    buffer = io.BytesIO()
    torch.save(_canonical(content), buffer)
    write_bytes(path, buffer.getvalue())


def keep_previous(path: Path, previous: Path) -> None:
    """Keep what ``path`` holds under the name ``previous`` too, at no moment without either."""
    if path.exists():
        temporary = previous.with_name(f".{previous.name}.link")
        temporary.unlink(missing_ok=True)
        os.link(path, temporary)
        temporary.replace(previous)


def load_checkpoint(path: Path) -> Checkpoint:
    """The checkpoint in ``path``; raises CheckpointError where it is missing, damaged or something else."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise CheckpointError(f"{path}: no such checkpoint") from None
    except Exception as error:  # torch raises many kinds for a damaged or foreign file
        reason = str(error).partition("\n")[0]
        raise CheckpointError(f"{path}: cannot be read as a checkpoint ({reason})") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT or not set(_FIELDS) <= set(content):
        raise CheckpointError(f"{path}: not a checkpoint of this training template (format {FORMAT})")
    return Checkpoint(**{name: content[name] for name in _FIELDS})


def load_model(path: Path) -> tuple[nn.Module, Checkpoint]:
    """The model in a checkpoint, on the CPU in evaluation mode, built from the checkpoint alone.

    Raises CheckpointError where the file cannot be used, or names a model or data set that is not registered
    (import the plug-in that registers it first).
    """
    checkpoint = load_checkpoint(path)
    problems: list[str] = []
    spec_class = SPECS.get(checkpoint.config["data"]["name"])
    params = MODELS.parse(checkpoint.config["model"], "model", problems)
    if spec_class is None:
        problems.append(f"data.name: '{checkpoint.config['data']['name']}' is not registered")
    spec = parse_section(spec_class, checkpoint.spec, "spec", problems) if spec_class else None
    if params is None or spec is None:
        raise CheckpointError(str(ConfigError(str(path), problems)))
    model = MODELS.build(params, spec=spec)
    load_weights(model, checkpoint, path)
    return model.eval(), checkpoint


def load_weights(model: nn.Module, checkpoint: Checkpoint, path: Path) -> None:
    """Put a checkpoint's weights into ``model``; raises CheckpointError where they do not fit."""
    try:
        model.load_state_dict(checkpoint.model)
    except RuntimeError as error:
        raise CheckpointError(f"{path}: its weights do not fit this model: {error}") from error


def random_states() -> dict[str, Any]:
    """The states of all random generators, as plain values and tensors."""
    version, words, gauss = random.getstate()
    name, keys, position, has_gauss, cached = np.random.get_state(legacy=True)  # noqa: NPY002
    return {
        "python": [version, list(words), gauss],
        "numpy": [str(name), [int(key) for key in keys], int(position), int(has_gauss), float(cached)],
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }


def restore_random_states(states: dict[str, Any]) -> None:
    """The inverse of `random_states`."""
    version, words, gauss = states["python"]
    random.setstate((version, tuple(words), gauss))
    name, keys, position, has_gauss, cached = states["numpy"]
    np.random.set_state((name, np.array(keys, np.uint32), position, has_gauss, cached))  # noqa: NPY002
    torch.set_rng_state(states["torch"])
    if states["cuda"] and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(states["cuda"])


@cache
def code_version() -> dict[str, str]:
    """What computed a checkpoint: a hash of the engine's source files, and torch's version."""
    folder = Path(__file__).parent
    return {"engine": sha256_files(folder.glob("*.py"), folder), "torch": str(torch.__version__)}


def spec_mapping(spec: Section) -> dict[str, Any]:
    """A spec as plain values, as a checkpoint holds it."""
    return spec.model_dump(mode="json", by_alias=True)


def _canonical(value: Any) -> Any:
    """``value`` rebuilt so that equal values give equal bytes: pickle writes shared objects otherwise."""
    if isinstance(value, str):
        return sys.intern(value)
    if isinstance(value, dict):
        return {_canonical(key): _canonical(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_canonical(item) for item in value]
    if isinstance(value, tuple):
        return tuple([_canonical(item) for item in value])
    if isinstance(value, torch.Tensor):
        return value.detach().cpu().clone(memory_format=torch.preserve_format)
    return value
