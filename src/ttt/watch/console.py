"""Progress of a training on standard error."""

import math
from collections.abc import Callable

from ttt.engine.checkpoint import TrainingProgress
from ttt.engine.logger import Logger, Record, Run, figures_of
from ttt.log import LOG
from ttt.watch.progress import Progress


class Console(Logger):
    """Shows people a bar on a terminal, and lines in a log file: see `Progress`."""

    def start(self, run: Run) -> None:
        """See `Logger`."""
        self._monitor = run.config.ckpt.monitor
        self._progress = Progress(run.config.train.epochs, run.samples_per_epoch, run.samples_done)

    def batch(self, place: TrainingProgress, samples: int, loss: Callable[[], float]) -> None:
        """See `Logger`."""
        if self._progress.advance(samples, place.epoch + 1):
            self._progress.show(loss(), place.lr, place.step)

    def epoch(self, record: Record) -> None:
        """See `Logger`."""
        figures = figures_of(record)
        if record["step"] == 0:
            del figures["lr"], figures["train_loss"]
            LOG.info("before the first step: %s", ", ".join(f"{name} {value:.4g}" for name, value in figures.items()))
            return
        best_score = math.nan if record["best_score"] is None else record["best_score"]
        best = f"best {self._monitor} {best_score:.4g} in epoch {record['best_epoch']}"
        self._progress.end_epoch(record["epoch"], figures, best)

    def end(self) -> None:
        """See `Logger`."""
        self._progress.close()
