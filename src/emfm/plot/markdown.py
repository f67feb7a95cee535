"""The text of the report: results in tables, the pictures, and how each figure is defined."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from emfm.core.channels import TARGET_CHANNELS, UNITS
from emfm.core.noise import NOISE
from emfm.plot.cells import ABOUT_INTERVALS, metric_cells
from emfm.plot.compared import ABOUT_COMPARISONS, comparison_table
from emfm.plot.further import (
    final_and_baselines,
    group_tables,
    left_out,
    noise_table,
    scans_read,
    sets_table,
    strength_table,
    truth_residual,
)
from emfm.plot.numbers import shown
from emfm.plot.references import about_dipoles, case_tables
from emfm.plot.summary import about_milestones, highlights
from emfm.plot.text import count, markdown, table
from emfm.plot.trust_tables import noise_trust_table, sets_trust_table, trust_table
from emfm.results.comparisons import COMPARED, PairedErrors
from emfm.results.definitions import BASELINES, GROUPINGS
from emfm.results.ledger import Look
from emfm.results.schema import (
    INTERVALS,
    Metrics,
    MilestoneResults,
    NotOpened,
    Result,
    SetResults,
    TrustMetrics,
    ValResults,
    columns,
    definitions,
)

_SHOWN_HASH_DIGITS = 12
_ABOUT_NOISE_AND_TRUST = (
    "With noise, the share of errors within the 90 % bound, over the scans that the model does not warn of, and the "
    "share that it warns of:"
)


@dataclass(frozen=True)
class Pictures:
    """The pictures of the report, as links relative to its own folder."""

    loss_curves: str
    scaling_curve: str
    channel_errors: str
    error_by_distance: str | None
    """None where no sample's sources are known."""
    field_maps: Mapping[str, str]
    """Of fixed samples, by what they are called in the report."""
    case_maps: Mapping[str, str]
    """Of reference cases, likewise."""


