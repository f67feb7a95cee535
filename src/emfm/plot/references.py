"""The reference sets case by case: what the final stage and the baselines make of each, and what it expects."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from emfm.plot.further import final_and_baselines
from emfm.plot.numbers import NO_VALUE
from emfm.results.definitions import REFERENCES
from emfm.results.schema import CaseErrors, DipoleChoice, ReferenceCase, ReferenceSet, ValResults

_ABOUT_BOARDS: Final = (
    "Ground plane given: the field of currents on the board, or the final stage's where these are expected to be off "
    "by much; the median takes the final stage's of cases whose ground plane is not known."
)


@dataclass(frozen=True)
class CaseTable:
    """A reference set as a table, a row a case and one of the medians; its first column is the name."""

    name: str
    about: str
    """What the set is, and how to read the table."""
    heads: list[str]
    rows: list[list[str]]


def case_tables(val: ValResults) -> list[CaseTable]:
    """A table for each reference set that was evaluated."""
    final, baselines = final_and_baselines(val)
    return [_table(name, found, final, list(baselines)) for name, found in val.references.items()]


def about_dipoles(choice: DipoleChoice) -> str:
    """Which setting of the equivalent dipoles was chosen, in a sentence."""
    return (
        f"equivalent_dipoles: of {choice.tried} settings the best on val_fixed is a depth of {choice.depth:g} and a "
        f"margin of {choice.margin:g} pitches of the scan, with a regularisation of {choice.tikhonov:g}; it is used "
        "everywhere."
    )


def _table(name: str, found: ReferenceSet, final: str, baselines: list[str]) -> CaseTable:
    described = any(case.properties for case in found.cases.values())
    of_final = [final, "it expects", "its 90 % bound", "it warns"]
    with_boards = found.board_given is not None
    of_board = ["ground plane given", "then expected", "then 90 % bound", "is of the board"] if with_boards else []
    heads = ["case", *of_final, *of_board, *baselines, *(["properties"] if described else [])]
    rows = [
        [
            case,
            _errors(one.errors[final]),
            _errors(one.expected),
            _errors(one.bound),
            _warning(one),
            *(_given(one) if with_boards else []),
            *(_errors(one.errors[baseline]) for baseline in baselines),
            *([_properties(one.properties)] if described else []),
        ]
        for case, one in found.cases.items()
    ]
    of_set = {predictor: _pair(each.rel_l2_e, each.rel_l2_h) for predictor, each in found.metrics.items()}
    given = (
        [] if found.board_given is None else [_pair(found.board_given.rel_l2_e, found.board_given.rel_l2_h), *[""] * 3]
    )
    medians = [of_set[final], "", "", _share(found), *given, *(of_set[baseline] for baseline in baselines)]
    rows.append([f"median of {found.samples:,}", *medians, *([""] if described else [])])
    about = REFERENCES.get(name, "cases of your own")
    about = f"{name}: {about}; in no training set. Relative L2 errors, E / H."
    return CaseTable(name, f"{about} {_ABOUT_BOARDS}" if with_boards else about, heads, rows)


def _given(case: ReferenceCase) -> list[str]:
    """What is given with the ground plane of a case; the final stage's where it is not known."""
    given = case.board_given
    if given is None:
        return [NO_VALUE] * 4
    return [_errors(given.errors), _errors(given.expected), _errors(given.bound), "yes" if given.is_of_board else "no"]


def _errors(errors: CaseErrors | None) -> str:
    return NO_VALUE if errors is None else _pair(errors.rel_l2_e, errors.rel_l2_h)


def _pair(e_error: float, h_error: float) -> str:
    """To 3 digits: a single case is not worth more."""
    return f"{e_error:#.3g} / {h_error:#.3g}"


def _warning(case: ReferenceCase) -> str:
    if case.unlike_training is None:
        return NO_VALUE
    return "yes" if case.unlike_training else "no"


def _share(found: ReferenceSet) -> str:
    """In how many cases the final stage warns."""
    if found.trust is None:
        return NO_VALUE
    return f"{sum(bool(case.unlike_training) for case in found.cases.values())} of {found.samples:,}"


def _properties(properties: Mapping[str, bool | float | str]) -> str:
    """``board_mm 20, beyond, kind microstrip``: what is false is not named."""
    return ", ".join(
        name if value is True else f"{name} {value if isinstance(value, str) else f'{value:g}'}"
        for name, value in properties.items()
        if value is not False
    )
