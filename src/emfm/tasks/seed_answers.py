"""What the report says of trainings that differ in their seed alone, and which of its answers all of them give."""

import json
from collections.abc import Sequence

from emfm.plot.text import table
from emfm.results.comparisons import Comparison, Ratio
from emfm.workflow.paths import VAL_RESULTS
from emfm.workflow.revisions import file_of
from ttt.config import UserError, parse_section


def answers(experiments: Sequence[str]) -> list[str]:
    """The report's comparisons, sample by sample on val_fixed, of each of the ``experiments``, as lines of a table.

    Raises UserError where an experiment's results are not those of this code, or compare other stages.
    """
    found = [_comparisons(experiment) for experiment in experiments]
    if len({tuple(one) for one in found}) > 1:
        raise UserError(f"{', '.join(experiments)}: their reports compare other stages with each other")
    rows = [_row(pair, [one[pair] for one in found]) for pair in found[0]]
    return table(rows, ["", "E, times", "H, times", "all of them say"]).splitlines()


def _comparisons(experiment: str) -> dict[str, Comparison]:
    """By what is compared with what."""
    content = json.loads(file_of(experiment, VAL_RESULTS.as_posix()))
    problems: list[str] = []
    parsed = [parse_section(Comparison, one, "comparisons", problems) for one in content.get("comparisons", [])]
    if problems:
        raise UserError(f"{VAL_RESULTS} of {experiment}: {'; '.join(problems)}; run it again with this code")
    return {f"{one.predictor} against {one.against}": one for one in parsed if one is not None}


def _row(pair: str, comparisons: Sequence[Comparison]) -> list[str]:
    of_e, of_h = ([getattr(one, key).of_samples for one in comparisons] for key in ("rel_l2_e", "rel_l2_h"))
    values = [", ".join(f"{ratio.value:.3f}" for ratio in part) for part in (of_e, of_h)]
    return [pair, *values, f"E {_said_by_all(of_e)}, H {_said_by_all(of_h)}"]


def _said_by_all(ratios: Sequence[Ratio]) -> str:
    verdicts = {_verdict(ratio) for ratio in ratios}
    return verdicts.pop() if len(verdicts) == 1 else "not the same"


def _verdict(ratio: Ratio) -> str:
    if not ratio.differs:
        return "no difference"
    return "smaller" if ratio.value < 1 else "larger"
