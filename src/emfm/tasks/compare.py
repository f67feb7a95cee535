"""Compare trainings sample by sample on val_fixed: ``python -m emfm.tasks.compare BASE NAME [NAME ...]``.

BASE and NAME are DVC experiments or any git revisions; with BASE alone the workspace is compared with it. What makes a
sample hard for both drops out: each error is shown in multiples of that of BASE on the same sample, the median over the
samples with its 95 % interval by a bootstrap that draws whole scene families. An interval that holds 1 shows no
difference. Another seed is another training: how much that changes, `python -m emfm.tasks.seeds` measures.
"""

import argparse
import sys
from typing import Final

import numpy as np

from emfm.core.field_errors import SampleErrors
from emfm.evaluate.comparisons import compare_two
from emfm.plot.cells import ratio_cell
from emfm.plot.numbers import shown
from emfm.plot.text import table
from emfm.results.comparisons import in_words
from emfm.results.definitions import BASELINES
from emfm.results.sample_errors import ErrorTable
from emfm.tasks.error_tables import WORKSPACE, error_table_of, same_samples
from ttt.command import run_command
from ttt.config import UserError
from ttt.program import called_as


def main(arguments: list[str] | None = None) -> int:
    """Run the command; the exit status."""
    parser = argparse.ArgumentParser(
        prog=called_as("emfm.tasks.compare"),
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("base", help="experiment or revision that the others are compared with")
    parser.add_argument("names", nargs="*", help="experiments or revisions; default: the workspace")
    parser.add_argument("--predictor", help="stage or baseline to compare; default: the last stage of each")
    return run_command(_compare, parser.parse_args(arguments))


def _compare(args: argparse.Namespace) -> None:
    trainings = {name: error_table_of(name) for name in [args.base, *(args.names or [WORKSPACE])]}
    same = same_samples(trainings)
    labels = {name: _predictor(name, found, args.predictor) for name, found in trainings.items()}
    errors = {f"{name}, {label}": trainings[name].of(same).errors[label] for name, label in labels.items()}
    families = trainings[args.base].of(same).numbered_families()
    base, of_base = next(iter(errors.items()))
    rows, verdicts = [[base, *_medians(of_base), "", ""]], [""]
    for label, of_one in list(errors.items())[1:]:
        found = compare_two(label, of_one, base, of_base, families)
        ratios = [ratio_cell(found.rel_l2_e.of_samples), ratio_cell(found.rel_l2_h.of_samples)]
        rows.append([label, *_medians(of_one), *ratios])
        verdicts.append(f"{label}: {in_words(found, len(same))}")
    sys.stdout.write(_ABOUT.format(samples=len(same), families=families.max() + 1, base=args.base))
    sys.stdout.write(table(rows, ["", "E", "H", "E, ratio", "H, ratio"]) + "\n")
    sys.stdout.write("\n".join(verdicts) + "\n" + _BESIDES)


_ABOUT: Final = """\
val_fixed, {samples:,} samples of {families:,} scene families. E, H: median relative L2 errors.
ratio: error / error of {base} on the same sample, median over the samples, with its 95 % interval.

"""
_BESIDES: Final = """
This is of these trainings. Another seed is another training: `python -m emfm.tasks.seeds` shows how
much that changes.
"""


def _predictor(name: str, found: ErrorTable, wanted: str | None) -> str:
    """The predictor that was asked for, or the last stage."""
    if wanted is None:
        return [predictor for predictor in found.errors if predictor not in BASELINES][-1]
    if wanted not in found.errors:
        raise UserError(f"--predictor: {name} has no '{wanted}'; choose from {', '.join(found.errors)}")
    return wanted


def _medians(errors: SampleErrors) -> list[str]:
    return [shown(float(np.median(values))) for values in (errors.rel_l2_e, errors.rel_l2_h)]


if __name__ == "__main__":
    sys.exit(main())
