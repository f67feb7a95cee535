"""From a configuration to the parts that it names."""

from functools import partial

from ttt.engine.randomness import seed_everything
from ttt.engine.task import Task
from ttt.parts import DATASETS, LOSSES, MODELS, build_metrics
from ttt.settings import TrainingConfig


def assemble(config: TrainingConfig) -> Task:
    """Open the data and build the model and its loss; the first weights depend on ``config.seed`` alone."""
    data = DATASETS.build(config.data, config=config)
    seed_everything(config.seed)
    model = MODELS.build(config.model, spec=data.spec)
    loss = LOSSES.build(config.loss, model=model, spec=data.spec, train=data.train, batch_size=config.train.batch_size)
    metrics = partial(build_metrics, config.metrics.names, data.spec)
    return Task(model, loss, data.train, data.val, metrics, data.spec)
