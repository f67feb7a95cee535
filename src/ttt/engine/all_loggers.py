"""All loggers of a training as one: the journal, which must not fail, and others, which may."""

from collections.abc import Callable, Sequence

import torch

from ttt.engine.checkpoint import TrainingProgress
from ttt.engine.journal import Journal, NoJournal, read_records
from ttt.engine.logger import Logger, Record, Run
from ttt.engine.randomness import undisturbed
from ttt.log import LOG

_CPU = torch.device("cpu")


class AllLoggers(Logger):
    """Tells the journal first, then the others. One of those that fails is warned of, and told nothing more."""

    def __init__(self, journal: Journal | NoJournal, others: Sequence[Logger]) -> None:
        self.journal = journal
        self._others = list(others)

    def start(self, run: Run) -> None:
        """See `Logger`."""
        self._tell_undisturbed(lambda logger: logger.start(run))
        self._tell_undisturbed(lambda logger: _tell_again(logger, self.journal) if logger.keeps else None)

    def batch(self, place: TrainingProgress, samples: int, loss: Callable[[], float]) -> None:
        """See `Logger`."""
        self._tell(lambda logger: logger.batch(place, samples, loss))

    def step(self, record: Record) -> None:
        """See `Logger`; raises SaveError where the journal cannot be written."""
        self.journal.write("step", record)
        self._tell_undisturbed(lambda logger: logger.step(record))

    def epoch(self, record: Record) -> None:
        """See `Logger`; raises SaveError where the journal cannot be written."""
        self.journal.write("epoch", record)
        self._tell_undisturbed(lambda logger: logger.epoch(record))

    def alert(self, record: Record) -> None:
        """See `Logger`; raises SaveError where the journal cannot be written."""
        self.journal.write("alert", record)
        self._tell_undisturbed(lambda logger: logger.alert(record))

    def end(self) -> None:
        """See `Logger`."""
        self._tell_undisturbed(lambda logger: logger.end())

    def _tell_undisturbed(self, tell: Callable[[Logger], None]) -> None:
        """Tell all, and have the training draw the random numbers that it would draw without them."""
        with undisturbed(_CPU):
            self._tell(tell)

    def _tell(self, tell: Callable[[Logger], None]) -> None:
        for logger in list(self._others):
            try:
                tell(logger)
            except Exception as error:
                self._others.remove(logger)
                LOG.warning("logger %s: %s; the training goes on without it", type(logger).__name__, error)


def _tell_again(logger: Logger, journal: Journal | NoJournal) -> None:
    """Tell a logger what a journal holds."""
    for record in read_records(journal.path) if isinstance(journal, Journal) else ():
        told = {key: value for key, value in record.items() if key != "kind"}
        if record["kind"] == "step":
            logger.step(told)
        elif record["kind"] == "epoch":
            logger.epoch(told)
        elif record["kind"] == "alert":
            logger.alert(told)
