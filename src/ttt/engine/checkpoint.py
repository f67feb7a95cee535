"""Checkpoints: the whole state of a training in one file of tensors and plain values.

A checkpoint describes itself: with nothing but the file, `load_model` makes the model. Its bytes are a
function of configuration, data and code; no time, path, host or revision is in it.
"""

import io
import json
import os
import pickle
import sys
import zipfile
from dataclasses import MISSING, asdict, dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any, Final

import pydantic
import torch
from torch import Tensor, nn

from ttt.config import PartParams, Section
from ttt.engine.errors import CheckpointError, saving
from ttt.engine.task import Task
from ttt.files import DAMAGED, sha256_files, sync_folder, write_bytes
from ttt.parts import DATASETS, MODELS, load_parts

FORMAT: Final = "ttt-checkpoint-1"


@dataclass
class TrainingProgress:
    """Where a training is."""

    epoch: int = 0
    """Epochs completed, with their validation."""
    batch: int = 0
    """Optimizer steps done of the epoch under way, each with a batch, or with ``train.accumulate`` of them."""
    step: int = 0
    """Optimizer steps done in all."""
    best_score: float | None = None
    best_epoch: int = 0
    """The epoch of the best score; 0: none yet."""
    best_is_average: bool = False
    """Whether the moving average of the weights had it, see ``train.ema_decay``."""
    gain_score: float | None = None
    """The last score that was better than this one before it by ``train.early_stop_min_gain``."""
    gain_epoch: int = 0
    """The epoch of that score; 0: none yet."""
    best_epochs: list[tuple[int, float]] = field(default_factory=list)
    """Those whose checkpoints ``ckpt.top_k`` keeps, with their scores, the best first."""
    is_judged: bool = False
    """Whether what was learned in closed form has been validated."""
    base_lr: float = 0.0
    """The learning rate that was last asked for, by ``optim.lr`` or on resuming."""
    lr: float = 0.0
    """The learning rate of the last step."""
    journal_bytes: int = 0
    """Size of metrics.jsonl; what is beyond belongs to steps that are done again."""
    journal_sha256: str = ""
    """Hash of these bytes."""


@dataclass(frozen=True)
class Checkpoint:
    """What is in a checkpoint file."""

    format: str
    code: dict[str, str]
    """Hash of the engine's sources, and torch's version."""
    config: dict[str, Any]
    """`ttt.settings.TrainingConfig.portable_mapping`."""
    spec: dict[str, Any]
    """The facts of the data that the model was made for."""
    shapes: dict[str, list[int]]
    """Shapes of one sample's ``x`` and ``y``."""
    fingerprints: dict[str, str]
    """Identity of the ``train`` and ``val`` samples."""
    place: TrainingProgress
    num_samples: int
    """Samples done of the epoch under way."""
    sums: dict[str, float]
    """Their summed losses."""
    model: dict[str, Tensor]
    optimizer: dict[str, Any]
    schedule: dict[str, Any]
    scaler: dict[str, Any]
    random: dict[str, Any]
    average: dict[str, Any] = field(default_factory=dict)
    """`ttt.engine.average.WeightAverage.state_dict`; left out of the file where there is none."""


_OPTIONAL: Final = {each.name for each in fields(Checkpoint) if each.default_factory is not MISSING}


@cache
def code_version() -> dict[str, str]:
    """Identity of the code that decides the course of a training."""
    folder = Path(__file__).parent
    return {"engine_sha256": sha256_files(folder.glob("*.py"), folder), "torch": str(torch.__version__)}


def identity_of(task: Task, config: dict[str, Any]) -> dict[str, Any]:
    """The fields of a `Checkpoint` that stay the same during a training."""
    sample = task.train.__getitems__([0])
    return {
        "format": FORMAT,
        "code": code_version(),
        "config": config,
        "spec": task.spec.model_dump(mode="json"),
        "shapes": {"x": list(sample.x.shape[1:]), "y": list(sample.y.shape[1:])},
        "fingerprints": {"train": task.train.fingerprint, "val": task.val.fingerprint},
    }


def to_bytes(checkpoint: Checkpoint) -> bytes:
    """The content of the checkpoint's file: the same for equal checkpoints."""
    buffer = io.BytesIO()  # torch.save to a named file would put the name into it
    content = {each.name: getattr(checkpoint, each.name) for each in fields(checkpoint)}
    content = {name: value for name, value in content.items() if value or name not in _OPTIONAL}
    torch.save(_canonical(content | {"place": asdict(checkpoint.place)}), buffer)
    return buffer.getvalue()


def save_checkpoint(path: Path, content: bytes, previous: Path | None = None) -> None:
    """Replace ``path`` atomically, and keep what it held as ``previous``.

    Raises SaveError on a full disk or in a folder that cannot be written, with ``path`` as it was.
    """
    with saving(path):
        if previous is not None and path.exists():
            _link(path, previous)
        write_bytes(path, content)


