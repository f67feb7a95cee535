"""Which of several predictors is the best: everywhere by the same rule."""

from collections.abc import Mapping
from typing import Protocol, TypeVar

from emfm.results.definitions import UNTRAINED
from emfm.results.schema import Result

R = TypeVar("R", bound=Result)


class Errors(Protocol):
    """Relative L2 errors of E and of H, of a set in the median or of a case."""

    @property
    def rel_l2_e(self) -> float:
        """Of E."""
        ...

    @property
    def rel_l2_h(self) -> float:
        """Of H."""
        ...


def sum_of_errors(errors: Errors) -> float:
    """By which predictors, and cases, are ordered."""
    return errors.rel_l2_e + errors.rel_l2_h


def ordered(errors: Mapping[str, Errors]) -> list[str]:
    """The names by `sum_of_errors`, the best first; of equal ones the earlier is the better."""
    return sorted(errors, key=lambda name: sum_of_errors(errors[name]))


def by_errors(results: Mapping[str, R]) -> list[str]:
    """The names of results in the order of their errors, the best first."""
    return ordered({name: result.metrics for name, result in results.items()})


def lowest_errors(results: Mapping[str, R]) -> tuple[str, R]:
    """The name and the result of the best."""
    name = by_errors(results)[0]
    return name, results[name]


def best_untrained(baselines: Mapping[str, Result]) -> str | None:
    """The name of the best baseline that learns nothing; None where there is none."""
    untrained = {name: baseline for name, baseline in baselines.items() if name in UNTRAINED}
    return next(iter(by_errors(untrained)), None)
