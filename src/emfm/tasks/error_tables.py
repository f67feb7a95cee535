"""The tables of errors of several revisions, and the samples that they share."""

import sys
from collections.abc import Mapping
from typing import Final

from emfm.results.sample_errors import ErrorTable, Judged, parse_error_table, read_error_table
from emfm.workflow.paths import VAL_ERRORS
from emfm.workflow.revisions import file_of
from ttt.config import UserError

WORKSPACE: Final = "workspace"
"""The name of what lies in the working folder, committed or not."""


def error_table_of(name: str) -> ErrorTable:
    """The errors on val_fixed of an experiment, a revision or the workspace."""
    if name == WORKSPACE:
        return read_error_table(VAL_ERRORS)
    return parse_error_table(file_of(name, VAL_ERRORS.as_posix()), f"{VAL_ERRORS} of {name}")


def same_samples(trainings: Mapping[str, ErrorTable]) -> list[Judged]:
    """The samples that all have, by ID and content; says where these are not all of them."""
    (base, first), *others = trainings.items()
    in_others = [frozenset(other.samples) for _, other in others]
    same = [sample for sample in first.samples if all(sample in other for other in in_others)]
    if not same:
        names = ", ".join(name for name, _ in others)
        raise UserError(
            f"{base} and {names}: no sample of val_fixed is the same in all; compare trainings of one data set"
        )
    if any(len(found.samples) > len(same) for found in trainings.values()):
        sys.stderr.write(f"only the {len(same):,} samples of val_fixed that are the same in all are compared\n")
    return same
