"""`dvclive`: tables of every figure in ``dvclive/`` of the run, for DVC's extension of an editor."""

import shutil
from pathlib import Path

from ttt.config import ConfigError
from ttt.engine.logger import Logger, Record, Run, figures_of
from ttt.loggers.extras import package_of
from ttt.parts import LOGGERS


@LOGGERS.register("dvclive")
class DvcLive(Logger):
    """Figures ``steps/*`` and ``epochs/*`` by optimizer step; it makes no experiment and no dvc.yaml of its own."""

    keeps = True

    def __init__(self, folder: Path) -> None:
        """Raises ConfigError where the package is not installed, or there is no DVC repository: it would make one."""
        self._package = package_of("dvclive", "dvclive")
        try:
            package_of("dvclive", "dvc.repo").Repo.find_root()
        except package_of("dvclive", "dvc.exceptions").NotDvcRepoError as error:
            problem = "dvclive: this folder is in no DVC repository; make one (dvc init), or take dvclive out"
            raise ConfigError("train.loggers", [problem]) from error
        self._folder = folder / "dvclive"

    def start(self, _: Run) -> None:
        """See `Logger`."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._live = self._package.Live(str(self._folder), save_dvc_exp=False, dvcyaml=None, report=None)

    def step(self, record: Record) -> None:
        """See `Logger`."""
        self._log("steps/", record)

    def epoch(self, record: Record) -> None:
        """See `Logger`."""
        self._log("epochs/", record)
        self._live.make_summary()

    def end(self) -> None:
        """See `Logger`."""
        self._live.end()

    def _log(self, prefix: str, record: Record) -> None:
        self._live.step = record["step"]
        for name, value in figures_of(record, prefix).items():
            self._live.log_metric(name, value)
