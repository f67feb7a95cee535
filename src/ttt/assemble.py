"""From a configuration to the parts that it names."""

import random
from functools import partial

import numpy as np
import torch

from ttt.engine.task import Task
from ttt.parts import DATASETS, LOSSES, MODELS, build_metrics
from ttt.settings import TrainingConfig


def assemble(config: TrainingConfig) -> Task:
    """Open the data and build the model and its loss, all random numbers from ``config.seed``."""
    data = DATASETS.build(config.data, config=config)
    seed_everything(config.seed)
    model = MODELS.build(config.model, spec=data.spec)
    loss = LOSSES.build(
        config.loss, model=model, spec=data.spec, train=data.train, batch_size=config.train.batch_size
    )
    metrics = partial(build_metrics, config.metrics.names, data.spec)
    return Task(model, loss, data.train, data.val, metrics, data.spec)


def seed_everything(seed: int) -> None:
    """Seed the random numbers of python, numpy and torch."""
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - libraries draw from the global generator
    torch.manual_seed(seed)
