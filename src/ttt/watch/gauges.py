"""``metrics.prom``: the present figures of a run in the Prometheus text format.

node-exporter's textfile collector, or any web server, hands the file to Prometheus, and
``configs/ttt_alert_rules.yml`` has the rules that raise alerts on it.
"""

from collections.abc import Mapping
from pathlib import Path

from prometheus_client import CollectorRegistry, Gauge, write_to_textfile

from ttt.engine.errors import saving

_HELP = {
    "epoch": "Epochs completed",
    "train_loss": "Mean training loss of the last epoch",
    "val_loss": "Validation loss of the last epoch",
    "lr": "Learning rate of the last step",
    "best_score": "Best value so far of the monitored figure",
    "epochs_since_best": "Epochs since the best score",
    "alert_patience": "Epochs without a better score that raise an alert",
}


def write_gauges(path: Path, run_dir: Path, values: Mapping[str, float]) -> None:
    """Replace ``path`` by ``values``, which are named as in ``_HELP``, for the run in ``run_dir``."""
    registry = CollectorRegistry()
    run = "/".join(run_dir.resolve().parts[-2:])
    for name, value in values.items():
        Gauge(f"ttt_{name}", _HELP[name], ["run"], registry=registry).labels(run).set(value)
    with saving(path):
        write_to_textfile(str(path), registry)
