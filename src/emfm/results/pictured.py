"""The fields that are drawn, in one file: the evaluation writes it, the report reads it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from emfm.core.channels import Channels
from emfm.core.errors import DataError
from ttt.arrays import write_npz

MOST_PICTURES: Final = 12
"""Fixed samples whose fields are kept, so that up to so many can be drawn without an evaluation."""
_FIXED: Final = "fixed"
_IDS: Final = "ids"
_TITLES: Final = "titles"
_SOURCE: Final = "source_h"
_TRUTH: Final = "truth"


@dataclass(frozen=True)
class PicturedFields:
    """Samples that are drawn: their scans, their true fields, and each predictor's by its name."""

    ids: Sequence[str]
    """Each names a picture's file."""
    titles: Sequence[str]
    """What each is called in the report."""
    source_h: Channels
    """Their scans as they are read, ``(n, 4, ny, nx)`` on the source plane, A/m."""
    truth: Channels
    """``(n, 12, ny, nx)``, V/m and A/m."""
    predictions: Mapping[str, Channels]
    """The same shape."""


def write_pictured(path: Path, fixed: PicturedFields, cases: Sequence[PicturedFields]) -> None:
    """Write fixed samples, of which the first ones are drawn, and reference cases; all of the same predictors."""
    parts = [fixed, *cases]
    fields = {
        _SOURCE: np.concatenate([part.source_h for part in parts]),
        _TRUTH: np.concatenate([part.truth for part in parts]),
    }
    for name in parts[0].predictions:
        fields[name] = np.concatenate([part.predictions[name] for part in parts])
    names = {
        _FIXED: np.array(len(fixed.ids)),
        _IDS: np.array([name for part in parts for name in part.ids]),
        _TITLES: np.array([title for part in parts for title in part.titles]),
    }
    write_npz(path, names | fields)


def read_pictured(path: Path, predictors: Sequence[str], count: int) -> PicturedFields:
    """The first ``count`` fixed samples and all cases, with what each of ``predictors`` made of them.

    Raises DataError where some lack.
    """
    with np.load(path, allow_pickle=False) as pictured:
        missing = [name for name in (_FIXED, _SOURCE, *predictors) if name not in pictured]
        if missing:
            raise DataError(f"{path}: holds no fields of {', '.join(missing)}; run `dvc repro eval_val_fixed`")
        drawn = np.r_[: min(count, pictured[_FIXED]), pictured[_FIXED] : len(pictured[_IDS])]
        predictions = {name: pictured[name][drawn] for name in predictors}
        ids, titles = (pictured[name][drawn].tolist() for name in (_IDS, _TITLES))
        return PicturedFields(ids, titles, pictured[_SOURCE][drawn], pictured[_TRUTH][drawn], predictions)
