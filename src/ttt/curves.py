"""Loss curves of runs: from ``metrics.jsonl`` to a tidy table and a figure."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ttt.config import UserError
from ttt.engine.journal import read_records

_PLACE = ("kind", "epoch", "step")


@dataclass(frozen=True)
class Run:
    """A run's name in plots and what its journal holds."""

    name: str
    records: list[dict[str, Any]]

    def series(self, kind: str, figure: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Steps and values of a figure in lines of a kind, where it is a number."""
        found = [
            (record["step"], record[figure])
            for record in self.records
            if record["kind"] == kind and record.get(figure) is not None
        ]
        steps, values = zip(*found, strict=True) if found else ((), ())
        return np.array(steps, np.float64), np.array(values, np.float64)


def read_runs(folders: Sequence[Path]) -> list[Run]:
    """The runs in ``folders``, named by the last parts of their paths that differ.

    Raises UserError for a folder without a journal, or with a damaged or empty one.
    """
    runs = []
    for folder, name in zip(folders, _short_names(folders), strict=True):
        path = folder / "metrics.jsonl"
        try:
            records = read_records(path)
        except (OSError, ValueError) as error:
            reason = "no such file: is this a run folder?" if isinstance(error, FileNotFoundError) else str(error)
            raise UserError(f"{path}: {reason}") from error
        if not any(record["kind"] in ("step", "epoch") for record in records):
            raise UserError(f"{path}: holds no step and no epoch yet")
        runs.append(Run(name, records))
    return runs


def smoothed(values: NDArray[np.float64], window: int) -> NDArray[np.float64]:
    """At each value the mean of ``window`` values around it, of fewer at the ends."""
    before, after = (window - 1) // 2, window // 2 + 1
    return np.array([values[max(i - before, 0) : i + after].mean() for i in range(len(values))])


def tidy_csv(runs: Sequence[Run]) -> str:
    """All figures as logged, unsmoothed, a row a value: run, kind, epoch, step, figure, value."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["run", *_PLACE, "figure", "value"])
    for run in runs:
        for record in run.records:
            if record["kind"] in ("step", "epoch"):
                writer.writerows([run.name, *place, figure, value] for place, figure, value in _values(record))
    return buffer.getvalue()


def loss_figure(runs: Sequence[Run], smooth: int, title: str | None, log_axis: bool) -> Figure:
    """Training loss by step, raw and smoothed, and validation loss by epoch; below them the learning rate."""
    figure, (losses, rates) = plt.subplots(
        2, 1, figsize=(9, 6.5), sharex=True, height_ratios=(3, 1), layout="constrained"
    )
    colours = plt.get_cmap("tab10")
    for index, run in enumerate(runs):
        _draw_run(losses, rates, run, colours(index % 10), smooth)
    if title:
        figure.suptitle(title)
    losses.set_ylabel("loss")
    rates.set_ylabel("learning rate")
    rates.set_xlabel("step")
    if log_axis:
        losses.set_yscale("log")
    for axes in (losses, rates):
        axes.grid(alpha=0.3)
    losses.legend(loc="upper right", fontsize="small")
    return figure


def _draw_run(losses: Axes, rates: Axes, run: Run, colour: Any, smooth: int) -> None:
    steps, values = run.series("step", "loss")
    if len(steps):
        if smooth > 1:
            losses.plot(steps, values, color=colour, alpha=0.2, linewidth=0.8)
        label = f"{run.name}: training" + (f", mean of {smooth}" if smooth > 1 else "")
        losses.plot(steps, smoothed(values, smooth), color=colour, linewidth=1.5, label=label)
        rates.plot(*run.series("step", "lr"), color=colour, linewidth=1.2)
    ends, val = run.series("epoch", "val_loss")
    losses.plot(ends, val, color=colour, linestyle="--", marker="o", markersize=3, label=f"{run.name}: validation")


def _values(record: dict[str, Any]) -> Iterator[tuple[list[Any], str, Any]]:
    place = [record[key] for key in _PLACE]
    for figure, value in record.items():
        if figure not in _PLACE:
            yield place, figure, "" if value is None else value


def _short_names(folders: Sequence[Path]) -> list[str]:
    """The run's name, with that of its experiment where there are several, or as much as tells them apart."""
    paths = [folder.resolve().parts for folder in folders]
    shortest = 1 if len({parts[:-1] for parts in paths}) == 1 else 2
    for length in range(shortest, max(len(parts) for parts in paths)):
        names = ["/".join(parts[-length:]) for parts in paths]
        if len(set(names)) == len(set(paths)):
            return names
    return [str(folder) for folder in folders]
