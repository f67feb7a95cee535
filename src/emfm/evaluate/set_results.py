"""From the metrics of a predictor on a set to its entry in the results."""

from collections.abc import Mapping, Sequence

import numpy as np

from emfm.core.field_errors import FieldErrors, SampleErrors
from emfm.evaluate.groups import Group
from emfm.evaluate.set_metrics import SetMetrics
from emfm.results.definitions import Grouping
from emfm.results.schema import GroupErrors, Metrics, ModelResult, NoiseErrors, Result, TrustMetrics


def predictor_result(
    found: SetMetrics, groups: Mapping[Grouping, Sequence[Group]], noise: Mapping[float, FieldErrors]
) -> Result:
    """The result of a predictor: its figures, those of ``groups`` of its samples, and its errors by ratio of noise."""
    return Result(
        metrics=Metrics.model_validate(found.compute()),
        rmse_per_channel=found.rmse_per_channel(),
        groups={
            name: [_group_errors(found.per_sample(), group) for group in found_in] for name, found_in in groups.items()
        },
        noise=[_noise_errors(snr_db, errors.compute()) for snr_db, errors in noise.items()],
    )


def model_result(
    result: Result, train_samples: int, checkpoint_sha256: str, trust: Mapping[str, float] | None = None
) -> ModelResult:
    """The result of a trained model from that of its predictions, and what `emfm.evaluate.agreement` says of it."""
    return ModelResult(
        **dict(result),
        train_samples=train_samples,
        checkpoint_sha256=checkpoint_sha256,
        trust=None if trust is None else TrustMetrics.model_validate(trust),
    )


def _group_errors(errors: SampleErrors, group: Group) -> GroupErrors:
    return GroupErrors(
        low=group.low,
        high=group.high,
        samples=len(group.places),
        rel_l2_e=float(np.median(errors.rel_l2_e[group.places])),
        rel_l2_h=float(np.median(errors.rel_l2_h[group.places])),
    )


def _noise_errors(snr_db: float, errors: Mapping[str, float]) -> NoiseErrors:
    return NoiseErrors(snr_db=snr_db, rel_l2_e=errors["rel_l2_e"], rel_l2_h=errors["rel_l2_h"])
