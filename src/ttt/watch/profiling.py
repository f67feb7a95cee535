"""Measure some steps of a training with torch's profiler, see ``--profile``."""

import sys
from collections.abc import Callable
from typing import Final

import torch
from torch.profiler import ProfilerActivity, profile

from ttt.engine.checkpoint import TrainingProgress
from ttt.engine.logger import Logger, Run
from ttt.log import LOG

_UNMEASURED: Final = 3
"""First steps, which load and compile what later ones have."""
_MEASURED: Final = 10
_ROWS: Final = 25


class Profiler(Logger):
    """Measures, in the first process, and says where the measurement is."""

    def __init__(self) -> None:
        self._profiler: profile | None = None
        self._steps = 0

    def start(self, run: Run) -> None:
        """See `Logger`; a training of few steps is measured from the first one on."""
        self._artifacts = run.folder.artifacts
        activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if torch.cuda.is_available() else [])]
        self._profiler = profile(activities=activities)
        train = run.config.train
        steps = (train.epochs * run.samples_per_epoch - run.samples_done) / (train.batch_size * train.accumulate)
        self._unmeasured = _UNMEASURED if steps > _UNMEASURED else 0
        if not self._unmeasured:
            self._profiler.start()

    def batch(self, place: TrainingProgress, samples: int, loss: Callable[[], float]) -> None:  # noqa: ARG002 - of `Logger`
        """See `Logger`."""
        self._steps += 1
        if self._profiler is not None and self._steps == self._unmeasured:
            self._profiler.start()
        if self._steps == self._unmeasured + _MEASURED:
            self._report()

    def end(self) -> None:
        """See `Logger`."""
        self._report()

    def _report(self) -> None:
        profiler, self._profiler = self._profiler, None
        if profiler is None or self._steps <= self._unmeasured:
            return
        profiler.stop()
        trace = self._artifacts / "profile_trace.json"
        profiler.export_chrome_trace(str(trace))
        device = "cuda" if torch.cuda.is_available() else "cpu"
        table = profiler.key_averages().table(sort_by=f"self_{device}_time_total", row_limit=_ROWS)
        first, last = self._unmeasured + 1, self._steps
        sys.stdout.write(f"steps {first} to {last} of this call:\n{table}\n")
        LOG.info("profile: the course of these steps, for ui.perfetto.dev or chrome://tracing: %s", trace)
