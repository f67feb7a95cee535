"""What the report page shows, as typed objects: tables and cards of results, curves, and fields of samples."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.colors import to_hex
from numpy.typing import NDArray

from emfm.core.channels import E_CHANNELS, E_COMPONENTS, H_CHANNELS, H_COMPONENTS, TARGET_COMPONENTS, UNITS, Channels
from emfm.core.grid import Geometry, Grid
from emfm.plot.cells import ABOUT_INTERVALS, metric_cells
from emfm.plot.compared import ABOUT_COMPARISONS, comparison_table
from emfm.plot.curves import SHOWN_BASELINES, kept_epoch
from emfm.plot.further import group_tables, noise_table, sets_table, strength_table
from emfm.plot.numbers import NO_VALUE
from emfm.plot.references import CaseTable, about_dipoles, case_tables
from emfm.plot.stored_fields import StoredField, stored
from emfm.plot.summary import about_milestones, highlights
from emfm.plot.text import Table, count
from emfm.plot.trust_tables import NO_TRUST, noise_trust_table, sets_trust_table, trust_table
from emfm.results.best import by_errors
from emfm.results.definitions import BASELINES
from emfm.results.ledger import Look, looks_at
from emfm.results.pictured import PicturedFields
from emfm.results.schema import (
    Interval,
    Metrics,
    MilestoneResults,
    ModelResult,
    NotOpened,
    Result,
    SetResults,
    ValResults,
    columns,
    definitions,
)

COLUMNS: Final = columns("errors") | columns("strength")
"""Metrics of the page's tables by their column."""

COLOUR_MAPS: Final = {
    "strength": "viridis",
    "signed": "RdBu_r",
    "phase": "twilight",
    "error": "magma",
    "signed_error": "PuOr_r",
}
"""Colour maps of matplotlib that colour-blind readers can read; the errors' are unlike the fields'."""

_COLOURS_OF_A_MAP: Final = 65
_MM: Final = 1e3
_GHZ: Final = 1e-9


@dataclass(frozen=True)
class Card:
    """One result at a glance."""

    label: str
    value: str
    text: str


@dataclass(frozen=True)
class Definition:
    """What a figure means: its name in the JSON files, the head of its column, and the text."""

    name: str
    head: str
    text: str


@dataclass(frozen=True)
class Overview:
    """The text of the page."""

    facts: list[str]
    """Frequency and planes, a sentence each."""
    cards: list[Card]
    val_set: str
    """Its name and size."""
    val: Table
    strength: Table
    """Errors of the field's strength, and Maxwell's equations."""
    compared: Table
    """Stages and baselines sample by sample; no rows where nothing was compared."""
    about_compared: str
    sets: Table
    """The sets beside val_fixed."""
    noise: Table
    """Errors with noise in the scan; no rows where none was asked for."""
    noise_trust: Table
    groups: list[Table]
    """Errors by groups of samples."""
    baselines: dict[str, str]
    """What each baseline is."""
    dipoles: str
    """Which setting of the equivalent dipoles was chosen."""
    intervals: str
    """What stands in brackets beside an error."""
    trust: Table
    """How well the models know their errors on the set; no rows where none says anything."""
    trust_on_sets: Table
    """How well the final stage knows them on the sets beside it; likewise."""
    trust_of_milestones: Table
    """How well the milestones know them on test_final; likewise."""
    references: list[CaseTable]
    milestones: Table | None
    """None where test_final was not opened or no stage is a milestone."""
    milestones_text: str
    definitions: list[Definition]


@dataclass(frozen=True)
class ErrorLevel:
    """Median relative L2 errors of one predictor."""

    name: str
    train_samples: int | None
    """None for a baseline."""
    e: float
    h: float
    e_interval: Interval | None
    h_interval: Interval | None
    """None for a set of one family."""


