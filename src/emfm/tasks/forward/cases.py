"""Solved cases as training data of a run by hand: packed first, once."""

import hashlib
from dataclasses import replace
from pathlib import Path

from emfm.acquire.import_cases import open_import
from emfm.acquire.pack import pack
from emfm.acquire.readers.base import AUTO
from emfm.core.errors import DataError
from emfm.core.store import HEADER_FILE
from emfm.training.params import DataParams
from ttt.config import ConfigError
from ttt.settings import TrainingConfig

_SHARD_SAMPLES = 1024


def packed(config: TrainingConfig, store: Path) -> TrainingConfig:
    """``config`` reading a packed store: ``data.data_root`` itself where it is one, else its cases packed in ``store``.

    Raises DataError where the folder holds neither, or a case cannot be used.
    """
    data = config.data
    if not isinstance(data, DataParams):
        raise ConfigError(config.source, ["data.name: a forward model trains on em_forward"])
    root = Path(data.data_root)
    if (root / HEADER_FILE).exists():
        return config
    if not root.is_dir():
        raise DataError(f"{root}: no such folder; name a packed store or a folder of solved cases (data.data_root)")
    cases = open_import([root], AUTO, data.geometry())
    digest = hashlib.sha256(f"{cases.inventory_digest()} {data.geometry()!r}".encode()).hexdigest()[:16]
    folder = store.with_name(f"{store.name}-{digest}")
    if not (folder / HEADER_FILE).exists():
        work = store.with_name(f"{folder.name}.work")
        pack(cases, data.geometry(), "imported", folder, work, _SHARD_SAMPLES, config.compute.threads)
    return replace(config, data=data.model_copy(update={"data_root": str(folder)}))
