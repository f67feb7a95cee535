"""Loss curves of runs: from ``metrics.jsonl`` to a tidy table and a figure."""

import csv
import io
import json
import math
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
_DRAWN = ("step", "epoch")


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
        except OSError as error:
            is_missing = isinstance(error, FileNotFoundError)
            reason = "no such file: is this a run folder?" if is_missing else f"cannot be read ({error.strerror})"
            raise UserError(f"{path}: {reason}") from error
        except ValueError as error:
            raise UserError(str(error)) from error
        if not any(record["kind"] in _DRAWN for record in records):
            raise UserError(f"{path}: holds no step and no epoch yet")
        runs.append(Run(name, [_checked(record, path, line) for line, record in enumerate(records, start=1)]))
    return runs


def _checked(record: dict[str, Any], path: Path, line: int) -> dict[str, Any]:
    """A record whose place and figures are numbers; raises UserError naming the line and what is wrong with it.

    NaN and infinite figures, which other programs may write, are None, as in a journal of ours.
    """
    if record["kind"] not in _DRAWN:
        return record
    here = f"{path}: line {line}"
    for key in ("epoch", "step"):
        if key not in record:
            raise UserError(f"{here}: has no '{key}'")
        if type(record[key]) is not int or not 0 <= record[key] < 2**63:
            raise UserError(f"{here}: '{key}' is {_shown(record[key])}; needs a whole number from 0 on")
    return record | {name: _figure(name, record[name], here) for name in record if name not in _PLACE}


def _figure(name: str, value: Any, here: str) -> int | float | None:
    if not name.isprintable():
        raise UserError(f"{here}: the figure {_shown(name)} has no name that can be printed")
    if value is not None and type(value) not in (int, float):
        raise UserError(f"{here}: '{name}' is {_shown(value)}; needs a number, or null")
    try:
        is_finite = value is not None and math.isfinite(value)
    except OverflowError:
        raise UserError(f"{here}: '{name}' is {_shown(value)}; needs a number that 64 bits hold") from None
    return value if is_finite else None


def _shown(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def window_for(wanted: int, count: int) -> int:
    """The number of values to take the mean of, out of ``count``: ``wanted``, or 1.5 sqrt(count) where that is less.

    So a short series keeps its shape, and a window of 20 is reached by 178 values.
    """
    return max(1, min(wanted, int(1.5 * math.sqrt(count))))


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
            if record["kind"] in _DRAWN:
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
        window = window_for(smooth, len(values))
        if window > 1:
            losses.plot(steps, values, color=colour, alpha=0.2, linewidth=0.8)
        label = f"{run.name}: training" + (f", mean of {window}" if window > 1 else "")
        losses.plot(steps, smoothed(values, window), color=colour, linewidth=1.5, label=label)
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