def render_report(
    val: ValResults, test: MilestoneResults | NotOpened, looks: Sequence[Look], pictures: Pictures
) -> str:
    """The report in Markdown. It holds no time, path or host: the same results give the same text.

    Args:
        val: stages and baselines on val_fixed, and on the sets beside it.
        test: milestones on test_final, or that it was not opened.
        looks: the ledger of test_final; only the number of those at this very set is shown.
        pictures: what to link.
    """
    sections = [
        "# Results",
        "## At a glance",
        _glance(val, test),
        f"## Stages and baselines on {val.set}",
        f"{count(val.samples, 'sample')}, the same for every row. {scans_read(val)}",
        ABOUT_INTERVALS,
        _set_table(val),
        _baselines(val),
        about_dipoles(val.equivalent_dipoles),
        f"![Relative error against training samples]({pictures.scaling_curve})",
        *_compared(val),
        f"## Strength of the field and Maxwell's equations on {val.set}",
        truth_residual(val),
        markdown(strength_table(val)),
        "## Milestones on test_final",
        _milestones(test, looks),
        "## Reference cases and kinds of scenes",
        _sets(val),
        *_cases(val, pictures.case_maps),
        *_trust(val, test),
        *_noise(val),
        *_groups(val, pictures.error_by_distance),
        f"## Root mean square error by channel on {val.set}",
        _channel_table({**val.models, **val.baselines}),
        f"![Root mean square error by channel, beside the best baselines]({pictures.channel_errors})",
        "## Training",
        "Median relative L2 errors and loss by epoch; rings: the epoch whose model was kept. Epoch 0: before training.",
        f"![Errors and loss by epoch]({pictures.loss_curves})",
        f"## Fixed samples of {val.set}",
        *(f"![Fields: {title}]({link})" for title, link in pictures.field_maps.items()),
        "## How the figures are defined",
        "Over all samples and points of a set, in double precision; never a mean of batch means.",
        _definitions(),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _glance(val: ValResults, test: MilestoneResults | NotOpened) -> str:
    lines = [
        " ".join(filter(None, [f"{each.label}: **{each.name}**; {each.errors}.", each.note]))
        for each in highlights(val, test)
    ]
    lines.append("Best is the lowest sum of both errors; each is the median over the set's samples.")
    return "\n".join(f"- {line}" for line in lines)


def _compared(val: ValResults) -> list[str]:
    found = markdown(comparison_table(val))
    return [f"## Stages and baselines sample by sample on {val.set}", ABOUT_COMPARISONS, found] if found else []


def _milestones(test: MilestoneResults | NotOpened, looks: Sequence[Look]) -> str:
    about = about_milestones(test, looks)
    if isinstance(test, NotOpened) or not test.models:
        return about
    parts = [
        about,
        scans_read(test),
        ABOUT_INTERVALS,
        _set_table(test),
        truth_residual(test),
        markdown(strength_table(test)),
    ]
    for intro, found in (
        (ABOUT_COMPARISONS, markdown(comparison_table(test))),
        (
            "How well the models predict their own errors (calibrated on val_fixed, tested here):",
            markdown(trust_table(test)),
        ),
        ("With noise in source H:", markdown(noise_table(test))),
        (_ABOUT_NOISE_AND_TRUST, markdown(noise_trust_table(test))),
    ):
        parts += [intro, found] if found else []
    return "\n\n".join(parts)


def _sets(val: ValResults) -> str:
    """The sets that no split draws from, beside val_fixed."""
    intro = (
        f"Median relative L2 errors, {val.set} for comparison. Reference sets: cases that another program has solved, "
        "in no training set, with scans as they are. kind: simulated scenes of one kind, with scans read as those of "
        "the set above."
    )
    return "\n\n".join(part for part in (intro, markdown(sets_table(val)), left_out(val)) if part)


def _cases(val: ValResults, maps: Mapping[str, str]) -> list[str]:
    """Every reference case, and pictures of some."""
    if not val.references:
        return []
    intro = "Expected error and bound are missing where the model warns: the scan is unlike its training samples."
    parts = ["## Reference cases one by one", intro]
    for found in case_tables(val):
        parts += [found.about, table(found.rows, found.heads)]
    return [*parts, *(f"![Fields: {title}]({link})" for title, link in maps.items())]


def _trust(val: ValResults, test: MilestoneResults | NotOpened) -> list[str]:
    """How well the models know their errors on the very samples that they were calibrated on."""
    found = markdown(trust_table(val))
    if not found:
        return []
    honest = "Milestones on test_final" if isinstance(test, MilestoneResults) and trust_table(test).rows else ""
    intro = (
        f"The errors that the models expect, and the bounds, were calibrated on {val.set} itself: here the true errors "
        "are as large as the expected ones, and 90 % are within the bound, by construction. Only test_final is an "
        "honest test of them; "
    )
    intro += f"see {honest}." if honest else "no such figures of test_final are known."
    intro += " All but the last column is of the samples that the model does not warn of."
    parts = [f"## How well the models predict their own errors on {val.set}", intro, found]
    final, _ = final_and_baselines(val)
    on_sets = markdown(sets_trust_table(val))
    parts += [f"{final} on the sets that it was not calibrated on:", on_sets] if on_sets else []
    return parts


def _noise(val: ValResults) -> list[str]:
    found = markdown(noise_table(val))
    if not found:
        return []
    intro = (
        f"Median relative L2 errors on {val.set}; with noise alone in the stored scans, by the ratio of signal to it."
    )
    trusted = markdown(noise_trust_table(val))
    return ["## Noise in the scan", intro, found, *([_ABOUT_NOISE_AND_TRUST, trusted] if trusted else [])]


def _groups(val: ValResults, picture: str | None) -> list[str]:
    found = group_tables(val)
    if not found:
        return []
    head = f"## Error by depth, number of elements and family size on {val.set}"
    drawn = [] if picture is None else [f"![Error by the depth of the shallowest source]({picture})"]
    return [
        head,
        "Median relative L2 errors over the samples of each group.",
        *(markdown(one) for one in found),
        *drawn,
    ]


def _baselines(results: SetResults) -> str:
    """What each baseline is, a line each."""
    lines = [f"- {name}: {BASELINES[name]}." for name in results.baselines if name in BASELINES]
    return "\n".join(lines)


def _set_table(results: SetResults) -> str:
    rows = [
        [
            stage,
            f"{model.train_samples:,}",
            *metric_cells(model, columns("errors")),
            model.checkpoint_sha256[:_SHOWN_HASH_DIGITS],
        ]
        for stage, model in results.models.items()
    ]
    rows += [[name, "", *metric_cells(baseline, columns("errors")), ""] for name, baseline in results.baselines.items()]
    headers = ["", "training samples", *columns("errors").values(), "checkpoint"]
    return table(rows, headers)


def _channel_table(results: Mapping[str, Result]) -> str:
    rows = [
        [
            f"{name} [{UNITS[name[0]]}]",
            *(shown(result.rmse_per_channel[name]) for result in results.values()),
        ]
        for name in TARGET_CHANNELS
    ]
    return table(rows, ["channel", *results])


def _definitions() -> str:
    heads, defined = columns("errors") | columns("strength"), definitions(Metrics)
    names = {name: f"`{name}` ({heads[name]})" if name in heads else f"`{name}`" for name in defined}
    lines = [f"- {names[name]}: {text}." for name, text in defined.items()]
    lines.append(f"- `intervals`: {INTERVALS}.")
    lines.append(f"- `comparisons`: {COMPARED}.")
    lines += [f"- `comparisons.{name}`: {text}." for name, text in definitions(PairedErrors).items()]
    lines.append("- `rmse_per_channel`: root mean square error over samples and points, V/m or A/m.")
    lines.append(f"- `noise`: relative L2 errors as above with {NOISE}.")
    lines += [f"- `trust.{name}`: {text}." for name, text in definitions(TrustMetrics).items()]
    lines += [f"- `groups.{name}`: relative L2 errors as above by {text}." for name, text in GROUPINGS.items()]
    return "\n".join(lines)
