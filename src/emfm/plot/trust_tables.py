"""How well the models know their own errors, in tables of the report."""

from typing import Final

from emfm.plot.further import percent, sets_by_row
from emfm.plot.numbers import NO_VALUE
from emfm.plot.text import Table
from emfm.results.schema import SetResults, TrustMetrics, ValResults

_HEADS: Final = [
    "",
    "rank correlation, E / H",
    "true / expected error, E / H",
    "within the 90 % bound, E / H",
    "called unlike the training samples",
]


NO_TRUST: Final = Table(_HEADS, [])


def trust_table(results: SetResults) -> Table:
    """A row for each model that says something of its errors."""
    return Table(_HEADS, [_row(name, model.trust) for name, model in results.models.items() if model.trust is not None])


def sets_trust_table(val: ValResults) -> Table:
    """A row for each set beside val_fixed, of the final stage; none where it says nothing of its errors."""
    return Table(_HEADS, [_row(name, one.trust) for name, one in sets_by_row(val).items() if one.trust is not None])


def noise_trust_table(results: SetResults) -> Table:
    """By ratio of noise how many errors are within the bound, and of how many scans a model warns, a row a model."""
    models = {name: model.noise for name, model in results.models.items() if model.trust is not None and model.noise}
    ratios = [noise.snr_db for noise in next(iter(models.values()), [])]
    rows = [[name, *(_within(noise.trust) for noise in by_ratio)] for name, by_ratio in models.items()]
    return Table(["E / H, warned of", *(f"{ratio:g} dB" for ratio in ratios)], rows)


def _row(name: str, trust: TrustMetrics) -> list[str]:
    return [
        name,
        _pair(trust.rank_correlation_e, trust.rank_correlation_h),
        _pair(trust.true_over_expected_e, trust.true_over_expected_h),
        _covered(trust),
        percent(trust.unlike_training),
    ]


def _within(trust: TrustMetrics | None) -> str:
    return NO_VALUE if trust is None else f"{_covered(trust)}, {percent(trust.unlike_training)}"


def _covered(trust: TrustMetrics) -> str:
    return f"{percent(trust.coverage_e)} / {percent(trust.coverage_h)}"


def _pair(of_e: float | None, of_h: float | None) -> str:
    return " / ".join(NO_VALUE if value is None else f"{value:.2f}" for value in (of_e, of_h))