@dataclass(frozen=True)
class LossCurve:
    """Losses of a training stage by epoch; NaN where an epoch has none."""

    stage: str
    epoch: list[float]
    train: list[float]
    val: list[float]
    e: list[float] | None
    """Median relative L2 error of E on the validation samples; None where the training did not measure it."""
    h: list[float] | None
    kept: int
    """The epoch whose model was kept."""


@dataclass(frozen=True)
class Plane:
    """The points of the target plane, mm."""

    x_mm: list[float]
    y_mm: list[float]


@dataclass(frozen=True)
class StoredPrediction:
    """What a predictor made of a sample, as its error: that way even a small error keeps its digits."""

    error: StoredField
    """Prediction - truth."""
    rel_l2_e: float
    """Of this sample."""
    rel_l2_h: float


@dataclass(frozen=True)
class StoredSample:
    """One sample of the field viewer."""

    title: str
    truth: StoredField
    predictions: dict[str, StoredPrediction]


@dataclass(frozen=True)
class Drawn:
    """What the page's script reads."""

    stages: list[ErrorLevel]
    baselines: list[ErrorLevel]
    """The best ones, the best first."""
    curves: list[LossCurve]
    plane: Plane
    components: list[str]
    totals: dict[str, list[str]]
    """Components of the vector whose length is shown, by its name."""
    units: dict[str, str]
    """By the first letter of a component."""
    colours: dict[str, list[str]]
    samples: list[StoredSample]


def overview(
    val: ValResults, test: MilestoneResults | NotOpened, looks: Sequence[Look], geometry: Geometry
) -> Overview:
    """The text of the page: the results of ``val_fixed`` and of ``test_final``, and the number of looks at it."""
    return Overview(
        facts=_facts(geometry),
        cards=_cards(val, test, looks),
        val_set=f"{val.set}, {count(val.samples, 'sample')}",
        val=_table(val),
        strength=strength_table(val),
        compared=comparison_table(val),
        about_compared=ABOUT_COMPARISONS,
        sets=sets_table(val),
        noise=noise_table(val),
        noise_trust=noise_trust_table(val),
        groups=group_tables(val),
        baselines={name: BASELINES[name] for name in val.baselines if name in BASELINES},
        dipoles=about_dipoles(val.equivalent_dipoles),
        intervals=ABOUT_INTERVALS,
        trust=trust_table(val),
        trust_on_sets=sets_trust_table(val),
        trust_of_milestones=trust_table(test) if isinstance(test, MilestoneResults) else NO_TRUST,
        references=case_tables(val),
        milestones=_table(test) if isinstance(test, MilestoneResults) and test.models else None,
        milestones_text=about_milestones(test, looks),
        definitions=[Definition(name, head, definitions(Metrics)[name]) for name, head in COLUMNS.items()],
    )


def drawn(val: ValResults, curves: Mapping[str, pd.DataFrame], fields: PicturedFields, plane: Grid) -> Drawn:
    """What the script draws: the errors of ``val``, loss curves by stage, and the fields of fixed samples.

    Raises ValueError where the fields are not on ``plane``.
    """
    if fields.truth.shape[-2:] != plane.shape:
        raise ValueError(f"the fields must be on {plane.shape} points, found {fields.truth.shape[-2:]}")
    return Drawn(
        stages=[_level(name, model, model.train_samples) for name, model in val.models.items()],
        baselines=[_level(name, val.baselines[name], None) for name in by_errors(val.baselines)[:SHOWN_BASELINES]],
        curves=[_loss_curve(stage, curve) for stage, curve in curves.items()],
        plane=Plane(in_mm(plane.x), in_mm(plane.y)),
        components=list(TARGET_COMPONENTS),
        totals={"|E|": list(E_COMPONENTS), "|H|": list(H_COMPONENTS)},
        units=dict(UNITS),
        colours={use: colours(name) for use, name in COLOUR_MAPS.items()},
        samples=[_stored_sample(fields, place) for place in range(len(fields.ids))],
    )


