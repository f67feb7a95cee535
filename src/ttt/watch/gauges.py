"""``metrics.prom``: the present figures of a run in the Prometheus text format.

node-exporter's textfile collector, or any web server, hands the file to Prometheus, and
``configs/ttt_alert_rules.yml`` has the rules that raise alerts on it.
"""

import math

from prometheus_client import CollectorRegistry, Gauge, write_to_textfile

from ttt.engine.logger import Logger, Record, Run

_HELP = {
    "epoch": "Epochs completed",
    "train_loss": "Mean training loss of the last epoch",
    "val_loss": "Validation loss of the last epoch",
    "lr": "Learning rate of the last step",
    "best_score": "Best value so far of the monitored figure",
    "epochs_since_best": "Epochs since the best score",
    "alert_patience": "Epochs without a better score that raise an alert",
}


class Gauges(Logger):
    """Replaces ``metrics.prom`` after each epoch, and where a loss that is no number ends the training."""

    def start(self, run: Run) -> None:
        """See `Logger`."""
        self._path = run.folder.gauges
        self._run = "/".join(run.folder.path.resolve().parts[-2:])
        self._values: dict[str, float] = {"alert_patience": run.config.alerts.patience}

    def epoch(self, record: Record) -> None:
        """See `Logger`; before the first step there is no training loss, and nothing to raise an alert on."""
        if record["step"] > 0:
            self._values |= {name: record[name] for name in _HELP if record.get(name) is not None}
            self._values["epochs_since_best"] = record["epoch"] - record["best_epoch"]
            self._write()

    def alert(self, record: Record) -> None:
        """See `Logger`; of an epoch that was broken off because of it the loss is no number."""
        if record["alert"] == "not_finite" and record["epoch"] > self._values.get("epoch", 0):
            self._values["train_loss"] = math.nan
            self._write()

    def _write(self) -> None:
        registry = CollectorRegistry()
        for name, value in self._values.items():
            Gauge(f"ttt_{name}", _HELP[name], ["run"], registry=registry).labels(self._run).set(value)
        write_to_textfile(str(self._path), registry)
