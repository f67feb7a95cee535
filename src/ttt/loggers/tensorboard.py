"""`tensorboard`: event files in ``tensorboard/`` of the run, for ``tensorboard --logdir runs``."""

import shutil
from pathlib import Path

from ttt.engine.logger import Logger, Record, Run, figures_of
from ttt.loggers.extras import package_of
from ttt.parts import LOGGERS


@LOGGERS.register("tensorboard")
class TensorBoard(Logger):
    """Scalars ``steps/*`` and ``epochs/*`` by optimizer step, and alerts as text."""

    keeps = True

    def __init__(self, folder: Path) -> None:
        """Raises ConfigError where the package is not installed."""
        package_of("tensorboard", "tensorboard")
        self._writers = package_of("tensorboard", "torch.utils.tensorboard")
        self._folder = folder / "tensorboard"

    def start(self, _: Run) -> None:
        """See `Logger`."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._writer = self._writers.SummaryWriter(self._folder)

    def step(self, record: Record) -> None:
        """See `Logger`."""
        self._add("steps/", record)

    def epoch(self, record: Record) -> None:
        """See `Logger`; written to the disk, so that a page that is open shows it."""
        self._add("epochs/", record)
        self._writer.flush()

    def alert(self, record: Record) -> None:
        """See `Logger`."""
        self._writer.add_text(f"alert/{record['alert']}", record["message"], record["step"])

    def end(self) -> None:
        """See `Logger`."""
        self._writer.close()

    def _add(self, prefix: str, record: Record) -> None:
        for name, value in figures_of(record, prefix).items():
            self._writer.add_scalar(name, value, record["step"])