def save_as(path: Path, saved: Path, previous: Path) -> None:
    """As `save_checkpoint`, with the content of the checkpoint ``saved``, which is not written once more."""
    with saving(path):
        if path.exists():
            _link(path, previous)
        _link(saved, path)


def load_checkpoint(path: Path) -> Checkpoint:
    """The checkpoint in ``path``; raises CheckpointError for a missing, damaged or foreign file."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror})") from error
    return from_bytes(content, path)


def from_bytes(content: bytes, path: Path) -> Checkpoint:
    """The checkpoint whose file has this ``content``; raises CheckpointError for a damaged or foreign one."""
    raw = _unpack(content, path)
    names = {each.name for each in fields(Checkpoint)}
    foreign = CheckpointError(f"{path}: is no checkpoint of this template (format '{FORMAT}')")
    if not isinstance(raw, dict) or raw.get("format") != FORMAT or not names - _OPTIONAL <= set(raw) <= names:
        raise foreign
    if not isinstance(raw["config"], dict) or not isinstance(raw["place"], dict):
        raise foreign
    try:
        return Checkpoint(**raw | {"place": TrainingProgress(**raw["place"])})
    except TypeError as error:
        raise foreign from error


def load_model(path: Path) -> tuple[nn.Module, Checkpoint]:
    """The model in a checkpoint, on the cpu and ready to predict, made from what the file itself says.

    Raises CheckpointError for a file that is missing, damaged or foreign, and ConfigError where the parts
    that it names are not known.
    """
    checkpoint = load_checkpoint(path)
    model = MODELS.build(model_params(checkpoint, path), spec=data_spec(checkpoint, path))
    load_weights(model, checkpoint, path)
    return model.eval(), checkpoint


def load_weights(model: nn.Module, checkpoint: Checkpoint, path: Path) -> None:
    """Give ``model`` the weights of a checkpoint; raises CheckpointError naming what does not fit."""
    try:
        model.load_state_dict(checkpoint.model)
    except RuntimeError as error:
        raise CheckpointError(f"{path}: its weights are those of another model: {error}") from error


def model_params(checkpoint: Checkpoint, path: Path) -> PartParams:
    """The section ``model`` of the checkpoint's configuration."""
    load_parts(checkpoint.config["plugins"])
    problems: list[str] = []
    params = MODELS.parse(checkpoint.config["model"], "model", problems)
    if params is None:
        raise CheckpointError(f"{path}: its model is not one of this version: {'; '.join(problems)}")
    return params


def data_spec(checkpoint: Checkpoint, path: Path) -> Section:
    """The facts of the data that the checkpoint's model was made for."""
    load_parts(checkpoint.config["plugins"])
    name = checkpoint.config["data"]["name"]
    kind = DATASETS.get(name, "data.name").spec
    if kind is None:
        raise TypeError(f"data set '{name}' is registered without spec=, the class of its facts")
    try:
        return kind.model_validate_json(json.dumps(checkpoint.spec))
    except pydantic.ValidationError as error:
        raise CheckpointError(f"{path}: its data's facts are not of this version: {error}") from error


def _unpack(content: bytes, path: Path) -> Any:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if any(member.compress_type != zipfile.ZIP_STORED for member in archive.infolist()):
                raise ValueError("torch compresses nothing, but something in it is")
            damaged = archive.testzip()  # torch itself does not compare the checksums
        if damaged is None:
            return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise CheckpointError(f"{path}: is refused, it holds more than tensors and plain values") from error
    except DAMAGED as error:
        raise CheckpointError(f"{path}: is damaged or no checkpoint ({error})") from error
    raise CheckpointError(f"{path}: is damaged (checksum of {damaged})")


def _canonical(value: Any) -> Any:
    """A copy whose pickle depends on values alone: pickle writes an object that it meets again in a shorter way.

    Raises TypeError for what a checkpoint must not hold, because it could not be loaded without running code.
    """
    if isinstance(value, Tensor):
        return value.detach().to("cpu", copy=True).contiguous()
    if isinstance(value, dict):
        return {_canonical(key): _canonical(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_canonical(item) for item in value]
    if isinstance(value, tuple):
        return tuple(_canonical(item) for item in value)
    if isinstance(value, str):
        return sys.intern(str(value))
    if value is None or type(value) in (bool, int, float):
        return value
    kind = type(value).__name__
    raise TypeError(f"a checkpoint holds tensors and plain values, but part of the state is a {kind}")


def _link(path: Path, other: Path) -> None:
    """Make ``other`` name the file that ``path`` names; a copy where the file system has no links."""
    temporary = other.with_name(f".{other.name}")
    temporary.unlink(missing_ok=True)
    try:
        os.link(path, temporary)
    except OSError:
        write_bytes(other, path.read_bytes())
        return
    temporary.replace(other)
    temporary.unlink(missing_ok=True)  # still there where both already were the same file
    sync_folder(path.parent)
