"""Watch a training for people and monitors: progress on standard error, alerts, and gauges for Prometheus."""

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path

from ttt.engine.checkpoint import TrainingProgress
from ttt.engine.run_folder import RunFolder
from ttt.engine.watching import Records
from ttt.settings import TrainingConfig
from ttt.watch.alerts import Alert, alerts_of_epoch, raise_alert
from ttt.watch.gauges import write_gauges
from ttt.watch.progress import Progress

_GAUGES = ("train_loss", "val_loss")


class ConsoleWatch:
    """A `ttt.engine.watching.Watch`. Beside the process that speaks for all it says nothing."""

    def __init__(self) -> None:
        self._config: TrainingConfig | None = None

    def start(
        self, config: TrainingConfig, run_dir: Path, samples_per_epoch: int, samples_done: int, *, is_first: bool
    ) -> None:
        """See `Watch`."""
        self._config, self._folder, self._speaks = config, RunFolder(run_dir), is_first
        self._progress = Progress(config.train.epochs, samples_per_epoch, samples_done, shown=is_first)

    def start_epoch(self, epoch: int, samples_done: int) -> None:
        """See `Watch`."""
        self._progress.start_epoch(epoch, samples_done)

    def after_step(self, place: TrainingProgress, samples: int, loss: Callable[[], float]) -> None:
        """See `Watch`."""
        if self._progress.advance(samples):
            self._progress.show(loss(), place.lr, place.step)

    def alerts(self, place: TrainingProgress, metrics: Mapping[str, float], problem: str | None = None) -> Records:
        """Say them in the log and to the user's command; see `Watch`."""
        if not self._speaks:
            return ()
        assert self._config is not None
        if problem is None:
            found = alerts_of_epoch(place, metrics, self._config.alerts.patience)
        else:
            found = [Alert("not_finite", place.epoch + 1, place.step, problem)]
            self._write_gauges(place, metrics)
        for alert in found:
            raise_alert(alert, self._config.alerts, self._folder.path)
        return [asdict(alert) for alert in found]

    def end_epoch(self, place: TrainingProgress, metrics: Mapping[str, float]) -> None:
        """See `Watch`."""
        self._write_gauges(place, metrics)
        assert self._config is not None
        best_score = math.nan if place.best_score is None else place.best_score
        best = f"best {self._config.ckpt.monitor} {best_score:.4g} in epoch {place.best_epoch}"
        self._progress.end_epoch(place.epoch, {**metrics, "lr": place.lr}, best)

    def close(self) -> None:
        """See `Watch`."""
        self._progress.close()

    def _write_gauges(self, place: TrainingProgress, metrics: Mapping[str, float]) -> None:
        if not self._speaks:
            return
        assert self._config is not None
        values: dict[str, float] = {name: metrics[name] for name in _GAUGES if name in metrics}
        values |= {"epoch": place.epoch, "lr": place.lr, "epochs_since_best": place.epoch - place.best_epoch}
        values |= {"alert_patience": self._config.alerts.patience}
        values |= {} if place.best_score is None else {"best_score": place.best_score}
        write_gauges(self._folder.gauges, self._folder.path, values)
