"""Judge a predictor on a set of samples: the one path by which every reported figure is computed."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from emfm.data.sample_lists import SampleList
from emfm.evaluation.figures import FieldErrors
from ttt.engine.checkpoint import load_model

Predictor = Callable[[NDArray[np.float32]], NDArray[np.floating[Any]]]
"""From source H ``(n, 4, ny, nx)``, A/m, to target E/H ``(n, 12, ny, nx)``, V/m and A/m."""


@dataclass(frozen=True)
class Verdict:
    """A predictor's figures on a set."""

    figures: dict[str, float]
    rmse_per_channel: dict[str, float]


def judge(predict: Predictor, samples: SampleList, batch_size: int, name: str) -> Verdict:
    """The figures of `emfm.evaluation.figures` for ``predict`` on ``samples``; shows progress under ``name``."""
    errors = FieldErrors()
    with tqdm(total=len(samples), desc=name, unit="sample", mininterval=1.0) as bar:
        for source_h, target in samples.batches(batch_size):
            errors.update(predict(source_h), target)
            bar.update(len(source_h))
    return Verdict(errors.compute(), errors.rmse_per_channel())


def model_predictor(checkpoint: Path, device: torch.device) -> Predictor:
    """The trained model in ``checkpoint``, on ``device``; raises CheckpointError for a damaged one."""
    model, _ = load_model(checkpoint)
    model.to(device)

    @torch.inference_mode()
    def predict(source_h: NDArray[np.float32]) -> NDArray[np.floating[Any]]:
        prediction: NDArray[np.float32] = model(torch.from_numpy(source_h).to(device)).cpu().numpy()
        return prediction

    return predict
