"""The results in a few lines, which the report and the page show first, and what both say of test_final."""

from collections.abc import Sequence
from dataclasses import dataclass

from emfm.plot.compared import about_recommended, found_comparison
from emfm.plot.numbers import shown
from emfm.plot.text import count
from emfm.results.best import lowest_errors, ordered
from emfm.results.comparisons import in_words
from emfm.results.ledger import Look, looks_at
from emfm.results.schema import Metrics, MilestoneResults, NotOpened, ValResults


@dataclass(frozen=True)
class Highlight:
    """One result: on what set, of which predictor, and how large its errors are."""

    label: str
    name: str
    errors: str
    note: str = ""
    """A further sentence."""


def highlights(val: ValResults, test: MilestoneResults | NotOpened) -> list[Highlight]:
    """The best stage beside the best baseline, the milestones on test_final, the final stage on the reference cases."""
    stage, model = val.recommended, val.models[val.recommended]
    trained = f"Trained on {count(model.train_samples, 'sample')}. {about_recommended(val)}"
    found = [Highlight(f"Best stage on {val.set}", stage, errors_of(model.metrics), trained)]
    if val.baselines:
        name, baseline = lowest_errors(val.baselines)
        ratios = [
            shown(getattr(model.metrics, key) / getattr(baseline.metrics, key)) for key in ("rel_l2_e", "rel_l2_h")
        ]
        note = f"The errors of {stage} are {ratios[0]} (E) and {ratios[1]} (H) times as large."
        compared = found_comparison(val, stage, name)
        note += "" if compared is None else f" Sample by sample: {in_words(compared, val.samples)}."
        found.append(Highlight(f"Best baseline on {val.set}", name, errors_of(baseline.metrics), note))
    if isinstance(test, NotOpened):
        found.append(Highlight("On test_final", "not opened", "the training is not the promoted one"))
    else:
        found += [Highlight("On test_final", name, errors_of(result.metrics)) for name, result in test.models.items()]
    return found + _at_references(val)


def _at_references(val: ValResults) -> list[Highlight]:
    """The final stage beside the baseline that is best, on each reference set."""
    found, stage = [], list(val.models)[-1]
    for name, reference in val.references.items():
        known = {other: metrics for other, metrics in reference.metrics.items() if other != stage}
        best = next(iter(ordered(known)), None)
        note = "" if best is None else f"Best baseline: {best}, {errors_of(known[best])}."
        if given := reference.board_given:
            note += f" Where the ground plane is given: {errors_of(given)}."
        label = f"On the {count(reference.samples, 'reference case')} ({name})"
        found.append(Highlight(label, stage, errors_of(reference.metrics[stage]), note))
    return found


def about_milestones(test: MilestoneResults | NotOpened, looks: Sequence[Look]) -> str:
    """Whether test_final was opened, with how many samples, and how often it was looked at."""
    if isinstance(test, NotOpened):
        opened = "test_final was not opened: the parameters differ from the promoted ones in promoted.yaml."
    elif not test.models:
        opened = "No stage is a milestone under milestone in params.yaml."
    else:
        opened = f"{count(test.samples, 'sample')}."
    number = len(looks_at(looks, test.test_set_sha256))
    return f"{opened} Looks at test_final in its ledger so far, each model counted once: {number}."


def errors_of(metrics: Metrics) -> str:
    """The median relative errors in words."""
    return f"relative L2 error {shown(metrics.rel_l2_e)} of E, {shown(metrics.rel_l2_h)} of H"
