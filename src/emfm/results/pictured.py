"""The fields that are drawn, in one file: the evaluation writes it, the report reads it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from emfm.core.channels import Channels
from emfm.core.errors import DataError
from ttt.arrays import write_npz

_IDS: Final = "ids"
_TITLES: Final = "titles"
_TRUTH: Final = "truth"


@dataclass(frozen=True)
class PicturedFields:
    """Samples that are drawn: their true fields, and each predictor's by its name."""

    ids: Sequence[str]
    """Each names a picture's file."""
    titles: Sequence[str]
    """What each is called in the report."""
    truth: Channels
    """``(n, 12, ny, nx)``, V/m and A/m."""
    predictions: Mapping[str, Channels]
    """The same shape."""


def write_pictured(path: Path, parts: Sequence[PicturedFields]) -> None:
    """Write samples that are drawn, some after others; all parts are of the same predictors."""
    fields = {_TRUTH: np.concatenate([part.truth for part in parts])}
    for name in parts[0].predictions:
        fields[name] = np.concatenate([part.predictions[name] for part in parts])
    names = {
        _IDS: np.array([name for part in parts for name in part.ids]),
        _TITLES: np.array([title for part in parts for title in part.titles]),
    }
    write_npz(path, names | fields)


def read_pictured(path: Path, predictors: Sequence[str]) -> PicturedFields:
    """The samples that are drawn, with what each of ``predictors`` made of them; raises DataError where some lack."""
    with np.load(path, allow_pickle=False) as pictured:
        missing = [name for name in (_TITLES, *predictors) if name not in pictured]
        if missing:
            raise DataError(f"{path}: holds no fields of {', '.join(missing)}; run `dvc repro eval_val_fixed`")
        predictions = {name: pictured[name] for name in predictors}
        return PicturedFields(pictured[_IDS].tolist(), pictured[_TITLES].tolist(), pictured[_TRUTH], predictions)
