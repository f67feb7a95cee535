"""From the metrics of a predictor on a set to its entry in the results."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from emfm.core.field_errors import FieldErrors, SampleErrors
from emfm.evaluate.agreement import Expectation, agreement
from emfm.evaluate.groups import Group
from emfm.evaluate.set_metrics import SetMetrics
from emfm.results.definitions import Grouping
from emfm.results.schema import GroupErrors, Interval, Metrics, ModelResult, NoiseErrors, Result, TrustMetrics


def predictor_result(
    found: SetMetrics,
    families: NDArray[np.int64],
    groups: Mapping[Grouping, Sequence[Group]],
    noise: Mapping[float, tuple[FieldErrors, Expectation | None]],
) -> Result:
    """The result of a predictor: its figures, those of ``groups`` of its samples, and its errors by ratio of noise.

    ``families`` ``(n,)`` says which scene family each sample is of. Beside the errors with noise stands what the
    predictor says of them; None: it says nothing.
    """
    return Result(
        metrics=Metrics.model_validate(found.compute()),
        intervals={name: Interval(low=low, high=high) for name, (low, high) in found.intervals(families).items()},
        rmse_per_channel=found.rmse_per_channel(),
        groups={
            name: [_group_errors(found.per_sample(), group) for group in found_in] for name, found_in in groups.items()
        },
        noise=[_noise_errors(snr_db, *with_noise) for snr_db, with_noise in noise.items()],
    )


def model_result(
    result: Result, train_samples: int, checkpoint_sha256: str, trust: TrustMetrics | None = None
) -> ModelResult:
    """The result of a trained model from that of its predictions, and how well it knows their errors."""
    return ModelResult(**dict(result), train_samples=train_samples, checkpoint_sha256=checkpoint_sha256, trust=trust)


def trust_metrics(said: Expectation | None, errors: SampleErrors) -> TrustMetrics | None:
    """How well a predictor knows its ``errors``; None for one that says nothing of them."""
    found = None if said is None else agreement(said, errors)
    return None if found is None else TrustMetrics.model_validate(found)


def _group_errors(errors: SampleErrors, group: Group) -> GroupErrors:
    return GroupErrors(
        low=group.low,
        high=group.high,
        samples=len(group.places),
        rel_l2_e=float(np.median(errors.rel_l2_e[group.places])),
        rel_l2_h=float(np.median(errors.rel_l2_h[group.places])),
    )


def _noise_errors(snr_db: float, errors: FieldErrors, said: Expectation | None) -> NoiseErrors:
    figures, trust = errors.compute(), trust_metrics(said, errors.per_sample())
    return NoiseErrors(snr_db=snr_db, rel_l2_e=figures["rel_l2_e"], rel_l2_h=figures["rel_l2_h"], trust=trust)
