"""The report beyond relative errors: dB and Maxwell's equations, other sets, noise, groups of samples."""

from collections.abc import Mapping
from typing import Final

from emfm.core.measurement import AS_STORED
from emfm.plot.numbers import NO_VALUE, shown
from emfm.plot.text import Table
from emfm.results.definitions import Grouping
from emfm.results.schema import GroupErrors, Metrics, NoiseErrors, OtherSet, Result, SetResults, ValResults, columns

GROUP_TITLES: Final[dict[Grouping, str]] = {
    "depth": "shallowest source below the scan [mm]",
    "elements": "current elements",
    "family_size": "size of the scene family",
}
"""The groupings in the order of the report, each with the head of its column."""

_MM: Final = 1e3
_UNLIKE: Final = "called unlike the training samples"


def strength_table(results: SetResults) -> Table:
    """Errors of the field's strength and the residual of Maxwell's equations, a row for each predictor."""
    rows = []
    for name, result in _predictors(results).items():
        figures = result.metrics
        cells = [shown(getattr(figures, column)) for column in columns("strength")]
        rows.append([name, *cells, _ratio(figures.maxwell_residual, figures.maxwell_residual_truth)])
    return Table(["", *columns("strength").values(), "times the truth's"], rows)


def truth_residual(results: SetResults) -> str:
    """What the differences leave of the true field, in a sentence; empty where there are no predictors."""
    for result in _predictors(results).values():
        residual = result.metrics.maxwell_residual_truth
        if residual is None:
            return "The target plane has fewer than 3 points along an axis: no Maxwell residual."
        return f"Maxwell residual of the true fields, by the same differences: {shown(residual)}."
    return ""


def sets_table(val: ValResults) -> Table:
    """Relative errors on the sets beside val_fixed: a row each, a column for the final stage and each baseline.

    The last column is the share that the final stage calls unlike its training samples, if it says so of any set.
    """
    final, baselines = final_and_baselines(val)
    names = [final, *baselines]
    trust = val.models[final].trust
    unlike = {val.set: None if trust is None else trust.unlike_training}
    others = sets_by_row(val)
    unlike |= {name: None if other.trust is None else other.trust.unlike_training for name, other in others.items()}
    heads = [] if all(share is None for share in unlike.values()) else [_UNLIKE]
    shown = {val.set: (val.samples, {final: val.models[final].metrics} | _figures(val.baselines))}
    shown |= {name: (other.samples, other.metrics) for name, other in others.items()}
    rows = [
        [
            name,
            f"{samples:,}",
            *(_pair(figures[column].rel_l2_e, figures[column].rel_l2_h) for column in names),
            *(percent(unlike[name]) for _ in heads),
        ]
        for name, (samples, figures) in shown.items()
    ]
    return Table(["E / H", "samples", *names, *heads], rows)


def sets_by_row(val: ValResults) -> dict[str, OtherSet]:
    """The sets beside val_fixed as their rows are called: a reference set may have the name of a kind of scenes."""
    return {**val.references, **{f"kind {name}": other for name, other in val.sets.items()}}


def left_out(val: ValResults) -> str:
    """Which sets were not evaluated, a line each."""
    return "\n".join(f"- {name} is left out: {reason}." for name, reason in val.left_out.items())


def scans_read(results: SetResults) -> str:
    """How the scans of a set are read, in a sentence."""
    return f"Scans of {results.set} are read {results.scans}."


def noise_table(results: SetResults) -> Table:
    """Relative errors as in all other tables, and with noise alone in the stored source H, a row for each predictor.

    No rows where no noise was asked for.
    """
    predictors = _predictors(results)
    ratios = [noise.snr_db for noise in next(iter(predictors.values())).noise] if predictors else []
    if not ratios:
        return Table(["E / H"], [])
    rows = []
    for name, result in predictors.items():
        with_noise = [_pair_of(noise) for noise in result.noise]
        rows.append([name, _pair(result.metrics.rel_l2_e, result.metrics.rel_l2_h), *with_noise])
    plain = "no noise" if results.scans == AS_STORED else "as measured"
    return Table(["E / H", plain, *(f"{ratio:g} dB" for ratio in ratios)], rows)


def group_tables(val: ValResults) -> list[Table]:
    """Relative errors of the final stage and the baselines by groups of samples, a table for each grouping."""
    final, baselines = final_and_baselines(val)
    columns: dict[str, Result] = {final: val.models[final], **baselines}
    tables = []
    for grouping, title in GROUP_TITLES.items():
        groups = val.models[final].groups.get(grouping, [])
        rows = [
            [
                group_label(group, grouping),
                f"{group.samples:,}",
                *(_pair_of(result.groups[grouping][place]) for result in columns.values()),
            ]
            for place, group in enumerate(groups)
        ]
        if rows:
            tables.append(Table([f"{title}, E / H", "samples", *columns], rows))
    return tables


def group_label(group: GroupErrors, grouping: Grouping) -> str:
    """The values of a group: ``3``, ``2 to 5``, ``1.02 to 1.31`` (mm), or ``not known``."""
    if group.low is None or group.high is None:
        return "not known"
    if grouping == "depth":
        return f"{group.low * _MM:.2f} to {group.high * _MM:.2f}"
    return f"{group.low:g}" if group.low == group.high else f"{group.low:g} to {group.high:g}"


def final_and_baselines(val: ValResults) -> tuple[str, Mapping[str, Result]]:
    """The name of the last stage, and the baselines."""
    return list(val.models)[-1], val.baselines


def percent(share: float | None) -> str:
    """``12.5 %``, or a dash for what is not known."""
    return NO_VALUE if share is None else f"{100 * share:.1f} %"


def _predictors(results: SetResults) -> dict[str, Result]:
    return {**results.models, **results.baselines}


def _figures(results: Mapping[str, Result]) -> dict[str, Metrics]:
    return {name: result.metrics for name, result in results.items()}


def _pair_of(errors: GroupErrors | NoiseErrors) -> str:
    return _pair(errors.rel_l2_e, errors.rel_l2_h)


def _pair(e_error: float, h_error: float) -> str:
    return f"{shown(e_error)} / {shown(h_error)}"


def _ratio(value: float | None, by: float | None) -> str:
    return shown(value / by) if value is not None and by else NO_VALUE
