"""Judge a predictor on a set of samples: the one path by which every reported figure is computed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from emfm.data.sample_lists import SampleList
from emfm.evaluation.figures import FieldErrors
from emfm.evaluation.results import ModelResult, model_result
from ttt.engine.checkpoint import load_model
from ttt.files import sha256_file

Predictor = Callable[[NDArray[np.float32]], NDArray[np.floating[Any]]]
"""From source H ``(n, 4, ny, nx)``, A/m, to target E/H ``(n, 12, ny, nx)``, V/m and A/m."""


def judge(predict: Predictor, samples: SampleList, batch_size: int, name: str) -> FieldErrors:
    """The errors of ``predict`` on ``samples``; shows progress under ``name``."""
    errors = FieldErrors()
    with tqdm(total=len(samples), desc=name, unit="sample", mininterval=1.0) as bar:
        for source_h, target in samples.batches(batch_size):
            errors.update(predict(source_h), target)
            bar.update(len(source_h))
    return errors


def judge_checkpoint(
    checkpoint: Path,
    samples: SampleList,
    batch_size: int,
    device: torch.device,
    train_samples: int,
    name: str,
) -> ModelResult:
    """The figures of a trained model on ``samples``, with the hash of its checkpoint."""
    errors = judge(model_predictor(checkpoint, device), samples, batch_size, name)
    return model_result(errors, train_samples, sha256_file(checkpoint))


def model_predictor(checkpoint: Path, device: torch.device) -> Predictor:
    """The trained model in ``checkpoint``, on ``device``; raises CheckpointError for a damaged one."""
    model, _ = load_model(checkpoint)
    model.to(device)

    @torch.inference_mode()
    def predict(source_h: NDArray[np.float32]) -> NDArray[np.floating[Any]]:
        prediction: NDArray[np.float32] = model(torch.from_numpy(source_h).to(device)).cpu().numpy()
        return prediction

    return predict
