"""The text of the report: results in tables, the pictures, and how each figure is defined."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from tabulate import tabulate

from emfm.evaluation.baselines import DESCRIPTIONS
from emfm.evaluation.figures import DEFINITIONS
from emfm.evaluation.ledger import Look
from emfm.evaluation.results import (
    BaselineResult,
    Figures,
    MilestoneResults,
    ModelResult,
    NotOpened,
    SetResults,
)
from emfm.physics.channels import TARGET_CHANNELS, UNITS
from emfm.report.numbers import four_digits

_COLUMNS = {
    "rel_l2_e": "rel. L2 E",
    "rel_l2_e_p95": "E, p95",
    "rel_l2_h": "rel. L2 H",
    "rel_l2_h_p95": "H, p95",
    "rmse_e_mean": "RMSE E [V/m]",
    "rmse_h_mean": "RMSE H [A/m]",
    "val_mse": "MSE, raw channels",
}
_SHOWN_HASH_DIGITS = 12

R = TypeVar("R", ModelResult, BaselineResult)


@dataclass(frozen=True)
class Pictures:
    """The pictures of the report, as links relative to its own folder."""

    loss_curves: str
    scaling_curve: str
    channel_errors: str
    field_maps: Mapping[str, str]
    """By sample ID."""


def render_report(
    val: SetResults, test: MilestoneResults | NotOpened, looks: Sequence[Look], pictures: Pictures
) -> str:
    """The report in Markdown. It holds no time, path or host: the same results give the same text.

    Args:
        val: stages and baselines on val_fixed.
        test: milestones on test_final, or that it was not opened.
        looks: the ledger of test_final; only their number is shown.
        pictures: what to link.
    """
    sections = [
        "# Results",
        "## At a glance",
        _glance(val, test),
        f"## Stages and baselines on {val.set}",
        f"{_count(val.samples, 'sample')}, the same for every row.",
        _set_table(val),
        _baselines(val),
        f"![Relative error against training samples]({pictures.scaling_curve})",
        "## Milestones on test_final",
        _milestones(test, looks),
        f"## Root mean square error by channel on {val.set}",
        _channel_table({**val.models, **val.baselines}),
        f"![Root mean square error by channel]({pictures.channel_errors})",
        "## Training",
        f"![Loss by epoch]({pictures.loss_curves})",
        f"## Fixed samples of {val.set}",
        *(f"![Fields of sample {sample}]({link})" for sample, link in pictures.field_maps.items()),
        "## How the figures are defined",
        "Over all samples and points of a set, in double precision; never a mean of batch means.",
        _definitions(),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _glance(val: SetResults, test: MilestoneResults | NotOpened) -> str:
    stage, model = _lowest(val.models)
    lines = [
        f"Best stage on {val.set}: **{stage}**, trained on {_count(model.train_samples, 'sample')}; "
        f"{_errors(model.figures)}."
    ]
    if val.baselines:
        name, baseline = _lowest(val.baselines)
        ratio_e = four_digits(model.figures.rel_l2_e / baseline.figures.rel_l2_e)
        ratio_h = four_digits(model.figures.rel_l2_h / baseline.figures.rel_l2_h)
        lines.append(
            f"Best baseline on {val.set}: **{name}**; {_errors(baseline.figures)}. The errors of {stage} are "
            f"{ratio_e} (E) and {ratio_h} (H) times as large."
        )
    if isinstance(test, NotOpened):
        lines.append("test_final: not opened.")
    else:
        lines += [f"On test_final: **{name}**; {_errors(result.figures)}." for name, result in test.models.items()]
    lines.append("Best is the lowest sum of both errors; each is the median over the set's samples.")
    return "\n".join(f"- {line}" for line in lines)


def _milestones(test: MilestoneResults | NotOpened, looks: Sequence[Look]) -> str:
    count = f"Looks at test_final in its ledger so far, each model counted once: {len(looks)}."
    if isinstance(test, NotOpened):
        return (
            "test_final was not opened: the training parameters differ from the promoted ones under "
            f"`milestone` in `params.yaml`. {count}"
        )
    if not test.models:
        return f"No stage is a milestone under `milestone` in `params.yaml`. {count}"
    return f"{_count(test.samples, 'sample')}. {count}\n\n{_set_table(test)}"


def _baselines(results: SetResults) -> str:
    """What each baseline is, a line each."""
    lines = [f"- {name}: {DESCRIPTIONS[name]}." for name in results.baselines if name in DESCRIPTIONS]
    return "\n".join(lines)


def _set_table(results: SetResults) -> str:
    rows = [
        [
            stage,
            f"{model.train_samples:,}",
            *_cells(model.figures),
            model.checkpoint_sha256[:_SHOWN_HASH_DIGITS],
        ]
        for stage, model in results.models.items()
    ]
    rows += [[name, "", *_cells(baseline.figures), ""] for name, baseline in results.baselines.items()]
    headers = ["", "training samples", *_COLUMNS.values(), "checkpoint"]
    return _table(rows, headers)


def _channel_table(results: Mapping[str, ModelResult | BaselineResult]) -> str:
    rows = [
        [
            f"{name} [{UNITS[name[0]]}]",
            *(four_digits(result.rmse_per_channel[name]) for result in results.values()),
        ]
        for name in TARGET_CHANNELS
    ]
    return _table(rows, ["channel", *results])


def _definitions() -> str:
    lines = [f"- `{name}` ({_COLUMNS[name]}): {text}." for name, text in DEFINITIONS.items()]
    lines.append("- `rmse_per_channel`: root mean square error over samples and points, V/m or A/m.")
    return "\n".join(lines)


def _table(rows: list[list[str]], headers: list[str]) -> str:
    align = ["left", *["right"] * (len(headers) - 1)]
    return tabulate(rows, headers, tablefmt="pipe", disable_numparse=True, colalign=align)


def _cells(figures: Figures) -> list[str]:
    return [four_digits(getattr(figures, name)) for name in _COLUMNS]


def _errors(figures: Figures) -> str:
    return f"relative L2 error {four_digits(figures.rel_l2_e)} of E, {four_digits(figures.rel_l2_h)} of H"


def _lowest(results: Mapping[str, R]) -> tuple[str, R]:
    """The name and the result with the lowest sum of the relative errors of E and H."""
    name = min(results, key=lambda key: results[key].figures.rel_l2_e + results[key].figures.rel_l2_h)
    return name, results[name]


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
