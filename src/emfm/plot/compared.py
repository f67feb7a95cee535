"""Which stage to use, and by how much stages and baselines differ on the same samples."""

from typing import Final

from emfm.plot.cells import ratio_cell
from emfm.plot.text import Table
from emfm.results.best import ordered
from emfm.results.comparisons import Comparison, in_words
from emfm.results.schema import SetResults, ValResults
from emfm.workflow.paths import best_model

ABOUT_COMPARISONS: Final = (
    "Error of the first in multiples of that of the second on the same sample, median over the samples, with its 95 % "
    "bootstrap interval, drawn by whole scene families. What makes a sample hard for both drops out, so that this "
    "shows differences that the intervals of single predictors hide; an interval that holds 1 shows none. All of it is "
    "of these samples and these trainings: python -m emfm.tasks.seeds measures what another seed changes."
)


def comparison_table(results: SetResults) -> Table:
    """A row for each comparison of two predictors, with what follows in words."""
    rows = [
        [
            f"{one.predictor} against {one.against}",
            ratio_cell(one.rel_l2_e.of_samples),
            ratio_cell(one.rel_l2_h.of_samples),
            in_words(one, results.samples),
        ]
        for one in results.comparisons
    ]
    return Table(["", "E, times", "H, times", "in words"], rows)


def about_recommended(val: ValResults) -> str:
    """Which model to use, and how it differs from that of the next best stage, in sentences."""
    number = list(val.models).index(val.recommended) + 1
    use = f"Use its model, {best_model(number)}."
    others = {name: model.metrics for name, model in val.models.items() if name != val.recommended}
    if not others:
        return use
    second = ordered(others)[0]
    found = found_comparison(val, val.recommended, second)
    return use if found is None else f"{use} Against {second}, the next: {in_words(found, val.samples)}."


def found_comparison(results: SetResults, predictor: str, against: str) -> Comparison | None:
    """The comparison of two predictors, if it was made."""
    pair = (predictor, against)
    return next((one for one in results.comparisons if (one.predictor, one.against) == pair), None)
