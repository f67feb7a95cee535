"""Alerts: what a person should look at."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from ttt.engine.checkpoint import TrainingProgress


@dataclass(frozen=True)
class Alert:
    """One alert."""

    alert: str
    """``no_improvement``, ``not_finite`` or ``lr_zero``."""
    epoch: int
    step: int
    message: str


def alerts_of_epoch(place: TrainingProgress, figures: Mapping[str, float], patience: int) -> list[Alert]:
    """What is alarming about the epoch that has just ended."""
    found = {}
    waited = place.epoch - place.best_epoch
    if waited > 0 and waited % patience == 0:
        found["no_improvement"] = f"no better score in the last {waited} epochs"
    if bad := [f"{name} is {value}" for name, value in figures.items() if not math.isfinite(value)]:
        found["not_finite"] = "; ".join(bad)
    if place.lr == 0:
        found["lr_zero"] = "the learning rate is 0, so nothing is learned"
    return [Alert(kind, place.epoch, place.step, message) for kind, message in found.items()]
