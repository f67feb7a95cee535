"""`mlflow`: a run of the experiment ``MLFLOW_EXPERIMENT_NAME`` at ``MLFLOW_TRACKING_URI``.

Both are MLflow's own variables: without them it is the experiment "Default" in ``mlflow.db`` of the present folder.
"""

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from ttt.engine.logger import Logger, Record, Run, figures_of
from ttt.loggers.extras import package_of
from ttt.parts import LOGGERS

_MOST_AT_ONCE: Final = 1000
"""Figures that MLflow takes in one message."""

_QUIET_AND_QUICK: Final = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2"}
"""No report on the use of MLflow; a server that is away is given up in seconds, not minutes: a training waits."""


@LOGGERS.register("mlflow")
class MLflow(Logger):
    """Figures ``steps/*`` and ``epochs/*`` by optimizer step, the configuration as parameters, the last alert as a tag.

    They are sent after each epoch. A training that goes on has a new run in the place of the one that it had, which
    MLflow keeps among those that were deleted.
    """

    keeps = True

    def __init__(self, folder: Path) -> None:
        """Raises ConfigError where the package is not installed."""
        for name, value in _QUIET_AND_QUICK.items():
            os.environ.setdefault(name, value)
        package_of("mlflow", "mlflow")
        self._tracking = package_of("mlflow", "mlflow.tracking")
        self._entities = package_of("mlflow", "mlflow.entities")
        self._note = folder / "mlflow_run_id"
        self._waiting: list[Any] = []

    def start(self, run: Run) -> None:
        """See `Logger`."""
        self._client = self._tracking.MlflowClient()
        if self._note.exists():
            self._client.delete_run(self._note.read_text(encoding="utf-8"))
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME", "Default")
        experiment = self._client.get_experiment_by_name(name)
        number = experiment.experiment_id if experiment else self._client.create_experiment(name)
        self._run = self._client.create_run(number, run_name=run.folder.path.name).info.run_id
        self._note.parent.mkdir(parents=True, exist_ok=True)
        self._note.write_text(self._run, encoding="utf-8")
        params = [self._entities.Param(key, str(value)) for key, value in _flat(run.config.to_mapping())]
        self._client.log_batch(self._run, params=params)

    def step(self, record: Record) -> None:
        """See `Logger`."""
        self._add("steps/", record)

    def epoch(self, record: Record) -> None:
        """See `Logger`."""
        self._add("epochs/", record)
        self._send()

    def alert(self, record: Record) -> None:
        """See `Logger`."""
        self._client.set_tag(self._run, f"alert.{record['alert']}", f"step {record['step']}: {record['message']}")

    def end(self) -> None:
        """See `Logger`."""
        self._send()
        self._client.set_terminated(self._run)

    def _add(self, prefix: str, record: Record) -> None:
        metric, now = self._entities.Metric, round(time.time() * 1000)
        self._waiting += [metric(*figure, now, record["step"]) for figure in figures_of(record, prefix).items()]

    def _send(self) -> None:
        while self._waiting:
            self._client.log_batch(self._run, metrics=self._waiting[:_MOST_AT_ONCE])
            del self._waiting[:_MOST_AT_ONCE]


def _flat(mapping: Mapping[str, Any], path: str = "") -> list[tuple[str, Any]]:
    """The plain values of nested mappings by dotted key."""
    found = []
    for key, value in mapping.items():
        found += _flat(value, f"{path}{key}.") if isinstance(value, Mapping) else [(f"{path}{key}", value)]
    return found
