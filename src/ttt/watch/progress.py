"""Progress of a training for people: a bar on a terminal, plain lines in a log file."""

import logging
import sys
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from tqdm import tqdm

from ttt.log import LOG

_LINE_SECONDS = 60.0
_LOSS_SECONDS = 0.5


class Progress:
    """Shows loss, learning rate, samples a second and the time left.

    On a terminal a bar runs through each epoch. Elsewhere there is a line after each epoch, and one a minute
    within an epoch.
    """

    def __init__(self, epochs: int, samples_per_epoch: int, samples_done: int) -> None:
        self._epochs, self._per_epoch = epochs, samples_per_epoch
        self._done, self._started_with = samples_done, samples_done
        self._started = self._shown = time.monotonic()
        self._is_terminal = sys.stderr.isatty()
        self._bar: tqdm[Any] | None = None

    def advance(self, samples: int, epoch: int) -> bool:
        """Count the samples of a step in ``epoch`` (from 1); whether `show` should be called, which needs the loss."""
        if self._is_terminal and self._bar is None:
            self._bar = tqdm(
                desc=f"epoch {epoch}/{self._epochs}",
                total=self._per_epoch,
                initial=self._done - (epoch - 1) * self._per_epoch,
                unit="sample",
                leave=False,
                dynamic_ncols=True,
            )
        self._done += samples
        if self._bar is not None:
            self._bar.update(samples)
        wait = _LOSS_SECONDS if self._is_terminal else _LINE_SECONDS
        return time.monotonic() - self._shown >= wait

    def show(self, loss: float, lr: float, step: int) -> None:
        """Show how the epoch under way is going."""
        self._shown = time.monotonic()
        if self._bar is not None:
            self._bar.set_postfix_str(f"loss {loss:.4g}, lr {lr:.3g}, {self._time_left()} left in all")
        else:
            LOG.info(
                "step %d: loss %.4g, lr %.3g, %.0f samples/s, %s left",
                *(step, loss, lr, self.rate, self._time_left()),
            )

    def end_epoch(self, epoch: int, figures: Mapping[str, float], best: str) -> None:
        """Report an epoch."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None
        self._shown = time.monotonic()
        listed = ", ".join(f"{name} {value:.4g}" for name, value in figures.items())
        LOG.info(
            "epoch %d/%d: %s, %s, %.0f samples/s, %s left",
            *(epoch, self._epochs, listed, best, self.rate, self._time_left()),
        )

    @property
    def rate(self) -> float:
        """Training samples a second since the start, validation and saving included."""
        return (self._done - self._started_with) / max(time.monotonic() - self._started, 1e-9)

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()

    def _time_left(self) -> str:
        rest = self._epochs * self._per_epoch - self._done
        return str(timedelta(seconds=round(rest / self.rate))) if self.rate > 0 else "unknown time"


class _BesideBars(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        tqdm.write(self.format(record), file=sys.stderr)


def log_to_stderr(*, quiet: bool = False) -> None:
    """Send the template's log to standard error, above any bar; only errors where ``quiet``."""
    if not LOG.handlers:
        LOG.addHandler(_BesideBars())
        LOG.setLevel(logging.ERROR if quiet else logging.INFO)