def _facts(geometry: Geometry) -> list[str]:
    source, target = geometry.source, geometry.target
    return [
        f"{geometry.frequency * _GHZ:g} GHz, peak phasors, time factor exp(+jwt).",
        f"Source H (given): {_extent(source)}.",
        f"Target E and H (predicted): {_extent(target)}.",
    ]


def _extent(grid: Grid) -> str:
    x, y = in_mm(grid.x), in_mm(grid.y)
    return (
        f"{grid.nx} x {grid.ny} points, x {x[0]:g} to {x[-1]:g} mm, y {y[0]:g} to {y[-1]:g} mm, "
        f"at z = {round(_MM * grid.z, 6):g} mm"
    )


def _cards(val: ValResults, test: MilestoneResults | NotOpened, looks: Sequence[Look]) -> list[Card]:
    number = len(looks_at(looks, test.test_set_sha256))
    found = [
        Card(each.label, each.name, f"{each.errors[0].upper()}{each.errors[1:]}. {each.note}".removesuffix(" "))
        for each in highlights(val, test)
    ]
    return [*found, Card("Looks at test_final", f"{number}", "Each model counted once.")]


def _table(results: SetResults) -> Table:
    rows = [
        [
            name,
            _trained_on(result),
            *metric_cells(result, columns("errors")),
        ]
        for name, result in {**results.models, **results.baselines}.items()
    ]
    return Table(["", "training samples", *columns("errors").values()], rows)


def _trained_on(result: Result) -> str:
    return f"{result.train_samples:,}" if isinstance(result, ModelResult) else NO_VALUE


def _level(name: str, result: Result, train_samples: int | None) -> ErrorLevel:
    intervals = result.intervals.get("rel_l2_e"), result.intervals.get("rel_l2_h")
    return ErrorLevel(name, train_samples, result.metrics.rel_l2_e, result.metrics.rel_l2_h, *intervals)


def _loss_curve(stage: str, curve: pd.DataFrame) -> LossCurve:
    epoch, train, val = (_column(curve, name) for name in ("epoch", "train_loss", "val_loss"))
    of_e, of_h = (_column(curve, name) if name in curve.columns else None for name in ("val_rel_l2_e", "val_rel_l2_h"))
    return LossCurve(stage, epoch, train, val, of_e, of_h, kept_epoch(curve))


def _column(curve: pd.DataFrame, name: str) -> list[float]:
    values: list[float] = curve[name].to_numpy(np.float64).tolist()
    return values


def in_mm(metres: NDArray[np.float64]) -> list[float]:
    """To the nanometre: 3e-3 m is 3 mm, whatever its last bit says."""
    millimetres: list[float] = np.round(_MM * metres, 6).tolist()
    return millimetres


def colours(name: str) -> list[str]:
    """Of a map of matplotlib, evenly from its lower end to its upper one, as browsers name them."""
    return [to_hex(colour) for colour in colormaps[name](np.linspace(0.0, 1.0, _COLOURS_OF_A_MAP))]


def _stored_sample(fields: PicturedFields, place: int) -> StoredSample:
    truth = fields.truth[place].astype(np.float64)
    predictions = {name: _stored_prediction(field[place], truth) for name, field in fields.predictions.items()}
    return StoredSample(fields.titles[place], stored(truth), predictions)


def _stored_prediction(prediction: Channels, truth: Channels) -> StoredPrediction:
    error = prediction.astype(np.float64) - truth
    e_error, h_error = (_relative(error[part], truth[part]) for part in (E_CHANNELS, H_CHANNELS))
    return StoredPrediction(stored(error), e_error, h_error)


def _relative(error: Channels, truth: Channels) -> float:
    """||error|| / ||truth||; NaN where the truth is zero."""
    size = float(np.linalg.norm(truth))
    return float(np.linalg.norm(error)) / size if size else float("nan")
