"""Which of several predictors is the best: everywhere by the same rule."""

from collections.abc import Mapping
from typing import TypeVar

from emfm.results.definitions import UNTRAINED
from emfm.results.schema import Result

R = TypeVar("R", bound=Result)


def by_errors(results: Mapping[str, R]) -> list[str]:
    """The names in the order of the sum of the median relative L2 errors of E and H, the best first."""
    return sorted(results, key=lambda name: results[name].metrics.rel_l2_e + results[name].metrics.rel_l2_h)


def lowest_errors(results: Mapping[str, R]) -> tuple[str, R]:
    """The name and the result of the best."""
    name = by_errors(results)[0]
    return name, results[name]


def best_untrained(baselines: Mapping[str, Result]) -> str | None:
    """The name of the best baseline that learns nothing; None where there is none."""
    untrained = {name: baseline for name, baseline in baselines.items() if name in UNTRAINED}
    return next(iter(by_errors(untrained)), None)
