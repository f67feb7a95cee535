"""From a configuration to the parts that it names."""

from functools import partial

from ttt.engine.plain_samples import as_batches
from ttt.engine.randomness import seed_everything
from ttt.engine.task import Task
from ttt.parts import DATASETS, LOSSES, MODELS, build_metrics
from ttt.settings import TrainingConfig


def assemble(config: TrainingConfig) -> Task:
    """Open the data and build the model and its loss; the first weights depend on ``config.seed`` alone."""
    data = DATASETS.build(config.data, config=config)
    train, val = as_batches(data.train), as_batches(data.val)
    seed_everything(config.seed)
    model = MODELS.build(config.model, spec=data.spec)
    loss = LOSSES.build(config.loss, model=model, spec=data.spec, train=train, batch_size=config.train.batch_size)
    return Task(model, loss, train, val, partial(build_metrics, config.metrics.names, data.spec), data.spec)
